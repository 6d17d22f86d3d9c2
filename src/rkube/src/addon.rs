//! `rkube addon NAME`: the servers of built-in addons, as pods of the embedded image run them.

use std::net::{IpAddr, SocketAddr};

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
    /// The name server ended.
    #[error("name server")]
    Dns(#[from] dns::RunError),
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
    let config = kube::Config::incluster_env()?;
    let client = kube::Client::try_from(config).map_err(Box::new)?;
    let config = dns::Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 53)),
        health: SocketAddr::from(([0, 0, 0, 0], 8181)),
        domain: domain.to_owned(),
        upstream: upstream()?,
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let cancel = CancellationToken::new();
    tokio::select! {
        outcome = dns::run(client, config, cancel.clone()) => Ok(outcome?),
        _ = terminate.recv() => {
            cancel.cancel();
            Ok(())
        }
    }
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
