//! What a start completes of the roles that are there.

use super::*;

#[test]
fn roles_of_old_are_completed_and_keep_what_others_added() {
    let all = objects();
    let wanted = |name: &str| {
        let mut found = all.iter().filter(|(plural, _)| *plural == "clusterroles");
        let (_, object) = found.find(|(_, object)| object["metadata"]["name"] == name).unwrap();
        object.clone()
    };
    let role = wanted("system:basic-user");
    assert_eq!(completed(&role, &role), None);
    let own = json!({"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]});
    let mut old = role.clone();
    old["rules"] = json!([own]);
    let rules = completed(&old, &role).unwrap()["rules"].clone();
    let expected: Vec<&Value> = [&own].into_iter().chain(role["rules"].as_array().unwrap()).collect();
    assert_eq!(rules, json!(expected));
    old["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "false".into();
    assert_eq!(completed(&old, &role), None);
    // gathered rules are the controller's
    let view = wanted("view");
    let mut gathered = view.clone();
    gathered["rules"] = json!([own]);
    assert_eq!(completed(&gathered, &view), None);
}

#[test]
fn every_role_is_there_once_and_every_binding_has_its_role() {
    let all = objects();
    let names = |wanted: &str| -> Vec<String> {
        let of = all.iter().filter(|(plural, _)| *plural == wanted);
        let mut names: Vec<String> = of.map(|(_, object)| object["metadata"]["name"].to_string()).collect();
        names.sort();
        names
    };
    let (roles, bindings) = (names("clusterroles"), names("clusterrolebindings"));
    for list in [&roles, &bindings] {
        assert!(list.windows(2).all(|pair| pair[0] != pair[1]), "{list:?}");
    }
    assert!(bindings.iter().all(|name| roles.contains(name)));
    for expected in [
        "\"system:node\"",
        "\"system:node-bootstrapper\"",
        "\"system:controller:job-controller\"",
    ] {
        assert!(roles.iter().any(|name| name == expected), "{expected}");
    }
}
