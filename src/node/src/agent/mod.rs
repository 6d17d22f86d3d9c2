//! `rkube node`: assembles a node's components as supervised tasks and says how they are.
//!
//! Ending it, in whatever way, stops no pod.

mod clients;
mod control_plane;
mod sessions;
mod status;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use nodespec::{NodeConfig, paths, ports};
use tasks::{CancellationToken, Group, Supervisor};
use tokio::signal::unix::{SignalKind, signal};

use crate::{images, registry, resolver};

pub use status::fetch as fetch_status;

/// Where containerd looks for the pod network's configuration.
const CNI: &str = "/etc/cni/net.d";
/// Pods' addresses in use; on a tmpfs, because a reboot of the node ends all sandboxes.
const CNI_STATE: &str = "/run/rkube/cni";
/// Connections of clients may still be open; they get no longer than this.
const STOP_DEADLINE: Duration = Duration::from_millis(200);

/// Why the agent could not begin. Whatever fails later is restarted by the supervisor instead.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The node's configuration is missing or malformed.
    #[error("cannot read the node's configuration {}", paths::CONFIG)]
    Config(#[source] io::Error),
    /// Signal handlers.
    #[error("cannot set up the agent")]
    Setup(#[from] io::Error),
}

/// Runs until SIGTERM or SIGINT.
pub fn run() -> BoxFuture<'static, Result<(), AgentError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work())
}

async fn work() -> Result<(), AgentError> {
    let config = Arc::new(read_config().map_err(AgentError::Config)?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let supervisor = Supervisor::new(Group::new());
    start_components(&supervisor, &config);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping; pods go on");
    supervisor.group().stop(STOP_DEADLINE).await;
    Ok(())
}

fn start_components(supervisor: &Supervisor, config: &Arc<NodeConfig>) {
    let token = supervisor.group().token().clone();
    status::start(supervisor, config);
    let failures = Arc::new(registry::Failures::default());
    let told = failures.clone();
    supervise(supervisor, "registry", &token, config, move |config, cancel| {
        registry::serve(config.embedded_image.clone(), ports::REGISTRY, told.clone(), cancel)
    });
    let embedded = images::pull_early(config.embedded_image.clone());
    supervisor.group().spawn("embedded-image", embedded);
    let handle = control_plane::Handle::new();
    let control_plane = config.role == nodespec::Role::ControlPlane;
    if control_plane {
        control_plane::start(supervisor, config, &handle);
    }
    let proxied = handle.clone();
    let (teller, isolation) = network::isolation();
    supervise(supervisor, "network", &token, config, move |config, _| {
        let (handle, teller) = (proxied.clone(), teller.clone());
        async move {
            let client = if control_plane {
                handle.client("system:kube-proxy", &[]).await?
            } else {
                clients::proxy(&config)?
            };
            let settings = network::Config {
                node: config.name.clone(),
                pod_cidr: config.pod_cidr,
                cluster_cidr: config.cluster_cidr,
                load_balancers: config.load_balancers,
            };
            Box::pin(network::run(client, settings, teller))
                .await
                .map_err(io::Error::other)
        }
    });
    supervise(supervisor, "kubelet", &token, config, move |config, cancel| {
        let (handle, isolation, failures) = (handle.clone(), isolation.clone(), failures.clone());
        async move {
            let user = format!("system:node:{}", config.name);
            // A control plane's own kubelet needs neither socket nor TLS; it has the same rights as any other.
            let client = if control_plane {
                handle.client(&user, &["system:nodes"]).await?
            } else {
                clients::kubelet(&config)?
            };
            network::cni::write(CNI.as_ref(), CNI_STATE.as_ref(), config.pod_cidr, mtu())?;
            let options = kubelet_options(&config, isolation, failures);
            let run = Box::pin(kubelet::run(options, client, cancel));
            Box::pin(run).await.map_err(io::Error::other)
        }
    });
}

/// Packets of pods leave by the node's own device, so they may not be larger than it takes.
fn mtu() -> u32 {
    const ETHERNET: u32 = 1500;
    let text = fs_err::read_to_string("/sys/class/net/eth0/mtu").unwrap_or_default();
    text.trim().parse().unwrap_or(ETHERNET)
}

fn kubelet_options(
    config: &NodeConfig,
    isolation: network::Isolation,
    pull_report: Arc<dyn kubelet::PullReport>,
) -> kubelet::Options {
    let isolated = kubelet::Isolated::new(move |namespace: String, name: String, address| {
        let isolation = isolation.clone();
        Box::pin(async move { isolation.wait(&namespace, &name, address).await })
    });
    kubelet::Options {
        isolated,
        node_name: config.name.clone(),
        node_ip: config.node_ip,
        cluster_dns: config.dns_ip,
        cluster_domain: config.dns_domain.clone(),
        resolv_conf: resolver::POD_RESOLV_CONF.into(),
        labels: config.labels.clone(),
        taints: config
            .taints
            .iter()
            .map(|taint| (taint.key.clone(), taint.value.clone(), taint.effect.clone()))
            .collect(),
        control_plane: config.role == nodespec::Role::ControlPlane,
        containerd_socket: paths::CONTAINERD_SOCKET.into(),
        root: paths::KUBELET.into(),
        pod_logs: paths::POD_LOGS.into(),
        manifests: paths::MANIFESTS.into(),
        pki: paths::PKI.into(),
        port: ports::KUBELET,
        own_volumes: kubelet::OwnVolumes {
            provisioner: provisioner::NAME.to_owned(),
            root: paths::VOLUMES.into(),
        },
        pull_report,
        settings: config.extra_config.get("kubelet").cloned().unwrap_or_default(),
    }
}

fn supervise<S, F>(
    supervisor: &Supervisor,
    name: &'static str,
    token: &CancellationToken,
    config: &Arc<NodeConfig>,
    start: S,
) where
    S: Fn(Arc<NodeConfig>, CancellationToken) -> F + Send + 'static,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (token, config) = (token.clone(), config.clone());
    supervisor.run(name, move || start(config.clone(), token.child_token()));
}

fn read_config() -> io::Result<NodeConfig> {
    let text = fs_err::read(paths::CONFIG)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}
