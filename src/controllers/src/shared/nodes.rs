//! What controllers ask of nodes.

use k8s_openapi::api::core::v1::Node;

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// True if the node's kubelet says that it is.
pub(crate) fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// True if somebody vouches for that nothing runs there any more.
pub(crate) fn is_out_of_service(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    taints.into_iter().flatten().any(|taint| taint.key == OUT_OF_SERVICE)
}

/// True if the node is out of service and silent: its pods are given up.
pub(crate) fn is_lost(node: &Node) -> bool {
    is_out_of_service(node) && !is_ready(node)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_that_answers_is_not_lost() {
        let node = |ready: &str, taint: &str| -> Node {
            let conditions = json!([{"type": "Ready", "status": ready}]);
            serde_json::from_value(json!({"metadata": {"name": "n"}, "status": {"conditions": conditions},
                "spec": {"taints": [{"key": taint, "effect": "NoExecute"}]}}))
            .unwrap()
        };
        assert!(is_lost(&node("Unknown", OUT_OF_SERVICE)));
        assert!(!is_lost(&node("True", OUT_OF_SERVICE)));
        assert!(!is_lost(&node("Unknown", "node.kubernetes.io/unreachable")));
    }
}
