//! Passing a request on to the server of its group version.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, Uri};
use rustls::pki_types::ServerName;
use serde_json::Value;

use super::{Remote, identity};
use crate::object::{Object as _, text_at};
use crate::streams::endpoint;
use crate::streams::forward::Target;
use crate::{Api, ApiError, Body, RequestInfo, User};

/// Who finds out whether a server is available may ask before it is known.
pub(super) const CHECKER: &str = "system:kube-aggregator";
/// Clients wait for discovery before all else.
const DISCOVERY: Duration = Duration::from_secs(5);
const RESOLVE: Duration = Duration::from_secs(5);

/// Answers with what the remote server answers.
pub(crate) async fn pass(
    api: &Api,
    user: &User,
    info: &RequestInfo,
    remote: &Remote,
    request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    if let Some(why) = remote.unavailable.as_deref().filter(|_| user.name != CHECKER) {
        return Err(ApiError::unavailable(format!(
            "the server is currently unable to handle the request: APIService {} is not available: {why}",
            remote.name
        )));
    }
    let answer = send(api, user, remote, request);
    if info.is_resource {
        return answer.await;
    }
    let expired = |_| ApiError::unavailable(format!("APIService {} did not answer in time", remote.name));
    tokio::time::timeout(DISCOVERY, answer).await.map_err(expired)?
}

/// Sends a request to a remote server in a user's name.
pub(super) async fn send(
    api: &Api,
    user: &User,
    remote: &Remote,
    mut request: Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let target = target(api, remote).await?;
    identity::vouch(request.headers_mut(), user)?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = path.parse().map_err(ApiError::internal)?;
    let response = api.aggregator.pool.send(target, request, uri).await?;
    // a client would follow it with its own credentials
    if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
        return Err(ApiError::new(
            StatusCode::BAD_GATEWAY,
            "BadGateway",
            "the backend attempted to redirect this request, which is not permitted",
        ));
    }
    Ok(response)
}

async fn target(api: &Api, remote: &Remote) -> Result<Target, ApiError> {
    let service = &remote.service;
    let tls = remote.tls.clone().map_err(ApiError::internal)?;
    let object = api
        .peek("", "services", &service.namespace, &service.name)
        .await?
        .ok_or_else(|| {
            ApiError::unavailable(format!(
                "service/{} in {:?} is not present",
                service.name, service.namespace
            ))
        })?;
    let (host, port) = if text_at(&object, "spec.type") == "ExternalName" {
        (
            resolve(&text_at(&object, "spec.externalName"), service.port).await?,
            service.port,
        )
    } else {
        let is_meant = |port: &Value| port["port"].as_u64() == Some(u64::from(service.port));
        endpoint::of_service(api, &object, is_meant).await?
    };
    let name = format!("{}.{}.svc", object.name(), object.namespace());
    Ok(Target {
        host,
        port,
        server_name: Some(ServerName::try_from(name).map_err(ApiError::internal)?),
        tls: Some(Arc::clone(&tls)),
    })
}

async fn resolve(name: &str, port: u16) -> Result<IpAddr, ApiError> {
    let refuse = |why: String| ApiError::unavailable(format!("error trying to reach service: lookup {name}: {why}"));
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((name, port))).await;
    let mut found = found
        .map_err(|_| refuse("i/o timeout".to_owned()))?
        .map_err(|error| refuse(error.to_string()))?;
    let first = found.next().ok_or_else(|| refuse("no such host".to_owned()))?;
    Ok(first.ip())
}
