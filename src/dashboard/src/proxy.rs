//! The way to the Kubernetes API: requests pass with the credentials that the browser gave them, upgrades included.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tasks::Group;

use crate::serve::Place;

/// A body on its way.
pub(crate) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// An API server that does not accept a connection in this time is not there.
const CONNECT: Duration = Duration::from_secs(5);

/// Headers that pass; a browser adds many that are nobody's business.
const PASSED: [HeaderName; 11] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    HeaderName::from_static(traces::TRACEPARENT),
    HeaderName::from_static(traces::TRACESTATE),
];

/// The API cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The authority's certificate is unusable.
    #[error("the cluster's certificate authority: {0}")]
    Authority(String),
    /// The server's address is.
    #[error("the API server's address: {0}")]
    Address(#[from] http::uri::InvalidUri),
}

/// A client of the API without any identity.
#[derive(Clone)]
pub(crate) struct Proxy {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    server: Authority,
    group: Group,
}

impl Proxy {
    pub(crate) fn new(server: &str, ca: &[u8], group: Group) -> Result<Self, ProxyError> {
        let wrong = |error: &dyn std::fmt::Display| ProxyError::Authority(error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca) {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self {
            client,
            server: server.parse()?,
            group,
        })
    }

    /// True for paths of the API.
    pub(crate) fn serves(path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        matches!(first, "api" | "apis" | "openapi" | "traces" | "version")
    }

    /// What tasks of this server belong to.
    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    /// Asks the API server for a path with somebody's credentials.
    pub(crate) async fn get(
        &self,
        path: &str,
        accept: &str,
        credentials: Option<HeaderValue>,
    ) -> Result<Response<Incoming>, String> {
        let request = Request::get(format!("https://{}{path}", self.server)).header(header::ACCEPT, accept);
        let mut request = request.body(Body::default()).map_err(|error| error.to_string())?;
        request
            .headers_mut()
            .extend(credentials.map(|value| (header::AUTHORIZATION, value)));
        self.client.request(request).await.map_err(|error| error.to_string())
    }

    /// Asks the API server and gives its answer.
    pub(crate) async fn forward(&self, mut request: Request<Incoming>, place: &Place) -> Response<Body> {
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(self.server.clone());
        uri.path_and_query = request
            .uri()
            .path_and_query()
            .cloned()
            .or(Some(PathAndQuery::from_static("/")));
        let Ok(uri) = Uri::from_parts(uri) else {
            return failed(StatusCode::BAD_REQUEST, "the path");
        };
        let browser = request
            .headers()
            .contains_key(header::UPGRADE)
            .then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        parts.uri = uri;
        parts.headers = passed(&parts.headers);
        // whatever the browser spoke, the API server is spoken to in this
        parts.version = http::Version::HTTP_11;
        let request = Request::from_parts(parts, body.boxed_unsync());
        let mut answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => return failed(StatusCode::BAD_GATEWAY, &error.to_string()),
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(browser) = browser
        {
            let server = hyper::upgrade::on(&mut answer);
            let place = Place::clone(place);
            self.group.spawn("stream", async move {
                let Ok((browser, server)) = tokio::try_join!(browser, server) else {
                    return;
                };
                let (mut browser, mut server) = (TokioIo::new(browser), TokioIo::new(server));
                let _ = tokio::io::copy_bidirectional(&mut browser, &mut server).await;
                drop(place);
            });
        }
        answer.map(BodyExt::boxed_unsync)
    }
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| PASSED.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(crate) fn failed(status: StatusCode, why: &str) -> Response<Body> {
    let text = Bytes::from(format!("dashboard: {why}\n"));
    let body = Full::new(text).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_api_is_asked() {
        for (path, asked) in [
            ("/api/v1/pods", true),
            ("/apis", true),
            ("/version", true),
            ("/traces/0af7651916cd43dd8448eb211c80319c", true),
            ("/", false),
            ("/app.js", false),
            ("/apiary", false),
            ("/metrics", false),
        ] {
            assert_eq!(Proxy::serves(path), asked, "{path}");
        }
    }

    #[test]
    fn nobody_is_impersonated_and_no_cookie_passes() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("cookie", "a"),
            ("impersonate-user", "admin"),
            ("authorization", "Bearer t"),
        ] {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        let passed = passed(&headers);
        assert_eq!(passed.len(), 1);
        assert_eq!(passed[header::AUTHORIZATION], "Bearer t");
    }
}
