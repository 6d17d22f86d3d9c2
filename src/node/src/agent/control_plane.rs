//! What a control plane runs besides: store, API server, scheduler and controllers, all in this process.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use apiserver::{Api as ApiServer, User};
use follow::Soon;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use nodespec::{NodeConfig, paths, ports};
use serde_json::json;
use tasks::{Group, Supervisor};
use tokio::net::TcpListener;
use tokio::sync::watch;

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
    start_controllers(supervisor, handle);
    let (addon_config, own) = (config.clone(), handle.clone());
    supervisor.run("addons", move || keep_addons(addon_config.clone(), own.clone()));
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
        let own = own.clone();
        async move {
            let client = own.client("system:kube-scheduler", &[]).await?;
            scheduler::run(client).await.map_err(io::Error::other)
        }
    });
}

/// The addon `storage-provisioner`. In this process, under its own service account's name: a pod of its own would cost too
/// much memory for something that rarely works (docs/adr/0003-storage-provisioner-in-process.md).
async fn provision(handle: Handle, image: String) -> io::Result<()> {
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
fn start_controllers(supervisor: &Supervisor, handle: &Handle) {
    let (own, components) = (handle.clone(), supervisor.clone());
    supervisor.group().spawn("controllers", async move {
        let settings =
            fs_err::read_to_string(format!("{}/ca.crt", paths::PKI)).map(|root_ca| controllers::Config { root_ca });
        match (own.client("system:kube-controller-manager", &[]).await, settings) {
            (Ok(client), Ok(settings)) => controllers::run(client, settings, &components).await,
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "the controllers cannot start"),
        }
    });
}

/// Brings the addons that every cluster has up to this binary's version, then rests.
async fn keep_addons(config: Arc<NodeConfig>, handle: Handle) -> io::Result<()> {
    let client = handle.client("system:admin", &["system:masters"]).await?;
    let values = addons::Values::from([
        ("image", config.embedded_image.clone()),
        ("dnsIP", config.dns_ip.to_string()),
        ("dnsDomain", config.dns_domain.clone()),
    ]);
    for addon in addons::REQUIRED {
        let objects = addon.objects(&values).map_err(io::Error::other)?;
        addons::apply(&client, &objects).await.map_err(io::Error::other)?;
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

async fn open(config: &NodeConfig, handle: &Handle) -> io::Result<Arc<ApiServer>> {
    let pem = |name: &str| fs_err::read(format!("{}/{name}", paths::PKI));
    let settings = apiserver::Config {
        ca: pem("ca.crt")?,
        certificate: pem("apiserver.crt")?,
        key: pem("apiserver.key")?,
        kubelet_client_certificate: pem("apiserver-kubelet-client.crt")?,
        kubelet_client_key: pem("apiserver-kubelet-client.key")?,
        service_account_key: pem("sa.key")?,
        service_account_public_key: pem("sa.pub")?,
        issuer: format!("https://kubernetes.default.svc.{}", config.dns_domain),
        service_cidr: config.service_cidr,
        advertise: config.node_ip,
        port: ports::API,
        version: VERSION.to_owned(),
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
