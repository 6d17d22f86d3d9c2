//! Asking a kubelet for `/metrics/resource`, and what its answer means.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use machinery::exposition::{self, Sample};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::run::{Config, RunError};
use crate::storage::{Point, Reading};

const DEADLINE: Duration = Duration::from_secs(10);
/// A thousand pods of two containers fill a twentieth of it.
const LARGEST: usize = 16 << 20;

/// Why a kubelet told nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrapeError {
    #[error("no answer within {}s", DEADLINE.as_secs())]
    Deadline,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error("request: {0}")]
    Request(#[from] http::Error),
    #[error("{0}: {1}")]
    Refused(StatusCode, String),
    #[error("answer: {0}")]
    Body(String),
}

/// How kubelets are reached.
pub(crate) struct Kubelets {
    tls: Arc<ClientConfig>,
    token: PathBuf,
}

impl Kubelets {
    pub(crate) fn new(config: &Config) -> Result<Self, RunError> {
        let pem = fs_err::read(&config.kubelet_ca).map_err(RunError::Authority)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| RunError::Tls(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| RunError::Tls(error.to_string()))?;
        }
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Arc::new(tls),
            token: config.token.clone(),
        })
    }

    /// What the kubelet's node and pods have used so far.
    pub(crate) async fn read(&self, address: (IpAddr, u16)) -> Result<Reading, ScrapeError> {
        let text = tokio::time::timeout(DEADLINE, self.get(address))
            .await
            .map_err(|_| ScrapeError::Deadline)??;
        Ok(reading(&text))
    }

    async fn get(&self, address: (IpAddr, u16)) -> Result<String, ScrapeError> {
        let token = fs_err::tokio::read_to_string(&self.token).await?;
        let socket = TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.0.into());
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, socket).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get("/metrics/resource")
            .header(header::HOST, format!("{}:{}", address.0, address.1))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.trim()))
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LARGEST).collect().await;
            let body = body.map_err(|error| ScrapeError::Body(error.to_string()))?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            if status.is_success() {
                Ok(text)
            } else {
                Err(ScrapeError::Refused(status, text.chars().take(200).collect()))
            }
        };
        // the connection's own end is no news: the exchange says what went wrong
        let (answer, _) = tokio::join!(exchange, connection);
        answer
    }
}

/// The points of a document. Lines that are no samples are passed over; others would be lost with them otherwise.
pub(crate) fn reading(text: &str) -> Reading {
    let mut reading = Reading::default();
    for sample in exposition::samples(text).filter_map(Result::ok) {
        let node = |reading: &mut Reading, set: fn(&mut Point, &Sample<'_>)| {
            set(reading.node.get_or_insert_default(), &sample);
        };
        let container = |reading: &mut Reading, set: fn(&mut Point, &Sample<'_>)| {
            let pod = (sample.label("namespace"), sample.label("pod"));
            let containers = reading.pods.entry(pod).or_default();
            set(containers.entry(sample.label("container")).or_default(), &sample);
        };
        let cpu = |point: &mut Point, sample: &Sample<'_>| {
            point.cpu = sample.value;
            point.at = sample.at.unwrap_or_default();
        };
        let memory = |point: &mut Point, sample: &Sample<'_>| point.memory = sample.value;
        let started = |point: &mut Point, sample: &Sample<'_>| point.started = (sample.value * 1000.0) as i64;
        match sample.name {
            "node_cpu_usage_seconds_total" => node(&mut reading, cpu),
            "node_memory_working_set_bytes" => node(&mut reading, memory),
            "container_cpu_usage_seconds_total" => container(&mut reading, cpu),
            "container_memory_working_set_bytes" => container(&mut reading, memory),
            "container_start_time_seconds" => container(&mut reading, started),
            _ => {}
        }
    }
    let whole = |point: &Point| point.at > 0 && point.memory > 0.0;
    reading.node = reading.node.filter(whole);
    // a pod of which a container is not whole is not known
    reading.pods.retain(|_, containers| containers.values().all(whole));
    reading
}
