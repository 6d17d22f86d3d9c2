//! `rkube addon NAME`: the servers of built-in addons, as pods of the embedded image run them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tasks::CancellationToken;

/// Why an addon's server ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddonError {
    /// Arguments that no version of our own manifests gives.
    #[error("unexpected argument {0:?}; this command is for the cluster's own pods")]
    Argument(String),
    /// No service account, or one that cannot be read.
    #[error("cannot reach the API from this pod")]
    InCluster(#[from] kube::config::InClusterError),
    /// The client cannot be made.
    #[error("API client")]
    Client(#[from] Box<kube::Error>),
    /// The dashboard's server ended.
    #[error("dashboard")]
    Dashboard(#[from] dashboard::RunError),
    /// The kubelet gives every container these variables.
    #[error("{0} is not set")]
    Environment(&'static str),
    /// The name server ended.
    #[error("name server")]
    Dns(#[from] dns::RunError),
    /// The metrics server ended.
    #[error("metrics server")]
    Metrics(#[from] metrics::RunError),
    /// The ingress server ended.
    #[error("ingress")]
    Ingress(#[from] ingress::RunError),
    /// The resolver's configuration or signal handlers.
    #[error("setting up")]
    Io(#[from] std::io::Error),
}

/// `rkube addon dns --domain DOMAIN`: serves on all addresses until SIGTERM.
pub(crate) async fn dns(arguments: &[&str]) -> Result<(), AddonError> {
    let domain = match arguments {
        [] => "cluster.local",
        ["--domain", domain] => domain,
        other => return Err(AddonError::Argument(other.join(" "))),
    };
    let client = client()?;
    let config = dns::Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 53)),
        health: SocketAddr::from(([0, 0, 0, 0], 8181)),
        domain: domain.to_owned(),
        upstream: upstream()?,
    };
    until_terminated(|cancel| dns::run(client, config, cancel)).await
}

/// `rkube addon ingress-dns --node IP --address ADDRESS`: serves on all addresses until SIGTERM; names have ADDRESS, or IP if that is empty.
pub(crate) async fn ingress_dns(arguments: &[&str]) -> Result<(), AddonError> {
    let address = match arguments {
        ["--node", node, "--address", ""] => node.parse().ok(),
        ["--node", _, "--address", address] => address.parse().ok(),
        _ => None,
    };
    let config = dns::IngressConfig {
        listen: SocketAddr::from(([0, 0, 0, 0], 5353)),
        health: SocketAddr::from(([0, 0, 0, 0], 8181)),
        address: address.ok_or_else(|| AddonError::Argument(arguments.join(" ")))?,
    };
    let client = client()?;
    until_terminated(|cancel| dns::run_for_ingresses(client, config, cancel)).await
}

/// `rkube addon metrics-server --metric-resolution TIME`: serves on all addresses until SIGTERM.
pub(crate) async fn metrics_server(arguments: &[&str]) -> Result<(), AddonError> {
    let unexpected = || AddonError::Argument(arguments.join(" "));
    let seconds = match arguments {
        [] => 15,
        ["--metric-resolution", time] => {
            let seconds = time.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
            seconds.filter(|seconds| *seconds > 0).ok_or_else(unexpected)?
        }
        _ => return Err(unexpected()),
    };
    let account = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
    let config = metrics::Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 10250)),
        resolution: Duration::from_secs(seconds),
        kubelet_ca: account.join("ca.crt"),
        token: account.join("token"),
        service: ("kube-system".to_owned(), "metrics-server".to_owned()),
    };
    let client = client()?;
    until_terminated(|cancel| metrics::run(client, config, cancel)).await
}

fn client() -> Result<kube::Client, AddonError> {
    let config = kube::Config::incluster_env()?;
    Ok(kube::Client::try_from(config).map_err(Box::new)?)
}

/// Runs a server until it ends or is asked to.
async fn until_terminated<E, F>(run: impl FnOnce(CancellationToken) -> F) -> Result<(), AddonError>
where
    AddonError: From<E>,
    F: Future<Output = Result<(), E>>,
{
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let cancel = CancellationToken::new();
    tokio::select! {
        outcome = run(cancel.clone()) => Ok(outcome?),
        _ = terminate.recv() => {
            cancel.cancel();
            Ok(())
        }
    }
}

/// `rkube addon dashboard`: serves on port 8080 until SIGTERM.
#[expect(
    clippy::disallowed_methods,
    reason = "the kubelet says in the environment where the API is"
)]
pub(crate) async fn dashboard() -> Result<(), AddonError> {
    let api = |name| std::env::var(name).map_err(|_| AddonError::Environment(name));
    let (host, port) = (api("KUBERNETES_SERVICE_HOST")?, api("KUBERNETES_SERVICE_PORT")?);
    let config = dashboard::Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
        api: format!("{host}:{port}"),
        ca: fs_err::read("/etc/rkube/ca.crt")?,
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let group = tasks::Group::default();
    tokio::select! {
        outcome = dashboard::run(config, group) => Ok(outcome?),
        _ = terminate.recv() => Ok(()),
    }
}

/// `rkube addon ingress --address IP --public-ports HTTP:HTTPS`: serves on all addresses until SIGTERM; IP goes into the status of
/// Ingresses, the ports into redirects.
pub(crate) async fn ingress(arguments: &[&str]) -> Result<(), AddonError> {
    let wanted = match arguments {
        ["--address", address, "--public-ports", ports] => address.parse().ok().zip(public_ports(ports)),
        _ => None,
    };
    let (address, public) = wanted.ok_or_else(|| AddonError::Argument(arguments.join(" ")))?;
    let config = kube::Config::incluster_env()?;
    let client = kube::Client::try_from(config).map_err(Box::new)?;
    let all = |port| SocketAddr::from(([0, 0, 0, 0], port));
    let config = ingress::Config {
        http: all(8080),
        https: all(8443),
        health: all(10254),
        public,
        addresses: vec![address],
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let cancel = CancellationToken::new();
    let mut serving = std::pin::pin!(ingress::run(client, config, cancel.clone()));
    tokio::select! {
        outcome = serving.as_mut() => Ok(outcome?),
        _ = terminate.recv() => {
            // requests under way are answered
            cancel.cancel();
            Ok(serving.await?)
        }
    }
}

fn public_ports(text: &str) -> Option<ingress::PublicPorts> {
    let (http, https) = text.split_once(':')?;
    Some(ingress::PublicPorts {
        http: http.parse().ok()?,
        https: https.parse().ok()?,
    })
}

/// `rkube addon remove-volume PATH`: removes a volume's folder, in a pod that has nothing else mounted.
pub(crate) fn remove_volume(path: &str) -> std::io::Result<u8> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(0),
    }
}

/// The servers that the kubelet gave this pod, which are the node's.
fn upstream() -> std::io::Result<Vec<SocketAddr>> {
    let text = fs_err::read_to_string("/etc/resolv.conf")?;
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    Ok(servers
        .filter_map(|server| server.trim().parse::<IpAddr>().ok())
        .map(|server| SocketAddr::new(server, 53))
        .collect())
}
