//! Which nodes a DaemonSet's pods fit, and pinning pods to them.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, Taint,
    Toleration,
};
use kube::ResourceExt as _;
use machinery::selector::{Labels, Operator, Requirement};

/// The node the pod runs on, or the one that its affinity pins it to.
pub(super) fn target(pod: &Pod) -> String {
    let Some(spec) = &pod.spec else { return String::new() };
    if let Some(name) = spec.node_name.as_ref().filter(|name| !name.is_empty()) {
        return name.clone();
    }
    let terms = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    let mut fields = terms
        .into_iter()
        .flat_map(|s| &s.node_selector_terms)
        .flat_map(|term| term.match_fields.iter().flatten());
    let pinned = fields.find(|field| field.key == "metadata.name" && field.operator == "In");
    pinned
        .and_then(|field| field.values.as_ref()?.first().cloned())
        .unwrap_or_default()
}

/// Whether a pod should be started on the node, and whether one that runs may stay.
pub(super) fn should_run(node: &Node, set: &DaemonSet) -> (bool, bool) {
    let mut spec = set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.clone())
        .unwrap_or_default();
    tolerate(&mut spec);
    let named = spec.node_name.as_deref().unwrap_or_default();
    if !(named.is_empty() || named == node.name_any()) || !fits(&spec, node) {
        return (false, false);
    }
    let taints = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.clone())
        .unwrap_or_default();
    let tolerations = spec.tolerations.unwrap_or_default();
    let untolerated = |effects: &[&str]| {
        let counts = |taint: &&Taint| effects.contains(&taint.effect.as_str());
        taints
            .iter()
            .filter(counts)
            .any(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
    };
    if untolerated(&["NoSchedule", "NoExecute"]) {
        return (false, !untolerated(&["NoExecute"]));
    }
    (true, true)
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (effect, key) = (text(&toleration.effect), text(&toleration.key));
    let same = (effect.is_empty() || effect == taint.effect) && (key.is_empty() || key == taint.key);
    same && match toleration.operator.as_deref().unwrap_or("Equal") {
        "Exists" => true,
        "Equal" | "" => text(&toleration.value) == text(&taint.value),
        _ => false,
    }
}

/// Node selector and required node affinity.
fn fits(spec: &PodSpec, node: &Node) -> bool {
    let labels = node.metadata.labels.clone().unwrap_or_default();
    let selected = spec
        .node_selector
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    selected && required.is_none_or(|required| required.node_selector_terms.iter().any(|term| meets(term, node)))
}

struct Name(String);

impl Labels for Name {
    fn label(&self, key: &str) -> Option<&str> {
        (key == "metadata.name").then_some(&self.0)
    }
}

fn meets(term: &NodeSelectorTerm, node: &Node) -> bool {
    let (expressions, fields) = (
        term.match_expressions.iter().flatten(),
        term.match_fields.iter().flatten(),
    );
    if term.match_expressions.is_none() && term.match_fields.is_none() {
        return false;
    }
    let labels = node.metadata.labels.clone().unwrap_or_default();
    let name = Name(node.name_any());
    expressions.into_iter().all(|requirement| met(requirement, &labels))
        && fields.into_iter().all(|field| met(field, &name))
}

fn met(requirement: &NodeSelectorRequirement, labels: &impl Labels) -> bool {
    let operator = match requirement.operator.as_str() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::GreaterThan,
        "Lt" => Operator::LessThan,
        _ => return false,
    };
    let values = requirement.values.clone().unwrap_or_default();
    Requirement {
        key: requirement.key.clone(),
        operator,
        values,
    }
    .matches(labels)
}

/// Replaces whatever pins the pod to nodes by name in its required affinity.
pub(super) fn pin(spec: &mut PodSpec, node: &str) {
    let field = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm {
        match_fields: Some(vec![field.clone()]),
        match_expressions: None,
    };
    let affinity = spec.affinity.get_or_insert_with(Affinity::default);
    let affinity = affinity.node_affinity.get_or_insert_with(NodeAffinity::default);
    let required = affinity
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_with(|| NodeSelector {
            node_selector_terms: Vec::new(),
        });
    if required.node_selector_terms.is_empty() {
        required.node_selector_terms.push(term);
    }
    for term in &mut required.node_selector_terms {
        term.match_fields = Some(vec![field.clone()]);
    }
}

/// Daemons run where other pods are kept from.
pub(super) fn tolerate(spec: &mut PodSpec) {
    let mut taints = vec![
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ];
    if spec.host_network == Some(true) {
        taints.push(("node.kubernetes.io/network-unavailable", "NoSchedule"));
    }
    let tolerations = spec.tolerations.get_or_insert_default();
    for (key, effect) in taints {
        let toleration = Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some(effect.to_owned()),
            ..Toleration::default()
        };
        tolerations.retain(|old| !(old.key == toleration.key && old.effect == toleration.effect));
        tolerations.push(toleration);
    }
}
