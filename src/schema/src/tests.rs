//! Facts of the table that everything else leans on.

use super::*;

#[test]
fn fields_are_sorted_and_found() {
    for ty in types() {
        assert!(ty.fields.is_sorted_by(|a, b| a.name < b.name), "{}", ty.name);
        assert_eq!(ty.wire.len(), ty.fields.len());
        for field in ty.fields {
            assert_eq!(ty.field(field.name).map(|found| found.number), Some(field.number));
        }
    }
    assert!(types().is_sorted_by(|a, b| a.name < b.name));
}

#[test]
fn numbers_of_a_message_are_unique() {
    for ty in types() {
        let path = |index: &u16| {
            let field = &ty.fields[usize::from(*index)];
            field.within.iter().copied().chain([field.number]).collect::<Vec<_>>()
        };
        assert!(
            ty.wire.iter().map(path).collect::<Vec<_>>().is_sorted_by(|a, b| a < b),
            "{}",
            ty.name
        );
    }
}

#[test]
fn inlined_messages_are_flattened() {
    let volume = ty("io.k8s.api.core.v1.Volume").expect("volume");
    let secret = volume.field("secret").expect("secret");
    assert_eq!((secret.within, secret.number), (&[2][..], 6));
    let rule = ty("io.k8s.api.admissionregistration.v1.NamedRuleWithOperations").expect("rule");
    assert_eq!(rule.field("apiGroups").expect("apiGroups").within, &[2, 2]);
}

#[test]
fn merge_facts_of_container_ports() {
    let ports = ty("io.k8s.api.core.v1.Container")
        .and_then(|ty| ty.field("ports"))
        .expect("ports");
    assert_eq!(
        (ports.list, ports.keys),
        (ListType::Map, &["containerPort", "protocol"][..])
    );
    assert_eq!(
        ports.patch,
        Some(PatchStrategy {
            merge: true,
            retain_keys: false,
            key: Some("containerPort")
        })
    );
    let protocol = ty("io.k8s.api.core.v1.ContainerPort")
        .and_then(|ty| ty.field("protocol"))
        .expect("protocol");
    assert_eq!(protocol.default, Some("\"TCP\""));
}

#[test]
fn resources_have_kinds_and_lists() {
    for resource in resources() {
        assert!(
            kind(resource.group, resource.version, resource.kind).is_some(),
            "{}",
            resource.plural
        );
        if resource.has_verb("list") {
            assert!(
                kind(resource.group, resource.version, resource.list_kind).is_some(),
                "{}",
                resource.plural
            );
        }
        for sub in resource.subresources {
            assert!(
                kind(sub.group, sub.version, sub.kind).is_some(),
                "{}/{}",
                resource.plural,
                sub.name
            );
        }
    }
    let pods = resource("", "v1", "pods").expect("pods");
    assert_eq!(pods.short_names, ["po"]);
    assert_eq!(
        pods.subresource("eviction").map(|sub| (sub.group, sub.kind)),
        Some(("policy", "Eviction"))
    );
    assert!(kind("apps", "v1", "Status").is_some());
}

#[test]
fn preferred_version_comes_first() {
    assert_eq!(groups()[0].name, "");
    assert_eq!(
        group("autoscaling").map(|group| group.versions),
        Some(&["v2", "v1"][..])
    );
}

#[test]
fn objects_have_metadata() {
    for resource in resources().iter().filter(|resource| resource.has_verb("list")) {
        assert!(resource.ty.field("metadata").is_some(), "{}", resource.plural);
        assert!(resource.ty.kind);
    }
}
