//! Who may use the kubelet's server: by client certificate or token, allowed by the API.

use http::{HeaderMap, Method, StatusCode, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::context::Context;

/// Whoever is in it may do everything, also while the API does not answer.
const MASTERS: &str = "system:masters";

/// The other side of a connection, by its verified certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Peer {
    name: Option<String>,
    groups: Vec<String>,
}

impl Peer {
    pub(super) fn of(certificates: Option<&[CertificateDer<'_>]>) -> Self {
        let Some(first) = certificates.and_then(<[_]>::first) else {
            return Self::default();
        };
        let Ok((_, certificate)) = X509Certificate::from_der(first) else {
            return Self::default();
        };
        let subject = certificate.subject();
        let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| value.as_str().ok().map(str::to_owned);
        Self {
            name: subject.iter_common_name().next().and_then(text),
            groups: subject.iter_organization().filter_map(text).collect(),
        }
    }
}

/// Refuses with 401, 403 or (when the API cannot be asked) 500.
pub(super) async fn check(
    context: &Context,
    peer: &Peer,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<(), (StatusCode, String)> {
    let Some((name, groups)) = identify(context, peer, headers).await? else {
        return Err((StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()));
    };
    if groups.iter().any(|group| group == MASTERS) {
        return Ok(());
    }
    let attributes = ResourceAttributes {
        verb: Some(verb(method).to_owned()),
        version: Some("v1".to_owned()),
        resource: Some("nodes".to_owned()),
        subresource: Some(subresource(path).to_owned()),
        name: Some(context.options.node_name.clone()),
        ..Default::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(name.clone()),
            groups: Some(groups),
            resource_attributes: Some(attributes),
            ..Default::default()
        },
        ..Default::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(context.client.clone());
    let answer = api.create(&PostParams::default(), &review).await.map_err(unavailable)?;
    if answer.status.is_some_and(|status| status.allowed) {
        return Ok(());
    }
    let node = &context.options.node_name;
    let text = format!(
        "Forbidden (user={name}, verb={}, resource=nodes, subresource={}, name={node})",
        verb(method),
        subresource(path)
    );
    Err((StatusCode::FORBIDDEN, text))
}

type Identity = Option<(String, Vec<String>)>;

async fn identify(context: &Context, peer: &Peer, headers: &HeaderMap) -> Result<Identity, (StatusCode, String)> {
    if let Some(name) = &peer.name {
        let mut groups = peer.groups.clone();
        groups.push("system:authenticated".to_owned());
        return Ok(Some((name.clone(), groups)));
    }
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // An empty token is no token; asking about it would make it one.
    let Some(token) = value
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim)
        .filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    let review = TokenReview {
        spec: TokenReviewSpec {
            token: token.to_owned(),
            audiences: None,
        },
        ..Default::default()
    };
    let api: Api<TokenReview> = Api::all(context.client.clone());
    let answer = api.create(&PostParams::default(), &review).await.map_err(unavailable)?;
    let status = answer.status.unwrap_or_default();
    if status.authenticated != Some(true) {
        return Ok(None);
    }
    let user = status.user.unwrap_or_default();
    Ok(user.username.map(|name| (name, user.groups.unwrap_or_default())))
}

fn unavailable(error: kube::Error) -> (StatusCode, String) {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("Authorization error: {error}"),
    )
}

fn verb(method: &Method) -> &'static str {
    match method.as_str() {
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "get",
    }
}

/// Upstream's division of the kubelet's paths.
fn subresource(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "stats" => "stats",
        "metrics" => "metrics",
        "logs" => "log",
        "checkpoint" => "checkpoint",
        _ => "proxy",
    }
}
