//! The labels that a node may not give itself or take off: they isolate workloads, or belong to Kubernetes.

use serde_json::Value;

use crate::object::Object as _;

/// Of the labels of Kubernetes, those that kubelets set.
const KUBELET: &[&str] = &[
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
];

/// Keys that are new, changed or gone and may not be.
pub(super) fn forbidden(object: &Value, old: Option<&Value>) -> Vec<String> {
    let labels = |object: &Value| -> std::collections::BTreeMap<String, String> {
        let all = object.labels();
        all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let (new, old) = (labels(object), old.map(labels).unwrap_or_default());
    let mut keys: Vec<String> = new.keys().chain(old.keys()).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| new.get(key) != old.get(key) && !may_change(key));
    keys
}

fn may_change(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let within = |of: &str| domain == of || domain.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
    if within("node-restriction.kubernetes.io") {
        return false;
    }
    let kubernetes = within("kubernetes.io") || within("k8s.io");
    !kubernetes || KUBELET.contains(&key) || within("kubelet.kubernetes.io") || within("node.kubernetes.io")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(labels: Value) -> Value {
        json!({"metadata": {"labels": labels}})
    }

    #[test]
    fn a_node_has_its_own_labels_and_those_of_strangers() {
        let own = node(json!({
            "kubernetes.io/hostname": "n", "x.kubelet.kubernetes.io/a": "", "node.kubernetes.io/a": "",
            "plain": "", "example.com/role": "", "notkubernetes.io/x": "",
        }));
        assert_eq!(forbidden(&own, None), Vec::<String>::new());
    }

    #[test]
    fn labels_of_kubernetes_and_of_isolation_are_neither_set_nor_changed_nor_removed() {
        let all = json!({
            "node-role.kubernetes.io/control-plane": "", "a.k8s.io/b": "", "node-restriction.kubernetes.io/fips": "true",
            "x.node-restriction.kubernetes.io/y": "", "kubernetes.io/unknown": "",
        });
        let keys: Vec<&String> = all.as_object().unwrap().keys().collect();
        let labelled = node(all.clone());
        assert_eq!(forbidden(&labelled, None).len(), keys.len());
        assert_eq!(forbidden(&node(json!({})), Some(&labelled)).len(), keys.len());
        assert_eq!(forbidden(&labelled, Some(&labelled)), Vec::<String>::new());
        let mut changed = labelled.clone();
        changed["metadata"]["labels"]["node-restriction.kubernetes.io/fips"] = "false".into();
        assert_eq!(
            forbidden(&changed, Some(&labelled)),
            ["node-restriction.kubernetes.io/fips"]
        );
    }
}
