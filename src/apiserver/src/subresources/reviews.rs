//! Questions about credentials and rights, answered by the same code that guards every request.

use std::collections::BTreeMap;

use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::authz::{self, Attributes, Decision};
use crate::object::text_at;
use crate::registry::Call;
use crate::{ApiError, Body, User, body, codec, respond};

pub(super) async fn review(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let mut review = codec::decode_options(&parts.headers, &bytes, call.resource.kind)?;
    review["kind"] = call.resource.kind.into();
    review["apiVersion"] = call.resource.api_version().into();
    let status = match call.resource.plural {
        "tokenreviews" => token(&call, &review).await,
        "selfsubjectreviews" => json!({"userInfo": user_info(call.user)}),
        "selfsubjectrulesreviews" => rules(&call, &review).await?,
        "selfsubjectaccessreviews" => access(&call, call.user, &review).await?,
        "localsubjectaccessreviews" | "subjectaccessreviews" => {
            let user = asked_user(&review)?;
            access(&call, &user, &review).await?
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    review["status"] = status;
    respond::plain(call.negotiated, StatusCode::CREATED, &review)
}

async fn token(call: &Call<'_>, review: &Value) -> Value {
    let asked: Vec<String> = strings(&review["spec"]["audiences"]);
    let issuer = &call.api.issuer;
    match issuer
        .authenticate(call.api, &text_at(review, "spec.token"), &asked)
        .await
    {
        Ok((user, audiences)) => {
            json!({"authenticated": true, "user": user_info(&user), "audiences": audiences})
        }
        Err(_) => json!({"authenticated": false, "user": {}, "error": "invalid bearer token"}),
    }
}

fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

fn asked_user(review: &Value) -> Result<User, ApiError> {
    let spec = &review["spec"];
    let name = text_at(spec, "user");
    let groups = strings(&spec["groups"]);
    if name.is_empty() && groups.is_empty() {
        return Err(ApiError::unprocessable(
            "spec.user: Invalid value: \"\": at least one of user or group must be specified",
        ));
    }
    let extra: BTreeMap<String, Vec<String>> = spec["extra"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, list)| (key.clone(), strings(list)))
        .collect();
    Ok(User {
        name,
        uid: text_at(spec, "uid"),
        groups,
        extra,
    })
}

async fn access(call: &Call<'_>, user: &User, review: &Value) -> Result<Value, ApiError> {
    let spec = &review["spec"];
    let resource = &spec["resourceAttributes"];
    let path = &spec["nonResourceAttributes"];
    let asked = match (resource.is_object(), path.is_object()) {
        (true, false) => Attributes {
            verb: text_at(resource, "verb"),
            group: text_at(resource, "group"),
            resource: text_at(resource, "resource"),
            subresource: text_at(resource, "subresource"),
            namespace: text_at(resource, "namespace"),
            name: text_at(resource, "name"),
            path: None,
            fields: fields(&resource["fieldSelector"]),
        },
        (false, true) => Attributes {
            verb: text_at(path, "verb"),
            path: Some(text_at(path, "path")),
            ..Attributes::default()
        },
        _ => {
            return Err(ApiError::unprocessable(
                "spec.resourceAttributes: exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ));
        }
    };
    if call.resource.plural == "localsubjectaccessreviews" && asked.namespace != call.namespace() {
        return Err(ApiError::unprocessable(
            "spec.resourceAttributes.namespace: Invalid value: must match metadata.namespace",
        ));
    }
    Ok(match authz::decide(call.api, user, &asked).await? {
        Decision::Allow(why) if why.is_empty() => json!({"allowed": true}),
        Decision::Allow(why) => json!({"allowed": true, "reason": why}),
        Decision::NoOpinion(why) if why.is_empty() => json!({"allowed": false}),
        Decision::NoOpinion(why) => json!({"allowed": false, "reason": why}),
    })
}

/// The selector of a list that is asked about, as text or in parts. What is not understood restricts nothing.
fn fields(selector: &Value) -> Vec<(String, String)> {
    let Some(parts) = selector["requirements"].as_array().filter(|parts| !parts.is_empty()) else {
        return authz::selected(&text_at(selector, "rawSelector"));
    };
    let equal = |part: &Value| match strings(&part["values"]).as_slice() {
        [value] if part["operator"] == "In" => Some((text_at(part, "key"), value.clone())),
        _ => None,
    };
    parts.iter().filter_map(equal).collect()
}

async fn rules(call: &Call<'_>, review: &Value) -> Result<Value, ApiError> {
    let namespace = text_at(review, "spec.namespace");
    let (mut resource, mut other) = (Vec::new(), Vec::new());
    if call.user.is_in(crate::user::MASTERS) {
        resource.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        other.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    for rule in call.api.rbac.rules_of(call.user, &namespace).await? {
        if !rule.resources.is_empty() {
            let mut row = json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
            if !rule.resource_names.is_empty() {
                row["resourceNames"] = rule.resource_names.into();
            }
            resource.push(row);
        } else if !rule.non_resource_urls.is_empty() {
            other.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
        }
    }
    Ok(json!({"resourceRules": resource, "nonResourceRules": other, "incomplete": false}))
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// Deprecated, but `kubectl get cs` still asks.
pub(super) fn component_statuses(call: &Call<'_>) -> Result<Response<Body>, ApiError> {
    let ailment = call.api.store.ailment();
    let healthy = if ailment.is_some() { "False" } else { "True" };
    let message = ailment.unwrap_or_else(|| "ok".to_owned());
    let item = |name: &str| {
        json!({
            "kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": name, "creationTimestamp": null},
            "conditions": [{"type": "Healthy", "status": healthy, "message": message}],
        })
    };
    let names = ["etcd-0"];
    if call.info.verb == "get" {
        let name = &call.info.name;
        let known = names.iter().find(|known| *known == name);
        let object = item(known.ok_or_else(|| ApiError::not_found(call.subject(), name))?);
        return respond::one_parsed(call.negotiated, call.resource, StatusCode::OK, object);
    }
    let items: Vec<Value> = names.into_iter().map(item).collect();
    respond::parsed(call.negotiated, call.resource, json!({}), &items)
}
