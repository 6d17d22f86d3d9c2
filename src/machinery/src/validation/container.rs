//! Containers of a pod.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cursor::{At, Check};
use super::{ephemeral, field_ref};
use crate::field::FieldError;
use crate::names;
use crate::quantity::Quantity;

const POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];

/// All containers of the spec; `volumes` are the names that mounts may refer to.
pub(super) fn all(check: &mut Check<'_>, spec: &At<'_>, volumes: &BTreeSet<String>) {
    let containers = spec.child("containers");
    if !containers.has_any() {
        check.required(&containers, "");
    }
    let host_network = spec.child("hostNetwork").is_true();
    let mut seen = BTreeSet::new();
    host_ports(check, &containers);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.child(list).items() {
            one(check, &container, volumes, host_network);
            let name = container.child("name");
            if name.has_any() && !seen.insert(name.str().to_owned()) {
                check.add(FieldError::duplicate(&name.path, name.str()));
            }
            let sidecar = container.child("restartPolicy").str() == "Always";
            for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                let at = container.child(probe);
                if list == "initContainers" && !sidecar && at.is_set() {
                    check.forbidden(&at, "may not be set for init containers without restartPolicy=Always");
                }
            }
        }
    }
    ephemeral::all(check, spec);
}

/// A port of the node goes to one container.
fn host_ports(check: &mut Check<'_>, containers: &At<'_>) {
    let mut taken = BTreeSet::new();
    for port in containers
        .items()
        .flat_map(|container| container.child("ports").items())
    {
        let host = port.child("hostPort");
        let Some(number) = host.int().filter(|number| *number != 0) else {
            continue;
        };
        let whole = format!(
            "{}/{}/{number}",
            port.child("protocol").str(),
            port.child("hostIP").str()
        );
        if !taken.insert(whole.clone()) {
            check.add(FieldError::duplicate(&host.path, whole));
        }
    }
}

/// When the container alone is started again.
fn restarts(check: &mut Check<'_>, container: &At<'_>) {
    let (policy, rules) = (container.child("restartPolicy"), container.child("restartPolicyRules"));
    check.one_of(&policy, &["Always", "Never", "OnFailure"], false);
    if rules.has_any() && !policy.has_any() {
        check.required(&policy, "must specify restartPolicy when restart rules are used");
    }
    for rule in rules.items() {
        check.one_of(&rule.child("action"), &["Restart", "RestartAllContainers"], true);
        let codes = rule.child("exitCodes");
        if codes.is_set() {
            check.one_of(&codes.child("operator"), &["In", "NotIn"], true);
        } else {
            check.required(&codes, "must be specified");
        }
    }
}

fn one(check: &mut Check<'_>, container: &At<'_>, volumes: &BTreeSet<String>, host_network: bool) {
    check.name(&container.child("name"), names::dns1123_label);
    let image = container.child("image");
    if !image.has_any() {
        check.required(&image, "");
    } else if image.str().trim() != image.str() {
        check.invalid(&image, "must not have leading or trailing whitespace");
    }
    check.one_of(
        &container.child("terminationMessagePolicy"),
        &["FallbackToLogsOnError", "File"],
        true,
    );
    check.one_of(&container.child("imagePullPolicy"), POLICIES, true);
    restarts(check, container);
    ports(check, &container.child("ports"), host_network);
    env(check, &container.child("env"));
    for source in container.child("envFrom").items() {
        let (map, secret) = (source.child("configMapRef"), source.child("secretRef"));
        if map.is_set() == secret.is_set() {
            let detail = if map.is_set() {
                "may not have more than one field specified at a time"
            } else {
                "must specify one of: `configMapRef` or `secretRef`"
            };
            check.add(FieldError::invalid(&source.path, "", detail));
        }
    }
    mounts(check, &container.child("volumeMounts"), volumes);
    devices(check, container, volumes);
    probe(check, &container.child("readinessProbe"), false);
    probe(check, &container.child("livenessProbe"), true);
    probe(check, &container.child("startupProbe"), true);
    for hook in ["postStart", "preStop"] {
        let at = container.child("lifecycle").child(hook);
        if at.is_set() {
            handler(check, &at);
        }
    }
    resources(check, &container.child("resources"));
    let security = container.child("securityContext");
    for field in ["runAsUser", "runAsGroup"] {
        let at = security.child(field);
        if let Some(id) = at.int() {
            check.all_invalid(&at, names::user_or_group_id(id));
        }
    }
    let escalation = security.child("allowPrivilegeEscalation");
    if escalation.value == &Value::Bool(false) {
        if security.child("privileged").is_true() {
            let at = At {
                path: security.path.clone(),
                ..security.clone()
            };
            check.invalid(
                &at,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            );
        }
        let added = security.child("capabilities").child("add");
        if added.items().any(|capability| capability.str() == "CAP_SYS_ADMIN") {
            check.invalid(
                &security,
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            );
        }
    }
}

fn ports(check: &mut Check<'_>, ports: &At<'_>, host_network: bool) {
    let mut seen = BTreeSet::new();
    for port in ports.items() {
        let name = port.child("name");
        if name.has_any() {
            let messages = names::port_name(name.str());
            if messages.is_empty() && !seen.insert(name.str()) {
                check.add(FieldError::duplicate(&name.path, name.str()));
            }
            check.all_invalid(&name, messages);
        }
        let number = port.child("containerPort");
        match number.int().unwrap_or_default() {
            0 => check.required(&number, ""),
            value => check.all_invalid(&number, names::port_number(value)),
        }
        let host = port.child("hostPort");
        if let Some(value) = host.int().filter(|value| *value != 0) {
            check.all_invalid(&host, names::port_number(value));
            if host_network && number.int() != Some(value) {
                check.invalid(&number, "must match `hostPort` when `hostNetwork` is true");
            }
        }
        check.one_of(&port.child("protocol"), &["SCTP", "TCP", "UDP"], true);
    }
}

fn env(check: &mut Check<'_>, env: &At<'_>) {
    for variable in env.items() {
        let name = variable.child("name");
        check.name(&name, names::relaxed_env_var_name);
        let from = variable.child("valueFrom");
        if !from.is_set() {
            continue;
        }
        let sources = [
            "fieldRef",
            "resourceFieldRef",
            "configMapKeyRef",
            "secretKeyRef",
            "fileKeyRef",
        ];
        let set = sources.iter().filter(|source| from.child(source).is_set()).count();
        if set == 0 {
            let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            check.add(FieldError::invalid(&from.path, "", detail));
        } else if variable.child("value").has_any() {
            check.add(FieldError::invalid(
                &from.path,
                "",
                "may not be specified when `value` is not empty",
            ));
        } else if set > 1 {
            check.add(FieldError::invalid(
                &from.path,
                "",
                "may not have more than one field specified at a time",
            ));
        }
        for source in ["configMapKeyRef", "secretKeyRef"] {
            let at = from.child(source);
            if at.is_set() {
                if !at.child("name").has_any() {
                    check.required(&at.child("name"), "");
                }
                check.name(&at.child("key"), names::config_map_key);
            }
        }
        if from.child("fieldRef").is_set() {
            field_ref::field_ref(check, &from.child("fieldRef"), field_ref::OF_VARIABLES);
        }
    }
}

fn mounts(check: &mut Check<'_>, mounts: &At<'_>, volumes: &BTreeSet<String>) {
    let mut paths = BTreeSet::new();
    for mount in mounts.items() {
        let name = mount.child("name");
        if !name.has_any() {
            check.required(&name, "");
        } else if !volumes.contains(name.str()) {
            check.add(FieldError::not_found(&name.path, name.str()));
        }
        let path = mount.child("mountPath");
        if !path.has_any() {
            check.required(&path, "");
        } else if !paths.insert(path.str()) {
            check.invalid(&path, "must be unique");
        }
        for field in ["subPath", "subPathExpr"] {
            let at = mount.child(field);
            if at.str().starts_with('/') {
                check.invalid(&at, "must be a relative path");
            }
            if at.str().split('/').any(|part| part == "..") {
                check.invalid(&at, "must not contain '..'");
            }
        }
        if mount.child("subPath").has_any() && mount.child("subPathExpr").has_any() {
            check.invalid(
                &mount.child("subPathExpr"),
                "subPathExpr and subPath are mutually exclusive",
            );
        }
    }
}

fn devices(check: &mut Check<'_>, container: &At<'_>, volumes: &BTreeSet<String>) {
    let mounted = |field: &str, value: &str| {
        let mut mounts = container.child("volumeMounts").items();
        mounts.any(|mount| mount.child(field).str() == value)
    };
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for device in container.child("volumeDevices").items() {
        let name = device.child("name");
        if !name.has_any() {
            check.required(&name, "");
        } else if !volumes.contains(name.str()) {
            check.add(FieldError::not_found(&name.path, name.str()));
        } else if !names.insert(name.str()) {
            check.invalid(&name, "must be unique");
        } else if mounted("name", name.str()) {
            check.invalid(&name, "must not already exist in volumeMounts");
        }
        let path = device.child("devicePath");
        if !path.has_any() {
            check.required(&path, "");
        } else if path.str().split('/').any(|part| part == "..") {
            check.invalid(&path, "can not contain backsteps ('..')");
        } else if !paths.insert(path.str()) {
            check.invalid(&path, "must be unique");
        } else if mounted("mountPath", path.str()) {
            check.invalid(&path, "must not already exist as a path in volumeMounts");
        }
    }
}

fn probe(check: &mut Check<'_>, probe: &At<'_>, once: bool) {
    if !probe.is_set() {
        return;
    }
    handler(check, probe);
    for field in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        check.not_negative(&probe.child(field));
    }
    let threshold = probe.child("successThreshold");
    if once && threshold.int().is_some_and(|count| count != 1) {
        check.invalid(&threshold, "must be 1");
    }
    let grace = probe.child("terminationGracePeriodSeconds");
    if grace.int().is_some_and(|seconds| seconds <= 0) {
        check.invalid(&grace, "must be greater than 0");
    }
    if !once && grace.is_set() {
        check.invalid(&grace, "must not be set for readinessProbes");
    }
}

fn handler(check: &mut Check<'_>, at: &At<'_>) {
    let mut count = 0;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let handler = at.child(kind);
        if !handler.is_set() {
            continue;
        }
        count += 1;
        if count > 1 {
            check.forbidden(&handler, "may not specify more than 1 handler type");
            continue;
        }
        match kind {
            "exec" if !handler.child("command").has_any() => check.required(&handler.child("command"), ""),
            "httpGet" => {
                if !handler.child("path").has_any() {
                    check.required(&handler.child("path"), "");
                }
                check.port(&handler.child("port"));
                check.one_of(&handler.child("scheme"), &["HTTP", "HTTPS"], true);
                for header in handler.child("httpHeaders").items() {
                    let name = header.child("name");
                    check.all_invalid(&name, names::http_header_name(name.str()));
                }
            }
            "tcpSocket" | "grpc" => check.port(&handler.child("port")),
            _ => {}
        }
    }
    if count == 0 {
        check.required(at, "must specify a handler type");
    }
}

pub(super) fn resources(check: &mut Check<'_>, resources: &At<'_>) {
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    for list in [&limits, &requests] {
        for (name, at) in list.entries() {
            let key = Value::from(name);
            let standard =
                matches!(name, "cpu" | "memory" | "ephemeral-storage" | "storage") || name.starts_with("hugepages-");
            let keyed = At {
                value: &key,
                path: at.path.clone(),
            };
            check.all_invalid(&keyed, names::qualified_name(name));
            if !standard && !name.contains('/') && names::qualified_name(name).is_empty() {
                check.invalid(&keyed, "must be a standard resource type or fully qualified");
                check.invalid(&keyed, "must be a standard resource for containers");
            }
            if at.str().parse::<Quantity>().is_ok_and(|amount| amount.is_negative()) {
                check.invalid(&at, "must be greater than or equal to 0");
            }
        }
    }
    for (name, request) in requests.entries() {
        let amount = |at: &At<'_>| at.str().parse::<Quantity>().ok();
        let limit = limits.child(name);
        let (Some(asked), Some(most)) = (amount(&request), amount(&limit)) else {
            continue;
        };
        let at = At {
            value: request.value,
            path: requests.path.clone(),
        };
        if asked > most {
            check.invalid(&at, format!("must be less than or equal to {name} limit of {most}"));
        } else if name.contains('/') && asked != most {
            check.invalid(&at, format!("must be equal to {name} limit of {most}"));
        }
    }
}
