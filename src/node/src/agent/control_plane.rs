//! What a control plane runs besides: store, API server, scheduler and controllers, all in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use apiserver::{Api as ApiServer, User};
use follow::Soon;
use futures::StreamExt as _;
use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::wait::await_condition;
use kube::runtime::watcher::watch_object;
use nodespec::{NodeConfig, paths, ports};
use serde_json::json;
use tasks::{Group, Supervisor};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::sessions;

const ROLE: &str = "node-role.kubernetes.io/control-plane";
/// Kubernetes version that this build serves.
const VERSION: &str = concat!("v1.36.2+rkube.", env!("CARGO_PKG_VERSION"));

/// The API once it is up. It is made once and outlives restarts of the component that serves it: its store has one owner.
#[derive(Clone)]
pub(super) struct Handle(watch::Sender<Option<Arc<ApiServer>>>);

impl Handle {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Waits for the API.
    pub(super) async fn ready(&self) -> io::Result<Arc<ApiServer>> {
        let mut receive = self.0.subscribe();
        let api = receive
            .wait_for(Option::is_some)
            .await
            .map_err(io::Error::other)?
            .clone();
        api.ok_or_else(|| io::Error::other("the API is not up"))
    }

    /// A client with a component's own identity, once the API is up.
    pub(super) async fn client(&self, user: &str, groups: &[&str]) -> io::Result<kube::Client> {
        Ok(self
            .ready()
            .await?
            .client(User::authenticated(user, groups.iter().copied())))
    }
}

/// Starts the control plane's components.
pub(super) fn start(supervisor: &Supervisor, config: &Arc<NodeConfig>, handle: &Handle) {
    let (node_name, image) = (config.name.clone(), config.embedded_image.clone());
    let profiles = scheduler_profiles(config);
    start_controllers(supervisor, config, handle);
    let (addon_config, own) = (config.clone(), handle.clone());
    supervisor.run("addons", move || keep_addons(addon_config.clone(), own.clone()));
    let own = handle.clone();
    supervisor.run("sessions", move || {
        let own = own.clone();
        async move { sessions::run(own.client("system:admin", &["system:masters"]).await?).await }
    });
    let (group, config, own) = (supervisor.group().clone(), config.clone(), handle.clone());
    supervisor.run("apiserver", move || serve(config.clone(), own.clone(), group.clone()));
    let (own, name) = (handle.clone(), node_name);
    supervisor.run("node-role", move || {
        let (own, name) = (own.clone(), name.clone());
        async move { label_node(own.client("system:admin", &["system:masters"]).await?, &name).await }
    });
    let own = handle.clone();
    supervisor.run("provisioner", move || provision(own.clone(), image.clone()));
    let own = handle.clone();
    supervisor.run("scheduler", move || {
        let (own, profiles) = (own.clone(), profiles.clone());
        async move {
            let client = own.client("system:kube-scheduler", &[]).await?;
            let traces = own.ready().await?.traces();
            scheduler::run(client, profiles, traces).await.map_err(io::Error::other)
        }
    });
}

/// The profiles of `--extra-config scheduler.config`, which the command that was given them has checked.
fn scheduler_profiles(config: &NodeConfig) -> scheduler::Profiles {
    let text = config
        .extra_config
        .get("scheduler")
        .and_then(|settings| settings.get("config"));
    let read = text.map(|text| scheduler::Profiles::read(text)).transpose();
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "the scheduler's configuration cannot be read; the default is used");
        None
    })
    .unwrap_or_default()
}

/// The API groups of `--extra-config apiserver.runtime-config`, which the command that was given them has checked.
fn served(config: &NodeConfig) -> schema::Served {
    let settings = config.extra_config.get("apiserver");
    let text = settings.and_then(|settings| settings.get("runtimeConfig"));
    let read = text.map(|text| schema::Served::parse(text)).transpose();
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "which API groups to serve cannot be read; the default is served");
        None
    })
    .unwrap_or_default()
}

/// The last object of the addon `storage-provisioner`.
const PROVISIONER_BINDING: &str = "system:storage-provisioner";

/// The addon `storage-provisioner`. In this process, under its own service account's name: a pod of its own would cost too
/// much memory for something that rarely works (docs/adr/0003-storage-provisioner-in-process.md).
async fn provision(handle: Handle, image: String) -> io::Result<()> {
    // before the addon has been applied, or while it is disabled, everything would be forbidden
    let admin = handle.client("system:admin", &["system:masters"]).await?;
    let bindings: Api<RoleBinding> = Api::namespaced(admin, "kube-system");
    let allowed = |found: Option<&RoleBinding>| found.is_some();
    await_condition(bindings, PROVISIONER_BINDING, allowed)
        .await
        .map_err(io::Error::other)?;
    let user = "system:serviceaccount:kube-system:storage-provisioner";
    let client = handle
        .client(user, &["system:serviceaccounts", "system:serviceaccounts:kube-system"])
        .await?;
    let config = provisioner::Config {
        root: paths::VOLUMES.to_owned(),
        image,
    };
    provisioner::run(client, config).await.map_err(io::Error::other)
}

/// Starts the controllers once the API is up; each of them is then a component of its own.
fn start_controllers(supervisor: &Supervisor, config: &NodeConfig, handle: &Handle) {
    // the last address of a network is for everybody
    let last = |all: Ipv4Net| Ipv4Addr::from(u32::from(all.broadcast()).saturating_sub(1));
    let range = config.load_balancers.map(|all| (all.network(), last(all)));
    let (pods, hostname) = (pod_ranges(config), config.name.clone());
    let (own, components) = (handle.clone(), supervisor.clone());
    supervisor.group().spawn("controllers", async move {
        let pem = |name: &str| fs_err::read_to_string(format!("{}/{name}", paths::PKI));
        let settings = pem("ca.crt").map(|root_ca| controllers::Config {
            hostname,
            root_ca,
            ca_key: pem("ca.key").ok(),
            load_balancers: range,
            pods: Some(pods),
        });
        match (own.client("system:kube-controller-manager", &[]).await, settings) {
            (Ok(client), Ok(settings)) => controllers::run(client, settings, &components).await,
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "the controllers cannot start"),
        }
    });
}

/// Nodes of other makers get ranges of the same size as this one.
fn pod_ranges(config: &NodeConfig) -> controllers::PodRanges {
    let mut planned = config.pod_cidrs.clone();
    planned.insert(config.name.clone(), config.pod_cidr);
    controllers::PodRanges {
        network: config.cluster_cidr,
        node_prefix: config.pod_cidr.prefix_len(),
        services: config.service_cidr,
        planned,
    }
}

/// Brings the addons that a cluster has by itself up to this binary's version, then rests.
async fn keep_addons(config: Arc<NodeConfig>, handle: Handle) -> io::Result<()> {
    let client = handle.client("system:admin", &["system:masters"]).await?;
    let values = addons::cluster_values(&config.embedded_image, &config.dns_ip.to_string(), &config.dns_domain);
    let catalogue = addons::Catalogue::built_in().map_err(io::Error::other)?;
    for addon in catalogue.of_every_cluster() {
        match addons::apply(&client, addon, &values).await {
            // somebody has one of their own in its place, which is no reason to go without the other addons
            Err(taken @ addons::AddonError::Taken { .. }) => tracing::warn!(%taken, "an addon is left out"),
            other => other.map_err(io::Error::other)?,
        }
    }
    std::future::pending().await
}

/// Says in the node's labels what it is for. A kubelet may not claim a role for itself (NodeRestriction), so this is the
/// control plane's own word.
async fn label_node(client: kube::Client, name: &str) -> io::Result<()> {
    let nodes: Api<Node> = Api::all(client);
    let mut stream = watch_object(nodes.clone(), name).backoff(Soon::default()).boxed();
    while let Some(seen) = stream.next().await {
        let Ok(Some(node)) = seen else { continue };
        if node.metadata.labels.is_none_or(|labels| !labels.contains_key(ROLE)) {
            let patch = json!({ "metadata": { "labels": { ROLE: "" } } });
            nodes
                .patch(name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .map_err(io::Error::other)?;
        }
    }
    Ok(())
}

async fn serve(config: Arc<NodeConfig>, handle: Handle, group: Group) -> io::Result<()> {
    let present = handle.0.borrow().clone();
    let api = match present {
        Some(api) => api,
        None => open(&config, &handle).await?,
    };
    // All addresses: the engine publishes the port to the host's loopback, pods come by the service's address.
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], ports::API))).await?;
    tracing::info!(version = VERSION, port = ports::API, "serving the API");
    api.serve(listener, group).await.map_err(io::Error::other)
}

/// Makes the API server's identity at extension API servers, if there is none or it grows old. It concerns nobody outside this
/// node: who must trust it reads so in the ConfigMap `extension-apiserver-authentication`.
fn front_proxy() -> io::Result<()> {
    let path = |name: &str| format!("{}/{name}", paths::PKI);
    let now = std::time::SystemTime::now();
    let present = fs_err::read_to_string(path(pki::names::FRONT_PROXY_CLIENT_CERT));
    if present.is_ok_and(|cert| pki::due(&cert, now).is_ok_and(|due| !due)) {
        return Ok(());
    }
    for file in pki::front_proxy(now).map_err(io::Error::other)? {
        use fs_err::os::unix::fs::OpenOptionsExt as _;
        use std::io::Write as _;
        let mut options = fs_err::OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(pki::PemFile::MODE);
        options.open(path(file.name))?.write_all(file.text.as_bytes())?;
    }
    Ok(())
}

async fn open(config: &NodeConfig, handle: &Handle) -> io::Result<Arc<ApiServer>> {
    let pem = |name: &str| fs_err::read(format!("{}/{name}", paths::PKI));
    front_proxy()?;
    let settings = apiserver::Config {
        ca: pem("ca.crt")?,
        certificate: pem("apiserver.crt")?,
        key: pem("apiserver.key")?,
        kubelet_client_certificate: pem("apiserver-kubelet-client.crt")?,
        kubelet_client_key: pem("apiserver-kubelet-client.key")?,
        front_proxy_ca: pem(pki::names::FRONT_PROXY_CA_CERT)?,
        front_proxy_client_certificate: pem(pki::names::FRONT_PROXY_CLIENT_CERT)?,
        front_proxy_client_key: pem(pki::names::FRONT_PROXY_CLIENT_KEY)?,
        service_account_key: pem("sa.key")?,
        service_account_public_key: pem("sa.pub")?,
        issuer: format!("https://kubernetes.default.svc.{}", config.dns_domain),
        service_cidr: config.service_cidr,
        advertise: config.node_ip,
        port: ports::API,
        version: VERSION.to_owned(),
        served: served(config),
    };
    fs_err::create_dir_all(paths::STORE)?;
    let file = Path::new(paths::STORE).join("rkube.redb");
    let store = tokio::task::spawn_blocking(move || store::Embedded::open(&file))
        .await
        .map_err(io::Error::other)?;
    let api = ApiServer::start(settings, Arc::new(store.map_err(io::Error::other)?))
        .await
        .map_err(io::Error::other)?;
    handle.0.send_replace(Some(api.clone()));
    Ok(api)
}
