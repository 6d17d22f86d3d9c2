//! The task: follow the API, bring the kernel up to date.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use follow::{Change, Identity, changes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Pod, Service as ApiService};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Config as Watched;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::Instant;

use crate::command::{self, CommandError};
use crate::nft::Ruleset;
use crate::proxy::{HostPort, Masquerade, Service, Slice, base, host_ports, ruleset};
use crate::routes::{self, Routes};

/// Changes that come within this time are applied together.
const GATHER: Duration = Duration::from_millis(10);
/// After a failed transaction everything is made anew, this much later.
const RETRY: Duration = Duration::from_secs(1);

/// What the network of one node is.
#[derive(Debug, Clone)]
pub struct Config {
    /// The node's name.
    pub node: String,
    /// Addresses of this node's pods.
    pub pod_cidr: IpNet,
    /// Addresses of all pods.
    pub cluster_cidr: IpNet,
}

/// Why the task ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good; the supervisor starts over.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
}

type Reduce<K, V> = Box<dyn Fn(&K) -> Option<V> + Send>;

/// Objects of one kind, by namespace and name, reduced to what matters here.
struct Reduced<K, V> {
    seen: HashMap<String, V>,
    reduce: Reduce<K, V>,
    listed: bool,
}

impl<K: kube::Resource, V: PartialEq> Reduced<K, V> {
    fn new(reduce: impl Fn(&K) -> Option<V> + Send + 'static) -> Self {
        Self {
            seen: HashMap::new(),
            reduce: Box::new(reduce),
            listed: false,
        }
    }

    /// True if something changed.
    fn take(&mut self, change: Change<K>) -> bool {
        match change {
            Change::Set(object) => {
                let key = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
                match (self.reduce)(&object) {
                    Some(value) if self.seen.get(&key) == Some(&value) => false,
                    Some(value) => {
                        self.seen.insert(key, value);
                        true
                    }
                    None => self.seen.remove(&key).is_some(),
                }
            }
            Change::Gone(Identity { namespace, name, .. }) => {
                self.seen.remove(&format!("{namespace}/{name}")).is_some()
            }
            Change::Listed => !std::mem::replace(&mut self.listed, true),
        }
    }
}

/// Keeps routes and rules up to date until cancelled or a watch ends.
pub fn run(client: Client, config: Config) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, config))
}

async fn work(client: Client, config: Config) -> Result<(), RunError> {
    let mut service_changes = changes::<ApiService>(Api::all(client.clone()), Watched::default());
    let mut slice_changes = changes::<EndpointSlice>(Api::all(client.clone()), Watched::default());
    let mut node_changes = changes::<Node>(Api::all(client.clone()), Watched::default());
    let here = Watched::default().fields(&format!("spec.nodeName={}", config.node));
    let mut pod_changes = changes::<Pod>(Api::all(client), here);

    let (node, own) = (config.node.clone(), config.node.clone());
    let mut services = Reduced::<ApiService, Service>::new(Service::of);
    let mut slices = Reduced::<EndpointSlice, Slice>::new(move |slice| Slice::of(slice, &node));
    let mut nodes = Reduced::<Node, (IpNet, std::net::IpAddr)>::new(move |node| {
        routes::of(node).filter(|_| node.name_any() != own)
    });
    let mut pods = Reduced::<Pod, Vec<HostPort>>::new(|pod| Some(host_ports(pod)).filter(|ports| !ports.is_empty()));

    let mut kernel = Kernel::new(&config);
    let mut due: Option<Instant> = None;
    loop {
        let timer = async {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let changed = tokio::select! {
            change = service_changes.next() => services.take(change.ok_or(RunError::WatchEnded("service"))?),
            change = slice_changes.next() => slices.take(change.ok_or(RunError::WatchEnded("endpoint slice"))?),
            change = node_changes.next() => nodes.take(change.ok_or(RunError::WatchEnded("node"))?),
            change = pod_changes.next() => pods.take(change.ok_or(RunError::WatchEnded("pod"))?),
            () = timer => {
                let slices: Vec<&Slice> = slices.seen.values().collect();
                let rules = ruleset(services.seen.values(), &slices, pods.seen.values().flatten());
                let routes = nodes.seen.values().copied().collect();
                due = match kernel.apply(rules, routes).await {
                    Ok(()) => None,
                    Err(error) => {
                        tracing::error!(%error, "could not apply the network's rules; making them anew");
                        Some(Instant::now() + RETRY)
                    }
                };
                false
            }
        };
        // a half-read world would cut connections that the other half allows
        let complete = services.listed && slices.listed && nodes.listed && pods.listed;
        if changed && complete && due.is_none() {
            due = Some(Instant::now() + GATHER);
        }
    }
}

/// What has been told to the kernel.
struct Kernel {
    base: String,
    rules: Option<Ruleset>,
    routes: Routes,
}

impl Kernel {
    fn new(config: &Config) -> Self {
        let masquerade = Masquerade {
            pods: config.pod_cidr,
            cluster: config.cluster_cidr,
        };
        Self {
            base: base(masquerade),
            rules: None,
            routes: BTreeMap::new(),
        }
    }

    async fn apply(&mut self, rules: Ruleset, routes: Routes) -> Result<(), CommandError> {
        let old = self.rules.take();
        let script = match &old {
            Some(old) => rules.from(old),
            None => rules.whole(&self.base),
        };
        if !script.is_empty() {
            command::run("nft", &["-f", "-"], &script).await?;
        }
        routes::apply(&self.routes, &routes).await?;
        self.routes = routes;
        let gone = stale(old.as_ref(), &rules);
        self.rules = Some(rules);
        for (address, protocol, port) in gone {
            // conntrack fails when there is no such entry, which is as good
            let arguments = ["-D", "-p", &protocol, "--orig-dst", &address, "--orig-port-dst", &port];
            drop(command::run("conntrack", &arguments, "").await);
        }
        Ok(())
    }
}

/// UDP service ports whose targets changed: their old flows would go on to where nobody listens.
fn stale(old: Option<&Ruleset>, new: &Ruleset) -> Vec<(String, String, String)> {
    let Some(old) = old else { return Vec::new() };
    let empty = BTreeMap::new();
    let target = |rules: &Ruleset, value: Option<&String>| {
        value
            .and_then(|value| rules.chains.get(value.trim_start_matches("goto ")))
            .cloned()
    };
    let mut gone = Vec::new();
    for map in ["services", "unserved"] {
        for (key, value) in old.elements.get(map).unwrap_or(&empty) {
            let parts: Vec<&str> = key.split(" . ").collect();
            let [address, protocol @ "udp", port] = parts.as_slice() else {
                continue;
            };
            let now = new.elements.get("services").and_then(|elements| elements.get(key));
            if target(old, Some(value)) != target(new, now) {
                gone.push(((*address).to_owned(), (*protocol).to_owned(), (*port).to_owned()));
            }
        }
    }
    gone
}
