//! ConfigMaps, Secrets and Nodes.

use ipnet::IpNet;
use serde_json::Value;

use super::cursor::{At, Check};
use crate::field::{FieldError, Path};
use crate::names;

const LARGEST: usize = 1024 * 1024;

pub(super) fn config_map(check: &mut Check<'_>) {
    let (data, binary) = (check.root().child("data"), check.root().child("binaryData"));
    let mut size = 0;
    for (list, is_data) in [(&data, true), (&binary, false)] {
        for (key, at) in list.entries() {
            let name = Value::from(key);
            let keyed = At {
                value: &name,
                path: at.path.clone(),
            };
            check.all_invalid(&keyed, names::config_map_key(key));
            if is_data && binary.child(key).is_set() {
                check.invalid(&keyed, "duplicate of key present in binaryData");
            }
            size += if is_data {
                at.str().len()
            } else {
                at.str().len() / 4 * 3
            };
        }
    }
    if size > LARGEST {
        check.add(FieldError::too_long(&Path::new(""), LARGEST));
    }
}

/// Fields that stay once `immutable` is set.
pub(super) fn immutable(check: &mut Check<'_>, old: &Value, fields: &[&str]) {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    if old["immutable"] != true {
        return;
    }
    if !check.root().child("immutable").is_true() {
        check.forbidden(&check.root().child("immutable"), DETAIL);
    }
    for field in fields {
        let at = check.root().child(field);
        if at.value != old.get(*field).unwrap_or(&Value::Null) {
            check.forbidden(&at, DETAIL);
        }
    }
}

pub(super) fn secret(check: &mut Check<'_>) {
    let data = check.root().child("data");
    let mut size = 0;
    for (key, at) in data.entries() {
        let name = Value::from(key);
        check.all_invalid(
            &At {
                value: &name,
                path: at.path.clone(),
            },
            names::config_map_key(key),
        );
        size += at.str().len() / 4 * 3;
    }
    if size > LARGEST {
        check.add(FieldError::too_long(&data.path, LARGEST));
    }
    let needs = |check: &mut Check<'_>, key: &str| {
        if !data.child(key).is_set() {
            check.add(FieldError::required(&data.path.key(key), ""));
        }
    };
    match check.root().child("type").str() {
        "kubernetes.io/dockercfg" => needs(check, ".dockercfg"),
        "kubernetes.io/dockerconfigjson" => needs(check, ".dockerconfigjson"),
        "kubernetes.io/ssh-auth" => needs(check, "ssh-privatekey"),
        "kubernetes.io/tls" => {
            needs(check, "tls.crt");
            needs(check, "tls.key");
        }
        "kubernetes.io/basic-auth" if !data.child("username").is_set() && !data.child("password").is_set() => {
            needs(check, "username");
            needs(check, "password");
        }
        "kubernetes.io/service-account-token" => {
            let path = Path::new("metadata")
                .child("annotations")
                .key("kubernetes.io/service-account.name");
            let annotations = check.root().child("metadata").child("annotations");
            if !annotations.child("kubernetes.io/service-account.name").has_any() {
                check.add(FieldError::required(&path, ""));
            }
        }
        _ => {}
    }
}

pub(super) fn node(check: &mut Check<'_>) {
    let taints = check.root().child("spec").child("taints");
    let mut seen = std::collections::BTreeSet::new();
    for taint in taints.items() {
        let (key, value, effect) = (taint.child("key"), taint.child("value"), taint.child("effect"));
        check.name(&key, names::label_key);
        check.all_invalid(&value, names::label_value(value.str()));
        check.one_of(&effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"], true);
        if !seen.insert((key.str(), effect.str())) {
            check.add(FieldError::duplicate(&taint.path, taint.value.clone()));
        }
    }
    let ranges = check.root().child("spec").child("podCIDRs");
    let mut families = Vec::new();
    for range in ranges.items() {
        match range.str().parse::<IpNet>() {
            Ok(net) => families.push(net.addr().is_ipv4()),
            Err(_) => check.invalid(
                &range,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ),
        }
    }
    if families.len() > 2 || matches!(families[..], [first, second] if first == second) {
        check.invalid(&ranges, "may specify no more than one CIDR for each IP family");
    }
}

/// What was given to a node stays.
pub(super) fn update_node(check: &mut Check<'_>, old: &Value) {
    let spec = check.root().child("spec");
    let before = |field: &str| &old["spec"][field];
    let ranges = spec.child("podCIDRs");
    if before("podCIDRs").get(0).is_some() && ranges.value != before("podCIDRs") {
        check.forbidden(&ranges, "node updates may not change podCIDR except from \"\" to valid");
    }
    let provider = spec.child("providerID");
    if before("providerID").as_str().is_some_and(|id| !id.is_empty()) && provider.value != before("providerID") {
        check.forbidden(
            &provider,
            "node updates may not change providerID except from \"\" to valid",
        );
    }
}
