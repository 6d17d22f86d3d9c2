//! Sums over the containers of a pod.

use serde_json::json;

use super::*;

#[test]
fn init_containers_count_beside_the_sidecars_before_them() {
    let spec = json!({
        "containers": [{"resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}}, {"resources": {"requests": {"cpu": 1}}}],
        "initContainers": [
            {"resources": {"requests": {"cpu": "1"}}, "restartPolicy": "Always"},
            {"resources": {"requests": {"cpu": "2500m"}}},
            {"resources": {"requests": {"example.com/x": "3"}}},
        ],
    });
    let all = to_value(&of_pod(&spec, "requests"));
    assert_eq!(all, json!({"cpu": "3500m", "memory": "1Gi", "example.com/x": "3"}));
    assert!(of_pod(&spec, "limits").is_empty());
}

#[test]
fn what_the_pod_sets_as_a_whole_counts_instead() {
    let spec = json!({"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Mi"}}}],
        "resources": {"limits": {"cpu": "3", "other": "1"}}});
    assert_eq!(to_value(&of_pod(&spec, "limits")), json!({"cpu": "3", "memory": "1Mi"}));
}
