//! Connections to kubelets: TLS with our client certificate, the node's certificate checked against the CA.

use std::net::IpAddr;
use std::sync::Arc;

use http::{Request, Response, Uri};
use rustls::ClientConfig;
use serde_json::Value;

use super::forward::{self, Target};
use crate::object::text_at;
use crate::registry::Call;
use crate::server::tls;
use crate::{Api, ApiError, Body, Config};

/// How kubelets are reached.
#[derive(Debug)]
pub(crate) struct Kubelets {
    pub(super) tls: Arc<ClientConfig>,
    /// For `proxy` to pods that speak TLS with certificates that nobody can check.
    pub(super) unverified: Arc<ClientConfig>,
}

impl Kubelets {
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let tls = ClientConfig::builder()
            .with_root_certificates(tls::roots(&config.ca)?)
            .with_client_auth_cert(
                tls::certificates(&config.kubelet_client_certificate)?,
                tls::private_key(&config.kubelet_client_key)?,
            )
            .map_err(|error| error.to_string())?;
        Ok(Self {
            tls: Arc::new(tls),
            unverified: Arc::new(pki::unverified().map_err(|error| error.to_string())?),
        })
    }
}

/// Sends the request to the kubelet of the pod's node.
pub(super) async fn forward(
    call: &Call<'_>,
    pod: &Value,
    request: Request<Body>,
    path: &str,
    query: Vec<(String, String)>,
) -> Result<Response<Body>, ApiError> {
    let node = text_at(pod, "spec.nodeName");
    if node.is_empty() {
        return Err(ApiError::bad_request(format!(
            "pod {} does not have a host assigned",
            call.info.name
        )));
    }
    let target = target(call.api, &node).await?;
    let query: Vec<String> = query
        .iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect();
    let uri: Uri = format!("{path}?{}", query.join("&"))
        .parse()
        .map_err(ApiError::internal)?;
    forward::send(target, request, uri).await
}

/// Asks a node's kubelet for something of its own.
pub(crate) async fn ask(api: &Api, node: &str, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (target, uri) = (target(api, node).await?, request.uri().clone());
    forward::send(target, request, uri).await
}

/// Address and TLS of a node's kubelet.
pub(super) async fn target(api: &Api, node: &str) -> Result<Target, ApiError> {
    let subject = crate::Subject {
        group: "",
        resource: "nodes",
    };
    let object = api
        .peek("", "nodes", "", node)
        .await?
        .ok_or_else(|| ApiError::not_found(subject, node))?;
    let addresses = object
        .pointer("/status/addresses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let host: Option<IpAddr> = addresses
        .into_iter()
        .find(|address| address["type"] == "InternalIP")
        .and_then(|address| address["address"].as_str()?.parse().ok());
    let host = host.ok_or_else(|| ApiError::unavailable(format!("node {node} has no InternalIP yet")))?;
    let port = object
        .pointer("/status/daemonEndpoints/kubeletEndpoint/Port")
        .and_then(Value::as_u64)
        .unwrap_or(10250);
    Ok(Target {
        host,
        port: port as u16,
        server_name: None,
        tls: Some(Arc::clone(&api.kubelets.tls)),
    })
}

/// Percent-encodes all but the unreserved characters.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            out.clear();
        }
        out
    })
}
