//! Assembles the kubelet's parts and runs them until cancelled.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use follow::Soon;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tasks::{CancellationToken, Group};

use crate::context::Context;
use crate::csi::{self, Csi};
use crate::events::Recorder;
use crate::logs;
use crate::manager::Manager;
use crate::node;
use crate::options::Options;
use crate::runtime::Runtime;
use crate::server::{self, Server};
use crate::sources::objects::Objects;
use crate::stats::Stats;
use crate::volumes;

const STOP_DEADLINE: Duration = Duration::from_millis(300);
const RUNTIME_RETRY: Duration = Duration::from_millis(50);

/// Why the kubelet could not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum KubeletError {
    /// The runtime's socket address is unusable.
    #[error("cannot connect to the container runtime")]
    Runtime(#[from] tonic::transport::Error),
    /// Folders or mounts below the kubelet's root.
    #[error("cannot prepare the kubelet's folders: {0}")]
    Folders(String),
    /// The kubelet's own HTTPS server.
    #[error("cannot serve: {0}")]
    Server(String),
}

/// Runs the kubelet with `client` as its identity in the API, until `cancel`.
pub fn run(
    options: Options,
    client: Client,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), KubeletError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(options, client, cancel))
}

async fn work(options: Options, client: Client, cancel: CancellationToken) -> Result<(), KubeletError> {
    let group = Group::below(&cancel);
    // However this ends, nothing of it goes on beside its successor.
    let _ended = group.token().clone().drop_guard();
    let runtime = Runtime::connect(&options.containerd_socket)?;
    fs_err::create_dir_all(&options.root).map_err(|error| KubeletError::Folders(error.to_string()))?;
    volumes::mount_memory(&options.root).map_err(|error| KubeletError::Folders(error.to_string()))?;
    let context = Arc::new(Context {
        recorder: Recorder::start(client.clone(), options.node_name.clone(), &group),
        config_maps: Objects::new(client.clone(), group.clone()),
        secrets: Objects::new(client.clone(), group.clone()),
        claims: Objects::new(client.clone(), group.clone()),
        csi: Csi::new(follow_all("csi-drivers", client.clone(), &group), &options.root),
        services: follow_all("services", client.clone(), &group),
        node_memory: node::memory(),
        capacity: node::capacity(&options),
        runtime,
        client,
        options,
        group: group.clone(),
    });
    wait_for_runtime(&context).await;
    let manager = Manager::new(context.clone());
    let server = Arc::new(Server {
        context: context.clone(),
        manager: manager.clone(),
        stats: Stats::default(),
    });
    tokio::select! {
        () = logs::keep_rotated(&context) => {}
        result = server::serve(server) => {
            result.map_err(|error| KubeletError::Server(error.to_string()))?;
        }
        () = manager.follow_runtime() => {}
        () = async {
            manager.follow_manifests().await;
            std::future::pending::<()>().await;
        } => {}
        () = manager.follow_api() => {}
        () = node::keep(context.clone()) => {}
        () = csi::keep(&context) => {}
        () = csi::keep_clean(&context) => {}
        () = cancel.cancelled() => {}
    }
    group.stop(STOP_DEADLINE).await;
    Ok(())
}

/// containerd starts beside the kubelet; its socket may appear a moment later.
async fn wait_for_runtime(context: &Context) {
    while let Err(error) = context.runtime.version().await {
        tracing::debug!(%error, "waiting for the container runtime");
        tokio::time::sleep(RUNTIME_RETRY).await;
    }
}

/// All objects of a kind.
fn follow_all<K>(task: &'static str, client: Client, group: &Group) -> reflector::Store<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let stream = watcher(Api::<K>::all(client), watcher::Config::default());
    let stream = stream.backoff(Soon::default()).reflect(writer);
    group.spawn(task, async move { stream.for_each(|_| std::future::ready(())).await });
    store
}
