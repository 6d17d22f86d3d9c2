//! Arithmetic and annotations.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::*;

fn deployment(replicas: i32, strategy: serde_json::Value) -> Deployment {
    let object = json!({"metadata": {"name": "d", "annotations": {"note": "x", revisions::REVISION: "3"}},
        "spec": {"replicas": replicas, "selector": {}, "template": {}, "strategy": strategy}});
    serde_json::from_value(object).expect("deployment")
}

fn rolling(surge: &str, unavailable: &str) -> serde_json::Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

#[test]
fn shares_round_towards_progress() {
    assert_eq!(scaled(&IntOrString::String("25%".to_owned()), 10, true), 3);
    assert_eq!(scaled(&IntOrString::String("25%".to_owned()), 10, false), 2);
    assert_eq!(scaled(&IntOrString::Int(4), 10, false), 4);
    let stuck = deployment(1, rolling("0%", "0%"));
    assert_eq!((numbers::max_surge(&stuck), numbers::max_unavailable(&stuck)), (0, 1));
    let recreate = deployment(3, json!({"type": "Recreate"}));
    assert_eq!(
        (numbers::max_surge(&recreate), numbers::max_unavailable(&recreate)),
        (0, 0)
    );
    assert_eq!(numbers::max_unavailable(&deployment(0, rolling("25%", "25%"))), 0);
}

#[test]
fn the_new_set_grows_within_the_surge() {
    let d = deployment(10, rolling("30%", "20%"));
    assert_eq!(numbers::new_set_size(&d, 10, 0), 3);
    assert_eq!(numbers::new_set_size(&d, 13, 3), 3);
    assert_eq!(numbers::new_set_size(&d, 9, 8), 10);
    assert_eq!(
        numbers::new_set_size(&deployment(4, json!({"type": "Recreate"})), 9, 0),
        4
    );
}

#[test]
fn sets_grow_in_proportion() {
    let d = deployment(20, rolling("0%", "50%"));
    assert_eq!(numbers::proportion(8, 10, &d, 10, 0), 8);
    assert_eq!(numbers::proportion(2, 10, &d, 10, 8), 2);
    assert_eq!(
        numbers::proportion(5, 10, &deployment(0, rolling("0%", "50%")), -10, 0),
        -5
    );
}

#[test]
fn revisions_and_history_are_annotated() {
    let d = deployment(2, rolling("1%", "0%"));
    let mut annotations = BTreeMap::new();
    assert!(revisions::annotate(&d, &mut annotations, 1, false));
    let expected = [
        (revisions::DESIRED, "2"),
        (revisions::MAX, "3"),
        (revisions::REVISION, "1"),
        ("note", "x"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(annotations, BTreeMap::from(expected));
    assert!(revisions::annotate(&d, &mut annotations, 4, true));
    assert!(revisions::annotate(&d, &mut annotations, 6, true));
    assert_eq!(annotations["deployment.kubernetes.io/revision-history"], "1,4");
    assert!(!revisions::annotate(&d, &mut annotations, 6, true));
}

#[test]
fn the_new_set_is_the_one_with_the_same_template() {
    let mut d = deployment(1, json!({}));
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    d.spec.as_mut().expect("spec").template = serde_json::from_value(template.clone()).expect("template");
    let set = |name: &str, image: &str| -> ReplicaSet {
        let mut template = template.clone();
        template["metadata"]["labels"]["pod-template-hash"] = name.into();
        template["spec"]["containers"][0]["image"] = image.into();
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"selector": {}, "template": template}}))
            .expect("set")
    };
    let (new, old) = revisions::split(&d, vec![set("x", "other"), set("y", "i")]);
    assert_eq!(new.map(|set| set.name_any()), Some("y".to_owned()));
    assert_eq!(old.len(), 1);
}
