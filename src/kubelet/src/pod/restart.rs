//! Which containers are started again after they ended.

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// A sidecar: an init container that stays.
pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// True if a container that ended with `exit_code` is to run again. Its own rules come before its own policy, and that
/// before the pod's (KEP-5307).
pub(crate) fn should_restart(spec: &PodSpec, container: &Container, exit_code: i32) -> bool {
    for rule in container.restart_policy_rules.iter().flatten() {
        let Some(codes) = &rule.exit_codes else { continue };
        let listed = codes.values.iter().flatten().any(|code| *code == exit_code);
        let matches = if codes.operator == "NotIn" { !listed } else { listed };
        if matches && rule.action.starts_with("Restart") {
            return true;
        }
    }
    let policy = container
        .restart_policy
        .as_deref()
        .or(spec.restart_policy.as_deref())
        .unwrap_or("Always");
    match policy {
        "Never" => false,
        "OnFailure" => exit_code != 0,
        _ => true,
    }
}

/// As [`should_restart`] for an init container, whose `Always` in the pod means: until it succeeds.
pub(crate) fn should_restart_init(spec: &PodSpec, container: &Container, exit_code: i32) -> bool {
    exit_code != 0 && should_restart(spec, container, exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(policy: &str, container: serde_json::Value, code: i32) -> bool {
        let spec: PodSpec = serde_json::from_value(json!({ "restartPolicy": policy, "containers": [] })).unwrap();
        should_restart(&spec, &serde_json::from_value(container).unwrap(), code)
    }

    #[test]
    fn the_pods_policy_decides_unless_the_container_has_its_own() {
        let plain = || json!({ "name": "c" });
        assert!(of("Always", plain(), 0));
        assert!(!of("OnFailure", plain(), 0) && of("OnFailure", plain(), 1));
        assert!(!of("Never", plain(), 1));
        assert!(of("Never", json!({ "name": "c", "restartPolicy": "Always" }), 0));
    }

    #[test]
    fn a_matching_rule_restarts_even_under_never() {
        let rules = json!({ "name": "c", "restartPolicy": "Never", "restartPolicyRules": [
            { "action": "Restart", "exitCodes": { "operator": "In", "values": [42] } } ] });
        assert!(of("Never", rules.clone(), 42));
        assert!(!of("Never", rules, 1));
    }
}
