//! From a request's path to the code that answers it.

use std::sync::Arc;

use http::{HeaderMap, Request, Response, StatusCode, header};

use crate::registry::{self, Call};
use crate::respond::Negotiated;
use crate::trace::{self, Span};
use crate::{Api, ApiError, Body, RequestInfo, User, aggregation, discovery, documents, health, streams, subresources};

/// Answers an authorized request.
pub(crate) async fn dispatch(
    api: &Arc<Api>,
    user: &User,
    info: &RequestInfo,
    span: Option<&Span>,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    if let Some(remote) = api.aggregator.of_path(&info.path).await? {
        return aggregation::pass(api, user, info, &remote, request).await;
    }
    let negotiated = Negotiated::of(request.headers()).including(info)?;
    if !info.is_resource {
        return other(api, user, info, request.headers(), negotiated).await;
    }
    let resource = api
        .config
        .served
        .resource(&info.group, &info.version, &info.resource)
        .ok_or_else(ApiError::no_such_path)?;
    if resource.namespaced
        && info.namespace.is_empty()
        && !matches!(info.verb, "list" | "watch" | "deletecollection")
        && !is_review(&info.resource)
    {
        return Err(ApiError::no_such_path());
    }
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("unknown");
    let agent = agent.split('/').next().unwrap_or(agent).to_owned();
    let manager = info
        .param("fieldManager")
        .filter(|name| !name.is_empty())
        .unwrap_or(&agent)
        .to_owned();
    let call = Call {
        api,
        user,
        info,
        resource,
        negotiated,
        manager: &manager,
        span,
        applying: info.verb == "patch" && is_apply(request.headers()),
    };
    if !info.subresource.is_empty() {
        return subresource(call, request).await;
    }
    if subresources::is_virtual(resource) {
        return subresources::virtual_resource(call, request).await;
    }
    if !resource.has_verb(info.verb) {
        return Err(ApiError::method_not_allowed());
    }
    call.negotiated.acceptable()?;
    match info.verb {
        "get" => registry::get(call).await,
        "list" => registry::list(call).await,
        "watch" => registry::watch(call).await,
        "create" if info.name.is_empty() => registry::create(call, request).await,
        "update" => registry::update(call, request).await,
        "patch" => registry::patch(call, request).await,
        "delete" => registry::delete(call, request).await,
        "deletecollection" => registry::delete_collection(call, request).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}

pub(crate) fn is_apply(headers: &HeaderMap) -> bool {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    media.trim_start().starts_with("application/apply-patch")
}

/// Namespaced in discovery's sense only, or not bound to a namespace in the path.
fn is_review(resource: &str) -> bool {
    resource.ends_with("reviews")
}

async fn subresource(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let info = call.info;
    let known = call
        .resource
        .subresource(&info.subresource)
        .ok_or_else(ApiError::no_such_path)?;
    let streams = matches!(
        info.subresource.as_str(),
        "exec" | "attach" | "portforward" | "proxy" | "log"
    );
    if !streams && !known.verbs.contains(&info.verb) {
        return Err(ApiError::method_not_allowed());
    }
    match info.subresource.as_str() {
        "status" | "ephemeralcontainers" | "resize" | "approval" | "finalize" => match info.verb {
            "get" => registry::get(call).await,
            "update" => registry::update(call, request).await,
            "patch" => registry::patch(call, request).await,
            _ => Err(ApiError::method_not_allowed()),
        },
        "scale" => subresources::scale(call, request).await,
        "binding" => subresources::binding(call, request).await,
        "eviction" => subresources::eviction(call, request).await,
        "token" => subresources::token(call, request).await,
        "log" | "exec" | "attach" | "portforward" | "proxy" => streams::connect(call, request).await,
        _ => Err(ApiError::no_such_path()),
    }
}

async fn other(
    api: &Arc<Api>,
    user: &User,
    info: &RequestInfo,
    headers: &HeaderMap,
    negotiated: Negotiated,
) -> Result<Response<Body>, ApiError> {
    let path = info.path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if !matches!(info.verb, "get" | "head") {
        return Err(ApiError::method_not_allowed());
    }
    match segments.as_slice() {
        [] => discovery::paths(api).await,
        ["healthz" | "livez" | "readyz", ..] => health::answer(api, info, &segments),
        ["version"] => Ok(discovery::version(api)),
        ["traces", rest @ ..] => trace::answer(api, user, info, rest).await,
        ["metrics"] => Ok(health::metrics(api)),
        ["api" | "apis", ..] => discovery::answer(api, negotiated, &segments).await,
        ["openapi", rest @ ..] => documents::answer(api, info, headers, rest).await,
        [".well-known", "openid-configuration"] => Ok(discovery::openid(api)),
        ["openid", "v1", "jwks"] => discovery::jwks(api),
        _ => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        )),
    }
}
