//! The task: follow the API, bring the kernel up to date.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Pod, Service as ApiService};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
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
struct Follow<K, V> {
    seen: HashMap<String, V>,
    fresh: Option<HashMap<String, V>>,
    reduce: Reduce<K, V>,
    listed: bool,
}

impl<K: kube::Resource, V: PartialEq> Follow<K, V> {
    fn new(reduce: impl Fn(&K) -> Option<V> + Send + 'static) -> Self {
        Self {
            seen: HashMap::new(),
            fresh: None,
            reduce: Box::new(reduce),
            listed: false,
        }
    }

    /// True if something changed.
    fn take(&mut self, event: Event<K>) -> bool {
        let key = |object: &K| format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
        match event {
            Event::Apply(object) => match (self.reduce)(&object) {
                Some(value) if self.seen.get(&key(&object)) == Some(&value) => false,
                Some(value) => {
                    self.seen.insert(key(&object), value);
                    true
                }
                None => self.seen.remove(&key(&object)).is_some(),
            },
            Event::Delete(object) => self.seen.remove(&key(&object)).is_some(),
            Event::Init => {
                self.fresh = Some(HashMap::new());
                false
            }
            Event::InitApply(object) => {
                if let (Some(fresh), Some(value)) = (&mut self.fresh, (self.reduce)(&object)) {
                    fresh.insert(key(&object), value);
                }
                false
            }
            Event::InitDone => {
                self.seen = self.fresh.take().unwrap_or_default();
                self.listed = true;
                true
            }
        }
    }
}

fn follow<K>(api: Api<K>, config: watcher::Config) -> impl Stream<Item = Result<Event<K>, watcher::Error>>
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    watcher(api, config).default_backoff()
}

/// Keeps routes and rules up to date until cancelled or a watch ends.
pub async fn run(client: Client, config: Config) -> Result<(), RunError> {
    let everything = watcher::Config::default;
    let mut service_events = std::pin::pin!(follow::<ApiService>(Api::all(client.clone()), everything()));
    let mut slice_events = std::pin::pin!(follow::<EndpointSlice>(Api::all(client.clone()), everything()));
    let mut node_events = std::pin::pin!(follow::<Node>(Api::all(client.clone()), everything()));
    let here = everything().fields(&format!("spec.nodeName={}", config.node));
    let mut pod_events = std::pin::pin!(follow::<Pod>(Api::all(client), here));

    let (node, own) = (config.node.clone(), config.node.clone());
    let mut services = Follow::<ApiService, Service>::new(Service::of);
    let mut slices = Follow::<EndpointSlice, Slice>::new(move |slice| Slice::of(slice, &node));
    let mut nodes =
        Follow::<Node, (IpNet, std::net::IpAddr)>::new(move |node| routes::of(node).filter(|_| node.name_any() != own));
    let mut pods = Follow::<Pod, Vec<HostPort>>::new(|pod| Some(host_ports(pod)).filter(|ports| !ports.is_empty()));

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
            event = service_events.next() => took(event, "service", |event| services.take(event))?,
            event = slice_events.next() => took(event, "endpoint slice", |event| slices.take(event))?,
            event = node_events.next() => took(event, "node", |event| nodes.take(event))?,
            event = pod_events.next() => took(event, "pod", |event| pods.take(event))?,
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

fn took<K>(
    event: Option<Result<Event<K>, watcher::Error>>,
    what: &'static str,
    take: impl FnOnce(Event<K>) -> bool,
) -> Result<bool, RunError> {
    match event {
        Some(Ok(event)) => Ok(take(event)),
        Some(Err(error)) => {
            tracing::warn!(%error, "watching {what}s");
            Ok(false)
        }
        None => Err(RunError::WatchEnded(what)),
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
