//! One request: to the backend of its host and path, and the answer back.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, TE, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tasks::Group;

use crate::endpoints::Protocol;
use crate::lent::Lender;
use crate::redirect::{self, PublicPorts};
use crate::state::Shared;
use crate::upgrade;

/// An endpoint that does not take a connection in this time is passed over.
const CONNECT: Duration = Duration::from_secs(5);
/// From the last part of the request to the answer's head.
const ANSWER: Duration = Duration::from_secs(60);
/// Idle connections to endpoints are closed after this time: before most servers close theirs.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections per endpoint.
const IDLE_MOST: usize = 64;

pub(crate) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// Headers of one connection, not of the message (RFC 9110, 7.6.1).
const HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entrance {
    pub(crate) peer: IpAddr,
    pub(crate) tls: bool,
}

/// Passes requests on.
#[derive(Clone)]
pub(crate) struct Proxy {
    shared: Shared,
    plain: Client<HttpConnector, Body>,
    http2: Client<HttpConnector, Body>,
    public: PublicPorts,
    group: Group,
}

impl Proxy {
    pub(crate) fn new(shared: Shared, public: PublicPorts, group: Group) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let builder = || {
            let mut builder = Client::builder(TokioExecutor::new());
            builder
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_MOST)
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new());
            builder
        };
        Self {
            shared,
            plain: builder().build(connector.clone()),
            http2: builder().http2_only(true).build(connector),
            public,
            group,
        }
    }

    /// Answers a request, with an error of its own if there is nobody to ask.
    pub(crate) async fn answer(&self, request: Request<Incoming>, entrance: Entrance) -> Response<Body> {
        let live = self.shared.get();
        let host = host(&request);
        let name = name_of(&host);
        let Some(target) = live.routes.find(name, request.uri().path()) else {
            return say(StatusCode::NOT_FOUND, "no Ingress has a rule for this host and path\n");
        };
        if target.https_only
            && !entrance.tls
            && let Some(location) = redirect::location(name, &host, request.uri(), self.public)
            && let Ok(location) = HeaderValue::from_str(&location)
        {
            // 308: what was posted is posted again
            let mut response = say(StatusCode::PERMANENT_REDIRECT, "this host is served over HTTPS\n");
            response.headers_mut().insert(LOCATION, location);
            return response;
        }
        let Some(behind) = live.endpoints.get(&target.backend) else {
            return say(
                StatusCode::SERVICE_UNAVAILABLE,
                "the service of this rule does not exist\n",
            );
        };
        let addresses: Vec<SocketAddr> = behind.in_turn().collect();
        if addresses.is_empty() {
            return say(
                StatusCode::SERVICE_UNAVAILABLE,
                "the service of this rule has no ready endpoint\n",
            );
        }
        let http2 = behind.protocol == Protocol::Http2 || is_grpc(request.headers());
        self.pass_on(request, &host, entrance, &addresses, http2).await
    }

    async fn pass_on(
        &self,
        mut request: Request<Incoming>,
        host: &str,
        entrance: Entrance,
        addresses: &[SocketAddr],
        http2: bool,
    ) -> Response<Body> {
        let wanted = upgrade::wanted(&request).filter(|_| !http2);
        let client_side = wanted.is_some().then(|| hyper::upgrade::on(&mut request));
        let (mut head, body) = request.into_parts();
        prepare(&mut head.headers, host, entrance, wanted.as_ref());
        let body = Lender::new(body);
        let mut last = None;
        for address in addresses {
            // a request whose body nobody has read of can be made again at another endpoint
            let Some(content) = body.lend() else { break };
            let Some(request) = towards(&head, *address, http2, content.boxed_unsync()) else {
                return say(StatusCode::BAD_REQUEST, "the request's path cannot be passed on\n");
            };
            let client = if http2 { &self.http2 } else { &self.plain };
            match body.patiently(ANSWER, client.request(request)).await {
                Some(Ok(response)) => return self.hand_back(response, client_side),
                Some(Err(error)) if error.is_connect() => last = Some((StatusCode::BAD_GATEWAY, *address, error)),
                Some(Err(error)) => {
                    last = Some((StatusCode::BAD_GATEWAY, *address, error));
                    break;
                }
                None => return say(StatusCode::GATEWAY_TIMEOUT, "the endpoint did not answer in time\n"),
            }
        }
        match last {
            Some((status, address, error)) => {
                tracing::debug!(%address, %error, "an endpoint failed");
                say(status, "no endpoint of this rule's service could be reached\n")
            }
            None => say(StatusCode::SERVICE_UNAVAILABLE, "no endpoint\n"),
        }
    }

    fn hand_back(
        &self,
        mut response: Response<Incoming>,
        client_side: Option<hyper::upgrade::OnUpgrade>,
    ) -> Response<Body> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(client_side) = client_side
        {
            let server_side = hyper::upgrade::on(&mut response);
            self.group.spawn("upgrade", upgrade::join(client_side, server_side));
            let (head, _) = response.into_parts();
            return Response::from_parts(head, Empty::new().map_err(|never| match never {}).boxed_unsync());
        }
        let (mut head, body) = response.into_parts();
        strip(&mut head.headers);
        head.version = Version::default();
        Response::from_parts(head, body.boxed_unsync())
    }
}

/// The host that was asked for, with its port if there is one.
fn host(request: &Request<Incoming>) -> String {
    let header = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let authority = request.uri().authority().map(Authority::as_str);
    authority.or(header).unwrap_or_default().to_owned()
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Takes away what was for us, and adds what the backend cannot see itself.
fn prepare(headers: &mut HeaderMap, host: &str, entrance: Entrance, upgrade: Option<&HeaderValue>) {
    let trailers = headers.get(TE).is_some_and(|value| value == "trailers");
    strip(headers);
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
    if trailers {
        // gRPC insists on it
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let (scheme, port) = if entrance.tls { ("https", "443") } else { ("http", "80") };
    // the port that the client sees, which may be another one than this pod's
    let port = host
        .strip_prefix(name_of(host))
        .and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or(port);
    let peer = entrance.peer.to_string();
    // what the client says of itself is not believed: this is the edge
    for (name, value) in [
        ("x-real-ip", peer.as_str()),
        ("x-forwarded-for", &peer),
        ("x-forwarded-host", host),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", scheme),
        ("host", host),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP {
        headers.remove(*name);
    }
}

/// The same request, to an endpoint.
fn towards(head: &http::request::Parts, address: SocketAddr, http2: bool, body: Body) -> Option<Request<Body>> {
    let root = PathAndQuery::from_static("/");
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(address.to_string())
        .path_and_query(head.uri.path_and_query().unwrap_or(&root).clone())
        .build()
        .ok()?;
    let mut request = Request::builder()
        .method(head.method.clone())
        .uri(uri)
        .body(body)
        .ok()?;
    *request.headers_mut() = head.headers.clone();
    *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
    if http2 {
        // there the authority says it
        request.headers_mut().remove(HOST);
    }
    Some(request)
}

/// An answer of our own.
pub(crate) fn say(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// What every connection shares.
pub(crate) type SharedProxy = Arc<Proxy>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_word_on_itself_is_replaced() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, x-secret"),
            ("x-secret", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("accept", "*/*"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let entrance = Entrance {
            peer: IpAddr::from([10, 0, 0, 9]),
            tls: true,
        };
        prepare(&mut headers, "a.example:8443", entrance, None);
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(get("x-forwarded-for"), Some("10.0.0.9"));
        assert_eq!(get("x-forwarded-proto"), Some("https"));
        assert_eq!(
            (get("host"), get("x-forwarded-port")),
            (Some("a.example:8443"), Some("8443"))
        );
        assert_eq!(get("te"), Some("trailers"));
        assert_eq!(get("accept"), Some("*/*"));
        assert_eq!(
            (get("x-secret"), get("connection"), get("transfer-encoding")),
            (None, None, None)
        );
        assert_eq!(
            (name_of("a.example:443"), name_of("[::1]:80"), name_of("a")),
            ("a.example", "[::1]", "a")
        );
    }
}
