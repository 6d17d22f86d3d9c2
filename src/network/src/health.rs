//! Answers load balancers' question whether this node has endpoints of a service whose traffic stays on its node: one HTTP
//! server per `healthCheckNodePort`.
//!
//! Semantics: `k8s.io/kubernetes/pkg/proxy/healthcheck`.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tasks::CancellationToken;
use tokio::net::{TcpListener, TcpStream};

use crate::proxy::{Service, Slice};

/// Who asks must say so by then.
const HEADERS: Duration = Duration::from_secs(10);

/// What is said of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    namespace: String,
    name: String,
    endpoints: usize,
    /// Whether the kernel does what the API says.
    healthy: bool,
}

/// The answers there are to be, by port.
pub(crate) fn of<'a>(
    services: impl Iterator<Item = &'a Service>,
    slices: &[&Slice],
    healthy: bool,
) -> BTreeMap<u16, Answer> {
    let checked = services.filter(|service| service.external_local && service.health_port != 0);
    checked
        .map(|service| {
            let own = slices
                .iter()
                .filter(|slice| slice.namespace == service.namespace && slice.service == service.name);
            let endpoints = own.flat_map(|slice| &slice.endpoints);
            let answer = Answer {
                namespace: service.namespace.clone(),
                name: service.name.clone(),
                endpoints: endpoints.filter(|endpoint| endpoint.local && endpoint.ready).count(),
                healthy,
            };
            (service.health_port, answer)
        })
        .collect()
}

impl Answer {
    fn response(&self) -> Response<Full<Bytes>> {
        let quoted = |text: &str| Value::from(text).to_string();
        let (namespace, name) = (quoted(&self.namespace), quoted(&self.name));
        let body = format!(
            "{{\n\t\"service\": {{\n\t\t\"namespace\": {namespace},\n\t\t\"name\": {name}\n\t}},\n\t\"localEndpoints\": {},\n\t\"serviceProxyHealthy\": {}\n}}",
            self.endpoints, self.healthy
        );
        let mut response = Response::new(Full::new(Bytes::from(body)));
        if self.endpoints == 0 || !self.healthy {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        let headers = response.headers_mut();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        headers.insert("x-content-type-options", http::HeaderValue::from_static("nosniff"));
        headers.insert("x-load-balancing-endpoint-weight", self.endpoints.into());
        response
    }
}

struct Server {
    answer: Arc<Mutex<Answer>>,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The servers by port.
#[derive(Default)]
pub(crate) struct Servers {
    open: BTreeMap<u16, Server>,
    /// Ports that could not be had when last tried.
    refused: BTreeSet<u16>,
}

impl Servers {
    /// Opens what is new, closes what is gone and lets the rest answer anew. False if a port could not be had.
    pub(crate) async fn apply(&mut self, wanted: BTreeMap<u16, Answer>) -> bool {
        self.open.retain(|port, _| wanted.contains_key(port));
        let told = std::mem::take(&mut self.refused);
        for (port, answer) in wanted {
            if let Some(server) = self.open.get(&port) {
                *server.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
                continue;
            }
            match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await {
                Ok(listener) => drop(self.open.insert(port, Server::start(listener, answer))),
                Err(error) => {
                    if !told.contains(&port) {
                        let (namespace, name) = (&answer.namespace, &answer.name);
                        tracing::error!(namespace, name, port, %error, "the service's health cannot be asked for");
                    }
                    self.refused.insert(port);
                }
            }
        }
        self.refused.is_empty()
    }
}

impl Server {
    fn start(listener: TcpListener, answer: Answer) -> Self {
        let server = Self {
            answer: Arc::new(Mutex::new(answer)),
            stop: CancellationToken::new(),
        };
        let (answer, stop) = (Arc::clone(&server.answer), server.stop.clone());
        drop(tasks::spawn("service-health", async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => {
                            let connection = serve(stream, Arc::clone(&answer));
                            let stop = stop.clone();
                            drop(tasks::spawn("service-health-connection", async move {
                                tokio::select! { () = stop.cancelled() => {}, () = connection => {} }
                            }));
                        }
                        // out of descriptors: others will be given back
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    },
                }
            }
        }));
        server
    }
}

async fn serve(stream: TcpStream, answer: Arc<Mutex<Answer>>) {
    let service = service_fn(|_| {
        let response = answer.lock().unwrap_or_else(PoisonError::into_inner).response();
        async move { Ok::<_, Infallible>(response) }
    });
    // who keeps a connection open and asks nothing is not waited for
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a question about a service's health broke off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn answer(endpoints: usize, healthy: bool) -> Answer {
        Answer {
            namespace: "n".to_owned(),
            name: "s".to_owned(),
            endpoints,
            healthy,
        }
    }

    async fn ask(port: u16) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn a_port_says_how_many_endpoints_are_here_until_it_is_closed() {
        let mut servers = Servers::default();
        let mut port = 0;
        for _ in 0..20 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("port");
            port = free.local_addr().expect("address").port();
            drop(free);
            // somebody else may have taken it meanwhile
            if servers.apply([(port, answer(2, true))].into()).await {
                break;
            }
        }
        let text = ask(port).await.expect("answer");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains("x-load-balancing-endpoint-weight: 2"), "{text}");
        let body = text.split("\r\n\r\n").nth(1).expect("body");
        assert_eq!(
            body,
            "{\n\t\"service\": {\n\t\t\"namespace\": \"n\",\n\t\t\"name\": \"s\"\n\t},\n\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}"
        );
        for (endpoints, healthy) in [(0, true), (1, false)] {
            servers.apply([(port, answer(endpoints, healthy))].into()).await;
            let text = ask(port).await.expect("answer");
            assert!(text.starts_with("HTTP/1.1 503"), "{text}");
        }
        servers.apply(BTreeMap::new()).await;
        for _ in 0..200 {
            if ask(port).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("port {port} is still open");
    }

    #[tokio::test]
    async fn a_port_that_another_has_is_told() {
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("port");
        let port = taken.local_addr().expect("address").port();
        let mut servers = Servers::default();
        assert!(!servers.apply([(port, answer(1, true))].into()).await);
    }
}
