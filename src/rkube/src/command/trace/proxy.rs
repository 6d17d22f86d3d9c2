//! A loopback proxy that marks every request of one command as belonging to a trace.
//!
//! kubectl has no flag for headers. It trusts the proxy by a certificate made for this one command, and shows it a secret in
//! place of its user's credentials, which never leave this process. Whoever shows no such secret is passed on as they are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cluster::{ClusterError, Profile};
use http::{HeaderName, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use pki::{Authority, LeafRequest, Usage};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tasks::Group;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use traces::Id;

use crate::failure::Failure;

type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Connections at a time; one command has a few.
const CONNECTIONS: usize = 64;
/// A client that sends its request more slowly is let go.
const HEADERS: Duration = Duration::from_secs(10);
/// The API server takes no larger bodies.
const LARGEST: usize = 4 << 20;

/// The proxy of one command.
pub(super) struct Proxy {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    authority: String,
    config: Kubeconfig,
    /// What kubectl shows instead of the credentials of the user named.
    secrets: HashMap<String, String>,
    onward: Arc<Onward>,
}

/// Where requests go on to.
struct Onward {
    /// By secret.
    clients: HashMap<String, Client>,
    /// Without credentials.
    plain: Client,
    id: Id,
    group: Group,
}

impl Proxy {
    /// Listens. `config` has the contexts that the command may choose from.
    pub(super) async fn start(mut config: Kubeconfig, profile: &Profile, id: &Id) -> Result<Self, Failure> {
        let server = profile.server();
        let is_ours = |cluster: &kube::config::NamedCluster| {
            cluster.cluster.as_ref().and_then(|cluster| cluster.server.as_deref()) == Some(&server)
        };
        config.clusters.retain(is_ours);
        let known = |name: &str| config.clusters.iter().any(|cluster| cluster.name == name);
        config
            .contexts
            .retain(|named| named.context.as_ref().is_some_and(|context| known(&context.cluster)));
        let current = config.current_context.clone().unwrap_or_default();
        if !config.contexts.iter().any(|context| context.name == current) {
            config.current_context = config.contexts.first().map(|context| context.name.clone());
        }
        let (mut clients, mut secrets) = (HashMap::new(), HashMap::new());
        let cluster = config.clusters.first().map(|cluster| cluster.name.clone());
        for named in &config.contexts {
            let user = named
                .context
                .as_ref()
                .and_then(|context| context.user.clone())
                .unwrap_or_default();
            if secrets.values().any(|known| *known == user) {
                continue;
            }
            // a user whose credentials cannot be read is only in the way if chosen, and then the server says so
            if let Ok(client) = client_of(&config, cluster.clone(), Some(user.clone())).await {
                let secret = uuid::Uuid::new_v4().simple().to_string();
                clients.insert(secret.clone(), client);
                secrets.insert(secret, user);
            }
        }
        let mut anonymous = config.clone();
        let nobody: Vec<kube::config::NamedAuthInfo> =
            serde_json::from_value(json!([{ "name": "nobody", "user": {} }]))
                .map_err(|error| Failure::internal(&error))?;
        anonymous.auth_infos = nobody;
        let plain = client_of(&anonymous, cluster, Some("nobody".to_owned())).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let (acceptor, authority) = certificate()?;
        let onward = Onward {
            clients,
            plain,
            id: id.clone(),
            group: Group::new(),
        };
        Ok(Self {
            listener: listener.map_err(|error| Failure::internal(&error))?,
            acceptor,
            authority,
            config,
            secrets,
            onward: Arc::new(onward),
        })
    }

    /// A file for `KUBECONFIG`, readable by this user alone and gone when dropped.
    pub(super) fn kubeconfig(&self) -> Result<NamedTempFile, Failure> {
        use std::io::Write as _;
        let address: SocketAddr = self.listener.local_addr().map_err(|error| Failure::internal(&error))?;
        let mut config = serde_json::to_value(&self.config).map_err(|error| Failure::internal(&error))?;
        for cluster in config["clusters"].as_array_mut().into_iter().flatten() {
            cluster["cluster"] = json!({
                "server": format!("https://{address}"),
                "certificate-authority-data": base64(self.authority.as_bytes()),
            });
        }
        let user = |(secret, name): (&String, &String)| json!({ "name": name, "user": { "token": secret } });
        config["users"] = self.secrets.iter().map(user).collect::<Vec<Value>>().into();
        let write = || {
            let mut file = NamedTempFile::with_prefix("rkube-trace-")?;
            file.write_all(config.to_string().as_bytes())?;
            file.flush()?;
            Ok(file)
        };
        write().map_err(|error: std::io::Error| ClusterError::Io(error).into())
    }

    /// Serves until dropped, or until the listener fails.
    pub(super) async fn serve(&self) -> Result<Infallible, Failure> {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let accepted = self.listener.accept().await;
            let (stream, _) = accepted.map_err(|error| Failure::internal(&error))?;
            let (acceptor, onward) = (self.acceptor.clone(), Arc::clone(&self.onward));
            self.onward.group.spawn("traced-connection", async move {
                let Ok(Ok(stream)) = tokio::time::timeout(HEADERS, acceptor.accept(stream)).await else {
                    return;
                };
                let service = service_fn(move |request| {
                    let onward = Arc::clone(&onward);
                    async move { Ok::<_, Infallible>(onward.pass(request).await) }
                });
                let served = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADERS)
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
                if let Err(error) = served {
                    tracing::debug!(%error, "a traced connection ended");
                }
                drop(place);
            });
        }
    }
}

impl Onward {
    async fn pass(&self, request: Request<Incoming>) -> Response<Body> {
        match self.exchange(request).await {
            Ok(response) => response,
            Err(error) => {
                let text = Bytes::from(format!("rkube trace: {error}\n"));
                let mut response = Response::new(Full::new(text).map_err(|never| match never {}).boxed_unsync());
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let client = self.client(&mut request);
        let upgrading = request.headers().contains_key(header::UPGRADE);
        let asked = upgrading.then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
        parts.headers.remove(header::HOST);
        for (name, value) in self.id.headers() {
            parts.headers.insert(HeaderName::from_static(name), value.parse()?);
        }
        let onward = Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
        let mut answer = client.send(onward).await?;
        if let (StatusCode::SWITCHING_PROTOCOLS, Some(asked)) = (answer.status(), asked) {
            let server = hyper::upgrade::on(&mut answer);
            self.group.spawn("traced-stream", async move {
                let Ok((asked, server)) = tokio::try_join!(asked, server) else {
                    return;
                };
                let (mut asked, mut server) = (TokioIo::new(asked), TokioIo::new(server));
                let _ = tokio::io::copy_bidirectional(&mut asked, &mut server).await;
            });
        }
        Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    /// The client with the credentials that the request's secret stands for. The secret goes no further.
    fn client(&self, request: &mut Request<Incoming>) -> &Client {
        let shown = request.headers().get(header::AUTHORIZATION);
        let secret = shown.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match secret.and_then(|secret| self.clients.get(secret)) {
            Some(client) => {
                request.headers_mut().remove(header::AUTHORIZATION);
                client
            }
            None => &self.plain,
        }
    }
}

async fn client_of(config: &Kubeconfig, cluster: Option<String>, user: Option<String>) -> Result<Client, Failure> {
    let unusable = |error: &dyn std::error::Error| ClusterError::Credentials(error.to_string());
    let options = KubeConfigOptions {
        context: None,
        cluster,
        user,
    };
    let config = kube::Config::from_custom_kubeconfig(config.clone(), &options).await;
    let mut config = config.map_err(|error| unusable(&error))?;
    // the cluster is on this machine: no proxy of the environment leads there
    config.proxy_url = None;
    // a watch or a log may be silent for long
    config.read_timeout = None;
    Client::try_from(config).map_err(|error| unusable(&error).into())
}

/// TLS for the loopback address, and the authority that vouches for it; both last as long as the command.
fn certificate() -> Result<(TlsAcceptor, String), Failure> {
    let fail = |error: &dyn std::error::Error| Failure::internal(&error.to_string());
    let now = SystemTime::now();
    let authority = Authority::create("rkube-trace", now).map_err(|error| fail(&error))?;
    let request = LeafRequest {
        common_name: "rkube-trace",
        organizations: &[],
        dns: Vec::new(),
        ips: vec![Ipv4Addr::LOCALHOST.into()],
        usage: Usage::Server,
    };
    let leaf = authority.issue(&request, now).map_err(|error| fail(&error))?;
    let chain = CertificateDer::pem_slice_iter(leaf.cert.as_bytes()).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).map_err(|error| fail(&error))?;
    let mut tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain.map_err(|error| fail(&error))?, key)
        .map_err(|error| fail(&error))?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(tls)), authority.pem().cert.clone()))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
