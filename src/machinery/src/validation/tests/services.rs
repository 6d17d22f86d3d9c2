//! Ports where load balancers ask for a service's health.

use super::*;

fn service(spec: Value) -> Value {
    let mut object = json!({"metadata": {"name": "s", "namespace": "n", "resourceVersion": "1"}, "spec": spec});
    object["spec"]["ports"] = json!([{"port": 80}]);
    object
}

#[test]
fn only_a_local_load_balancer_has_a_port_for_its_health() {
    let wrong = |spec: Value| errors("", "v1", "Service", service(spec)).join("; ");
    let local =
        |port: Value| json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": port});
    assert_eq!(wrong(local(json!(30_000))), "");
    assert!(wrong(local(json!(0))).starts_with("spec.healthCheckNodePort: Required value"));
    assert!(wrong(local(json!(70_000))).starts_with("spec.healthCheckNodePort: Invalid value: 70000"));
    for other in [
        json!({"type": "LoadBalancer", "healthCheckNodePort": 30_000}),
        json!({"type": "NodePort", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30_000}),
    ] {
        assert!(
            wrong(other)
                .contains("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
        );
    }
}

#[test]
fn the_port_stays_while_there_is_one() {
    let with = |policy: &str, port: Option<u16>| {
        let spec = json!({"type": "LoadBalancer", "externalTrafficPolicy": policy, "healthCheckNodePort": port});
        prepared("", "v1", "Service", service(spec))
    };
    let changed = |old: &Value, new: &Value| -> Vec<String> {
        let errors = validate_update("", "Service", "", new, old);
        errors.iter().map(ToString::to_string).collect()
    };
    let old = with("Local", Some(30_000));
    assert_eq!(changed(&old, &old), [""; 0]);
    assert_eq!(changed(&old, &with("Cluster", None)), [""; 0]);
    let error = changed(&old, &with("Local", Some(30_001)));
    assert_eq!(error, ["spec.healthCheckNodePort: Forbidden: field is immutable"]);
}
