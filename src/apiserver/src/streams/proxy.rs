//! `proxy` of pods, services and nodes.

use std::net::IpAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, Uri, header};
use serde_json::Value;

use super::forward::{self, Target};
use super::{endpoint, kubelet, rewrite};
use crate::object::text_at;
use crate::registry::Call;
use crate::{ApiError, Body, body};

/// `[scheme:]name[:port]`
struct Named<'a> {
    scheme: &'a str,
    name: &'a str,
    port: &'a str,
}

fn split(name: &str) -> Result<Named<'_>, ApiError> {
    match name.split(':').collect::<Vec<_>>().as_slice() {
        [name] => Ok(Named {
            scheme: "",
            name,
            port: "",
        }),
        [name, port] => Ok(Named { scheme: "", name, port }),
        [scheme @ ("http" | "https" | ""), name, port] => Ok(Named { scheme, name, port }),
        _ => Err(ApiError::bad_request(format!("invalid proxy request {name:?}"))),
    }
}

pub(super) async fn proxy(call: Call<'_>, mut request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let named = split(&call.info.name)?;
    let (prefix, rest) = halves(&call, request.uri().path());
    // as upstream: pages whose links are relative need the slash
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if rest.is_empty() && reads && !request.headers().contains_key(header::UPGRADE) {
        return moved(request.uri());
    }
    let mut target = match call.resource.plural {
        "pods" => pod(&call, &named).await?,
        "services" => service(&call, &named).await?,
        "nodes" => kubelet::target(call.api, named.name).await?,
        _ => return Err(ApiError::no_such_path()),
    };
    if named.scheme == "https" && target.tls.is_none() {
        target.tls = Some(Arc::clone(&call.api.kubelets.unverified));
    }
    let rest = if rest.is_empty() { "/" } else { rest };
    let path = match request.uri().query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let uri: Uri = path
        .parse()
        .map_err(|error| ApiError::bad_request(format!("{error}")))?;
    let prefix = prefix.to_owned();
    // links can be rewritten in plain text only
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    let response = forward::send(target, request, uri).await?;
    Ok(rewrite::response(response, prefix))
}

/// To the same path with a slash at its end.
fn moved(uri: &Uri) -> Result<Response<Body>, ApiError> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Response::builder()
        .status(StatusCode::MOVED_PERMANENTLY)
        .header(header::LOCATION, format!("{}/{query}", uri.path()))
        .body(body::full(""))
        .map_err(ApiError::internal)
}

/// The path up to and with `/proxy`, and what stands behind it, as the client wrote them.
fn halves<'a>(call: &Call<'_>, path: &'a str) -> (&'a str, &'a str) {
    let marker = format!("/{}/proxy", call.info.name);
    let at = path.find(&marker).map_or(path.len(), |at| at + marker.len());
    path.split_at(at)
}

async fn pod(call: &Call<'_>, named: &Named<'_>) -> Result<Target, ApiError> {
    let pod = call.object(named.name).await?;
    let host: IpAddr = text_at(&pod, "status.podIP")
        .parse()
        .map_err(|_| ApiError::unavailable(format!("pod {} has no address yet", named.name)))?;
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let mut ports = containers.into_iter().flatten().map(|container| &container["ports"][0]);
    let first = ports.find_map(|port| port["containerPort"].as_u64());
    let port = if named.port.is_empty() {
        first.and_then(|port| u16::try_from(port).ok()).unwrap_or(80)
    } else {
        let port = named.port.parse().ok().filter(|port| *port > 0);
        port.ok_or_else(|| ApiError::bad_request(format!("invalid port {:?}", named.port)))?
    };
    target(host, port)
}

/// What pods and endpoints say of their addresses is somebody's word: it must not lead to the node's own services.
fn target(host: IpAddr, port: u16) -> Result<Target, ApiError> {
    if !is_proxyable(host) {
        return Err(ApiError::bad_request("address not allowed"));
    }
    Ok(Target {
        host,
        port,
        server_name: None,
        tls: None,
    })
}

/// Global unicast, as Go has it: private networks are part of it.
fn is_proxyable(host: IpAddr) -> bool {
    match host.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_unspecified() || v4.is_loopback() || v4.is_multicast() || v4.is_link_local() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local()),
    }
}

/// One ready endpoint of the service's port.
async fn service(call: &Call<'_>, named: &Named<'_>) -> Result<Target, ApiError> {
    let is_meant = |port: &Value| {
        named.port.is_empty() || port["name"] == named.port || port["port"].as_u64() == named.port.parse().ok()
    };
    let service = call.object(named.name).await?;
    let (host, port) = endpoint::of_service(call.api, &service, is_meant).await?;
    target(host, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_others_are_reached() {
        for allowed in ["10.244.0.3", "192.168.1.1", "8.8.8.8", "fd00::1", "2001:db8::1"] {
            assert!(is_proxyable(allowed.parse().unwrap()), "{allowed}");
        }
        for refused in [
            "127.0.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!is_proxyable(refused.parse().unwrap()), "{refused}");
        }
    }
}
