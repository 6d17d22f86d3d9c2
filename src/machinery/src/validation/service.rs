//! Services.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::cursor::{Check, IMMUTABLE};
use super::meta;
use crate::field::FieldError;
use crate::names;

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

pub(super) fn service(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let ty = spec.child("type").str();
    let ports = spec.child("ports");
    let headless = spec.child("clusterIP").str() == "None";
    if !ports.has_any() && !headless && ty != "ExternalName" {
        check.required(&ports, "");
    }
    match ty {
        "LoadBalancer" | "NodePort" if headless => {
            let detail = format!("may not be set to 'None' for {ty} services");
            check.invalid(
                &spec
                    .child("clusterIPs")
                    .items()
                    .next()
                    .unwrap_or(spec.child("clusterIP")),
                detail,
            );
        }
        "ExternalName" => {
            let name = spec.child("externalName");
            if name.has_any() {
                check.all_invalid(&name, names::dns1123_subdomain(name.str().trim_end_matches('.')));
            } else {
                check.required(&name, "");
            }
            if spec.child("clusterIPs").has_any() {
                check.forbidden(
                    &spec.child("clusterIPs"),
                    "may not be set when `type` is 'ExternalName'",
                );
            }
        }
        _ => {}
    }
    check_ports(check);
    check_health_port(check);
    meta::labels(check, &spec.child("selector"));
    check.one_of(&spec.child("sessionAffinity"), &["ClientIP", "None"], true);
    check.one_of(&spec.child("type"), TYPES, true);
    let timeout = spec
        .child("sessionAffinityConfig")
        .child("clientIP")
        .child("timeoutSeconds");
    if timeout.int().is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
        check.invalid(&timeout, "must be greater than 0 and less than 86400");
    }
    for ip in spec.child("externalIPs").items() {
        match ip.str().parse::<IpAddr>() {
            Err(_) => check.invalid(&ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            Ok(address) if address.is_unspecified() => check.invalid(&ip, "may not be unspecified (0.0.0.0 or ::)"),
            Ok(address) if address.is_loopback() => {
                check.invalid(&ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
            }
            Ok(_) => {}
        }
    }
    for ip in spec.child("clusterIPs").items() {
        if ip.str() != "None" && ip.str().parse::<IpAddr>().is_err() {
            check.invalid(&ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        }
    }
    if let Some(first) = spec.child("clusterIPs").items().next() {
        let single = spec.child("clusterIP");
        if single.has_any() && single.value != first.value {
            check.invalid(&first, "first value must match `clusterIP`");
        }
    }
    for (field, allowed) in [
        ("externalTrafficPolicy", &["Cluster", "Local"][..]),
        ("internalTrafficPolicy", &["Cluster", "Local"]),
        (
            "ipFamilyPolicy",
            &["PreferDualStack", "RequireDualStack", "SingleStack"],
        ),
    ] {
        check.one_of(&spec.child(field), allowed, false);
    }
}

/// Whether load balancers ask the nodes which of them has endpoints of the service.
fn is_checked(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
}

fn check_health_port(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let port = spec.child("healthCheckNodePort");
    let number = port.int().unwrap_or_default();
    if is_checked(spec.value) {
        if number == 0 {
            check.required(&port, "");
        } else {
            check.all_invalid(&port, names::port_number(number));
        }
    } else if number != 0 {
        check.invalid(
            &port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        );
    }
}

fn check_ports(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let ports = spec.child("ports");
    let many = ports.items().count() > 1;
    let (mut port_names, mut numbers, mut node_ports) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for port in ports.items() {
        let name = port.child("name");
        if !name.has_any() && many {
            check.required(&name, "");
        } else if name.has_any() {
            check.all_invalid(&name, names::dns1123_label(name.str()));
            if !port_names.insert(name.str()) {
                check.add(FieldError::duplicate(&name.path, name.str()));
            }
        }
        let number = port.child("port");
        check.all_invalid(&number, names::port_number(number.int().unwrap_or_default()));
        check.one_of(&port.child("protocol"), &["SCTP", "TCP", "UDP"], true);
        check.port(&port.child("targetPort"));
        let protocol = port.child("protocol").str();
        if !numbers.insert((number.int(), protocol)) {
            let value = serde_json::json!({"port": number.value, "protocol": protocol});
            check.add(FieldError::duplicate(&port.path, value));
        }
        let node_port = port.child("nodePort");
        let Some(value) = node_port.int().filter(|value| *value != 0) else {
            continue;
        };
        if spec.child("type").str() == "ClusterIP" {
            check.forbidden(&node_port, "may not be used when `type` is 'ClusterIP'");
        }
        if !node_ports.insert((value, protocol)) {
            check.add(FieldError::duplicate(&node_port.path, value));
        }
    }
}

/// Cluster IPs stay for as long as the service has one.
pub(super) fn update(check: &mut Check<'_>, old: &Value) {
    let spec = check.root().child("spec");
    let (before, now) = (&old["spec"], spec.child("healthCheckNodePort"));
    if is_checked(before) && is_checked(spec.value) && now.int() != before["healthCheckNodePort"].as_i64() {
        check.forbidden(&now, "field is immutable");
    }
    let was_external = old["spec"]["type"] == "ExternalName";
    let is_external = spec.child("type").str() == "ExternalName";
    if was_external || is_external {
        return;
    }
    let before = old["spec"]["clusterIPs"]
        .as_array()
        .and_then(|ips| ips.first())
        .cloned();
    let Some(before) = before.filter(|ip| ip.as_str().is_some_and(|ip| !ip.is_empty())) else {
        return;
    };
    let ips = spec.child("clusterIPs");
    let now = ips.items().next();
    if now.as_ref().map(|ip| ip.value) != Some(&before) {
        let path = ips.path.index(0);
        let value = now.map_or(Value::Null, |ip| ip.value.clone());
        let detail = if value.is_null() {
            "primary clusterIP can not be unset"
        } else {
            "may not change once set"
        };
        check.add(FieldError::invalid(&path, value, detail));
    }
    let class = spec.child("loadBalancerClass");
    let same_type = old["spec"]["type"] == "LoadBalancer" && spec.child("type").str() == "LoadBalancer";
    if same_type && class.value != old["spec"].get("loadBalancerClass").unwrap_or(&Value::Null) {
        check.invalid(&class, IMMUTABLE);
    }
}
