//! Which Ingresses are ours: by class, by the annotation that came before it, or because our class is the default.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use crate::state::Key;

/// Our name in `IngressClass.spec.controller`.
pub(crate) const CONTROLLER: &str = "rkube.io/ingress";
const DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
const OLD: &str = "kubernetes.io/ingress.class";

/// True if we are to serve it.
pub(crate) fn is_ours(ingress: &Ingress, classes: &BTreeMap<Key, IngressClass>) -> bool {
    let annotation = ingress.metadata.annotations.as_ref().and_then(|all| all.get(OLD));
    let named = ingress
        .spec
        .as_ref()
        .and_then(|spec| spec.ingress_class_name.as_ref())
        .or(annotation);
    match named {
        Some(name) => classes.get(&(String::new(), name.clone())).is_some_and(is_our_class),
        None => classes.values().any(|class| is_our_class(class) && is_default(class)),
    }
}

fn is_our_class(class: &IngressClass) -> bool {
    class.spec.as_ref().and_then(|spec| spec.controller.as_deref()) == Some(CONTROLLER)
}

fn is_default(class: &IngressClass) -> bool {
    let annotations = class.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(DEFAULT))
        .is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn ours(ingress: Value, classes: &[Value]) -> bool {
        let classes = classes.iter().map(|value| {
            let class: IngressClass = from_value(value.clone()).unwrap();
            ((String::new(), class.metadata.name.clone().unwrap()), class)
        });
        is_ours(&from_value(ingress).unwrap(), &classes.collect())
    }

    #[test]
    fn a_class_is_ours_by_its_controller() {
        let mine = json!({ "metadata": { "name": "rkube" }, "spec": { "controller": CONTROLLER } });
        let other = json!({ "metadata": { "name": "nginx" }, "spec": { "controller": "k8s.io/ingress-nginx" } });
        let both = [mine.clone(), other];
        let named = |name: &str| json!({ "metadata": {}, "spec": { "ingressClassName": name } });
        assert!(ours(named("rkube"), &both) && !ours(named("nginx"), &both) && !ours(named("none"), &both));
        let old = json!({ "metadata": { "annotations": { OLD: "rkube" } }, "spec": {} });
        assert!(ours(old, &both));
        let unnamed = json!({ "metadata": {}, "spec": {} });
        assert!(!ours(unnamed.clone(), &both));
        let mut default = mine;
        default["metadata"]["annotations"] = json!({ DEFAULT: "true" });
        assert!(ours(unnamed, &[default]));
    }
}
