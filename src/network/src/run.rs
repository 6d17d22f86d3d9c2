//! The task: follow the API, bring the kernel up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use follow::changes;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use ipnet::{IpNet, Ipv4Net};
use k8s_openapi::api::core::v1::{Node, Pod, Service as ApiService};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Config as Watched;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::Instant;

use crate::announce;
use crate::command::{self, CommandError};
use crate::health;
use crate::nft::Ruleset;
use crate::pace::Pace;
use crate::policy::{self, Teller};
use crate::proxy::{HostPort, Masquerade, Service, Slice, TABLE, base, host_ports, ruleset};
use crate::reduced::Reduced;
use crate::routes::{self, Routes};

/// What the network of one node is.
#[derive(Debug, Clone)]
pub struct Config {
    /// The node's name.
    pub node: String,
    /// Addresses of this node's pods.
    pub pod_cidr: IpNet,
    /// Addresses of all pods.
    pub cluster_cidr: IpNet,
    /// Addresses of load balancers, in the nodes' own network.
    pub load_balancers: Option<Ipv4Net>,
}

/// Why the task ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good; the supervisor starts over.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
}

/// Keeps routes and rules up to date until cancelled or a watch ends.
pub fn run(client: Client, config: Config, teller: Teller) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, config, teller))
}

async fn work(client: Client, config: Config, teller: Teller) -> Result<(), RunError> {
    // each has its own table: what is wrong with one takes nothing from the other
    let policies = policy::run(client.clone(), config.node.clone(), teller);
    tokio::try_join!(proxy(client, config), policies).map(|((), ())| ())
}

/// Services, host ports and routes.
async fn proxy(client: Client, config: Config) -> Result<(), RunError> {
    let mut service_changes = changes::<ApiService>(Api::all(client.clone()), Watched::default());
    let mut slice_changes = changes::<EndpointSlice>(Api::all(client.clone()), Watched::default());
    let mut node_changes = changes::<Node>(Api::all(client.clone()), Watched::default());
    let here = Watched::default().fields(&format!("spec.nodeName={}", config.node));
    let mut pod_changes = changes::<Pod>(Api::all(client), here);

    let node = config.node.clone();
    let mut services = Reduced::<ApiService, Service>::new(Service::of);
    let mut slices = Reduced::<EndpointSlice, Slice>::new(move |slice| Slice::of(slice, &node));
    let mut nodes = Reduced::<Node, NodeView>::new(|node| Some(NodeView::of(node)));
    let mut pods = Reduced::<Pod, Vec<HostPort>>::new(|pod| Some(host_ports(pod)).filter(|ports| !ports.is_empty()));

    let mut kernel = Kernel::new(&config);
    let mut servers = health::Servers::default();
    let mut pace = Pace::default();
    loop {
        let changed = tokio::select! {
            change = service_changes.next() => services.take(change.ok_or(RunError::WatchEnded("service"))?),
            change = slice_changes.next() => slices.take(change.ok_or(RunError::WatchEnded("endpoint slice"))?),
            change = node_changes.next() => nodes.take(change.ok_or(RunError::WatchEnded("node"))?),
            change = pod_changes.next() => pods.take(change.ok_or(RunError::WatchEnded("pod"))?),
            () = pace.wait() => {
                let begun = Instant::now();
                let slices: Vec<&Slice> = slices.seen.values().collect();
                let rules = ruleset(services.seen.values(), &slices, pods.seen.values().flatten());
                let others = nodes.seen.values().filter(|node| node.name != config.node);
                let routes = others.filter_map(|node| node.route).collect();
                let ready = nodes.seen.values().filter(|node| node.ready).map(|node| node.name.clone()).collect();
                let addresses = config.load_balancers.map(|range| {
                    announce::of(&config.node, range, services.seen.values(), &slices, &ready)
                });
                let unused = config.load_balancers.and_then(|range| announce::unused(range, services.seen.values()));
                let applied = kernel.apply(rules, routes, addresses, unused).await;
                let answers = health::of(services.seen.values(), &slices, applied.is_ok());
                let answering = servers.apply(answers).await;
                pace.applied(begun, applied.is_ok() && answering);
                if let Err(error) = applied {
                    tracing::error!(%error, "could not apply the network's rules; making them anew");
                }
                false
            }
        };
        // a half-read world would cut connections that the other half allows
        let complete = services.listed && slices.listed && nodes.listed && pods.listed;
        if changed && complete {
            pace.changed();
        }
    }
}

/// What is kept of a node.
#[derive(PartialEq)]
struct NodeView {
    name: String,
    route: Option<(IpNet, IpAddr)>,
    ready: bool,
}

impl NodeView {
    fn of(node: &Node) -> Self {
        let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        Self {
            name: node.name_any(),
            route: routes::of(node),
            ready: conditions
                .into_iter()
                .any(|one| one.type_ == "Ready" && one.status == "True"),
        }
    }
}

/// What has been told to the kernel.
struct Kernel {
    base: String,
    rules: Option<Ruleset>,
    routes: Routes,
    range: Option<Ipv4Net>,
    addresses: Option<BTreeSet<Ipv4Addr>>,
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
            range: config.load_balancers,
            addresses: None,
        }
    }

    async fn apply(
        &mut self,
        rules: Ruleset,
        routes: Routes,
        addresses: Option<BTreeSet<Ipv4Addr>>,
        unused: Option<Ipv4Addr>,
    ) -> Result<(), CommandError> {
        let old = self.rules.take();
        let script = match &old {
            Some(old) => rules.from(TABLE, old),
            None => rules.whole(TABLE, &self.base),
        };
        if !script.is_empty() {
            command::run("nft", &["-f", "-"], &script).await?;
        }
        routes::apply(&self.routes, &routes).await?;
        self.routes = routes;
        // last: who comes by them finds the rules in place
        if let (Some(range), Some(addresses)) = (self.range, addresses) {
            announce::apply(range, unused, self.addresses.as_ref(), &addresses).await?;
            self.addresses = Some(addresses);
        }
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
