//! What may change by way of a subresource, and what may not.

use serde_json::{Value, json};

use super::super::validate_update;
use super::{errors, pod, prepared};

#[test]
fn a_resize_changes_cpu_and_memory_and_nothing_else() {
    let with = |resources: Value| {
        prepared(
            "",
            "v1",
            "Pod",
            pod(
                json!({"containers": [{"name": "c", "image": "i", "resources": resources}],
                "initContainers": [{"name": "s", "image": "i", "restartPolicy": "Always"}, {"name": "i", "image": "i"}]}),
            ),
        )
    };
    let old = with(
        json!({"requests": {"cpu": "1", "memory": "1Gi", "example.com/x": "1"}, "limits": {"memory": "2Gi", "example.com/x": "1"}}),
    );
    let change = |new: &Value| {
        let errors = validate_update("", "Pod", "resize", new, &old);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let changed = |pointer: &str, value: Value| {
        let mut new = old.clone();
        *new.pointer_mut(pointer).expect("field") = value;
        change(&new)
    };
    assert_eq!(changed("/spec/containers/0/resources/requests/cpu", json!("2")), "");
    assert_eq!(
        changed(
            "/spec/containers/0/resources/requests",
            json!({"cpu": "1", "example.com/x": "1"})
        ),
        "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"
    );
    assert_eq!(
        changed(
            "/spec/containers/0/resources/requests",
            json!({"cpu": "1", "memory": "1Gi", "example.com/x": "1", "ephemeral-storage": "1Gi"})
        ),
        "spec: Forbidden: only cpu and memory resources are mutable"
    );
    assert!(
        changed("/spec/containers/0/resources", json!({}))
            .contains("Pod QOS Class may not change as a result of resizing")
    );
    assert!(
        changed("/spec/containers/0/resources/requests/memory", json!("3Gi"))
            .contains("must be less than or equal to memory limit"),
        "{}",
        changed("/spec/containers/0/resources/requests/memory", json!("3Gi"))
    );
    assert_eq!(
        changed("/spec/containers/0/name", json!("d")),
        "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize"
    );
    let removed = changed("/spec/containers", json!([]));
    assert!(
        removed.ends_with("spec.containers: Forbidden: containers may not be added or removed on resize"),
        "{removed}"
    );
    let mut new = old.clone();
    new["spec"]["initContainers"][0]["resources"] = json!({"requests": {"cpu": "1"}});
    assert_eq!(change(&new), "");
    new["spec"]["initContainers"][1]["resources"] = json!({"requests": {"cpu": "1"}});
    assert_eq!(
        change(&new),
        "spec: Forbidden: resources for non-sidecar init containers are immutable"
    );
    let mut mirror = old.clone();
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    let errors = validate_update("", "Pod", "resize", &old, &mirror);
    assert!(errors[0].to_string().contains("static pods cannot be resized"));
}

fn signing_request(status: Value) -> Value {
    json!({"metadata": {"name": "r"}, "status": status,
        "spec": {"request": "eA==", "signerName": "example.com/signer", "usages": ["client auth"]}})
}

#[test]
fn a_request_for_a_certificate_names_signer_and_usages() {
    let said = |spec: Value| {
        let object = json!({"metadata": {"name": "r"}, "spec": spec});
        errors("certificates.k8s.io", "v1", "CertificateSigningRequest", object).join("; ")
    };
    assert_eq!(said(signing_request(json!({}))["spec"].clone()), "");
    let wrong = said(
        json!({"request": "eA==", "signerName": "signer", "usages": ["flying", "any", "any"], "expirationSeconds": 5}),
    );
    for part in [
        "spec.usages[0]: Unsupported value: \"flying\"",
        "spec.usages[2]: Duplicate value: \"any\"",
        "spec.signerName: Invalid value: \"signer\": must be a fully qualified domain and path",
        "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 minutes)",
    ] {
        assert!(wrong.contains(part), "{part} is not in {wrong}");
    }
}

#[test]
fn approvers_set_conditions_and_signers_certificates() {
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status});
    let change = |subresource: &str, old: Value, new: Value| {
        let (old, new) = (signing_request(old), signing_request(new));
        let errors = validate_update(
            "certificates.k8s.io",
            "CertificateSigningRequest",
            subresource,
            &new,
            &old,
        );
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let approved = json!({"conditions": [condition("Approved", "True")]});
    assert_eq!(change("approval", json!({}), approved.clone()), "");
    assert_eq!(
        change("status", json!({}), approved.clone()),
        "status.conditions: Forbidden: updates may not add a condition of type \"Approved\""
    );
    assert_eq!(
        change("approval", approved.clone(), json!({})),
        "status.conditions: Forbidden: updates may not remove a condition of type \"Approved\""
    );
    assert_eq!(
        change(
            "approval",
            json!({}),
            json!({"conditions": [condition("Approved", "False")]})
        ),
        "status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\""
    );
    let both = json!({"conditions": [condition("Approved", "True"), condition("Denied", "True")]});
    assert_eq!(
        change("approval", approved, both),
        "status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive"
    );
    let (one, other) = (json!({"certificate": "eA=="}), json!({"certificate": "eQ=="}));
    assert_eq!(change("status", json!({}), one.clone()), "");
    assert_eq!(
        change("status", one.clone(), other),
        "status.certificate: Forbidden: updates may not modify existing certificate content"
    );
    assert_eq!(
        change("approval", json!({}), one),
        "status.certificate: Forbidden: updates may not set certificate content"
    );
}
