//! Nobody grants what they do not hold, unless they may `escalate` or `bind`.

use serde::Deserialize as _;
use serde_json::Value;

use crate::authz::Attributes;
use crate::authz::rbac::Rule;
use crate::object::{Object as _, text_at};
use crate::registry::Call;
use crate::{ApiError, user};

pub(super) async fn check(call: &Call<'_>, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    if call.user.is_in(user::MASTERS) {
        return Ok(());
    }
    // labels count: by them roles are gathered into others
    if old.is_some_and(|old| granting(old) == granting(object)) {
        return Ok(());
    }
    let namespace = object.namespace();
    let (verb, resource, name, granted): (_, _, _, Vec<Rule>) = if call.resource.plural.ends_with("bindings") {
        let (kind, name) = (text_at(object, "roleRef.kind"), text_at(object, "roleRef.name"));
        let rules = call.api.rbac.rules_of_role(&kind, namespace, &name).await?;
        let subject = crate::Subject {
            group: "rbac.authorization.k8s.io",
            resource: if kind == "Role" { "roles" } else { "clusterroles" },
        };
        let rules = rules.ok_or_else(|| ApiError::not_found(subject, &name))?;
        ("bind", subject.resource, name, rules.to_vec())
    } else {
        let gathers = gathers(object) || old.is_some_and(gathers);
        let rules = object
            .get("rules")
            .filter(|rules| !rules.is_null())
            .map_or_else(|| Ok(Vec::new()), Vec::<Rule>::deserialize)
            .map(|rules| if gathers { [rules, everything()].concat() } else { rules });
        (
            "escalate",
            call.resource.plural,
            object.name().to_owned(),
            rules.map_err(|error| ApiError::bad_request(error.to_string()))?,
        )
    };
    let asked = Attributes {
        verb: verb.to_owned(),
        group: "rbac.authorization.k8s.io".to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name,
        ..Attributes::default()
    };
    if matches!(
        call.api.rbac.decide(call.user, &asked).await?,
        crate::authz::Decision::Allow(_)
    ) {
        return Ok(());
    }
    let held = call.api.rbac.rules_of(call.user, namespace).await?;
    let missing: Vec<String> = granted
        .iter()
        .flat_map(singles)
        .filter(|single| !held.iter().any(|own| covers(own, single)))
        .map(|single| format!("{single:?}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!(
        "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{}",
        call.user.name,
        call.user.groups,
        missing.join("\n")
    );
    Err(ApiError::forbidden(call.subject(), object.name(), why))
}

/// The object without what only garbage collection reads.
fn granting(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] {
        object.remove_meta(field);
    }
    object
}

/// True if the role takes over the rules of others, which may be any.
fn gathers(role: &Value) -> bool {
    let selectors = role.pointer("/aggregationRule/clusterRoleSelectors");
    selectors
        .and_then(Value::as_array)
        .is_some_and(|selectors| !selectors.is_empty())
}

/// The rules of somebody who may do everything.
fn everything() -> Vec<Rule> {
    let all = || vec!["*".to_owned()];
    let resources = Rule {
        verbs: all(),
        api_groups: all(),
        resources: all(),
        ..Rule::default()
    };
    let urls = Rule {
        verbs: all(),
        non_resource_urls: all(),
        ..Rule::default()
    };
    vec![resources, urls]
}

/// The rule as rules of one verb on one thing each.
fn singles(rule: &Rule) -> Vec<Rule> {
    let mut out = Vec::new();
    for verb in &rule.verbs {
        let verbs = vec![verb.clone()];
        for url in &rule.non_resource_urls {
            out.push(Rule {
                verbs: verbs.clone(),
                non_resource_urls: vec![url.clone()],
                ..Rule::default()
            });
        }
        for group in &rule.api_groups {
            for resource in &rule.resources {
                let base = Rule {
                    verbs: verbs.clone(),
                    api_groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    ..Rule::default()
                };
                if rule.resource_names.is_empty() {
                    out.push(base);
                } else {
                    out.extend(rule.resource_names.iter().map(|name| Rule {
                        resource_names: vec![name.clone()],
                        ..base.clone()
                    }));
                }
            }
        }
    }
    out
}

fn covers(own: &Rule, single: &Rule) -> bool {
    let within = |own: &[String], wanted: &[String]| {
        wanted
            .iter()
            .all(|item| own.iter().any(|own| own == "*" || own == item))
    };
    let resources = |own: &[String], wanted: &[String]| {
        wanted.iter().all(|item| {
            own.iter().any(|own| {
                own == "*"
                    || own == item
                    || own
                        .strip_prefix("*/")
                        .is_some_and(|sub| item.split_once('/').is_some_and(|(_, of)| of == sub))
            })
        })
    };
    let urls = single.non_resource_urls.iter().all(|url| {
        own.non_resource_urls
            .iter()
            .any(|own| own == url || own.strip_suffix('*').is_some_and(|prefix| url.starts_with(prefix)))
    });
    within(&own.verbs, &single.verbs)
        && within(&own.api_groups, &single.api_groups)
        && resources(&own.resources, &single.resources)
        && (own.resource_names.is_empty()
            || (!single.resource_names.is_empty() && within(&own.resource_names, &single.resource_names)))
        && urls
}
