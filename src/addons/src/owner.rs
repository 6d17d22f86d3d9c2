//! Whose an object is: an addon's by its label, or somebody else's, who is named as well as the object tells it.

use kube::ResourceExt as _;
use kube::api::DynamicObject;

use crate::manifests::LABEL;
use crate::record::Reference;

/// What Helm and others say of what they have made.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Whether an addon made it.
pub(crate) fn is_addon(live: &DynamicObject, addon: &str) -> bool {
    live.labels().get(LABEL).is_some_and(|label| label == addon)
}

/// Whose it is, behind "is": an addon's, some program's, or whoever's was the first to write it.
pub(crate) fn of(live: &DynamicObject) -> String {
    if let Some(addon) = live.labels().get(LABEL) {
        return format!("the addon {addon}'s");
    }
    if let Some(program) = live.labels().get(MANAGED_BY) {
        return format!("managed by {program}");
    }
    let writers = live.managed_fields().iter();
    let mut writers: Vec<_> = writers.filter(|entry| entry.manager.is_some()).collect();
    writers.sort_by(|one, other| one.time.cmp(&other.time));
    match writers.first().and_then(|entry| entry.manager.as_deref()) {
        Some(manager) => format!("made by {manager}"),
        None => "somebody else's".to_owned(),
    }
}

/// What to do about one that is in the way.
pub(crate) fn advice(addon: &str, reference: &Reference, live: &DynamicObject) -> String {
    if let Some(other) = live.labels().get(LABEL) {
        return format!("`rkube addons disable {other}` takes it away");
    }
    let place = match reference.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" -n {namespace}"),
    };
    let (kind, name) = (reference.kind.to_lowercase(), &reference.name);
    format!(
        "keep it and go without the addon (`rkube addons disable {addon}`), or remove it (`rkube kubectl -- delete {kind} {name}{place}`)"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(metadata: &Value) -> DynamicObject {
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata})).unwrap()
    }

    #[test]
    fn whose_it_is_comes_from_labels_or_from_the_first_who_wrote_it() {
        let addon = object(&json!({"name": "x", "labels": {LABEL: "one"}}));
        assert!(is_addon(&addon, "one") && !is_addon(&addon, "two"));
        assert_eq!(of(&addon), "the addon one's");
        let helm = object(&json!({"name": "x", "labels": {MANAGED_BY: "Helm"}}));
        assert_eq!(of(&helm), "managed by Helm");
        let written = object(&json!({"name": "x", "managedFields": [
            {"manager": "late", "time": "2026-01-02T00:00:00Z"}, {"manager": "kubectl-create", "time": "2026-01-01T00:00:00Z"}]}));
        assert_eq!(of(&written), "made by kubectl-create");
        assert_eq!(of(&object(&json!({"name": "x"}))), "somebody else's");
    }
}
