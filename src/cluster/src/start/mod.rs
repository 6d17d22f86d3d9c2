//! `start`: a list of actions, each idempotent and in a file of its own, for a cluster that is new, stopped or running alike.

mod certificates;
mod image;
mod kubeconfig;
mod limits;
mod network;
mod nodes;
mod plan;
mod proxies;
mod ready;
mod rehearse;
mod settings;
mod superseded;

use std::path::PathBuf;
use std::time::Duration;

use ::mirrors::{Document, Table};
use futures::future::LocalBoxFuture;
use ipnet::Ipv4Net;

use crate::delete::remove_everything;
use crate::engine::Whose;
use crate::profile::{Limits, Profile, ProfileStore};
use crate::progress::{Event, Progress, Step};
use crate::{ClusterError, Engine, mirrors};

pub(crate) use certificates::Keys;
pub use certificates::{Admin, admin};
pub use image::{REPOSITORY as NODE_REPOSITORY, node_version};
pub(crate) use nodes::append;
pub use proxies::Proxies;
pub use rehearse::{Rehearsal, rehearse};

/// How often a new cluster chooses other ports.
const NEW_PORTS: usize = 3;

/// What the user asked for. Only `name` and the deadline matter for a cluster that exists.
#[derive(Debug, Clone)]
pub struct StartOptions {
    /// The cluster's name.
    pub name: String,
    /// Number of nodes.
    pub nodes: u8,
    /// Addresses of the network; chosen if not given.
    pub subnet: Option<Ipv4Net>,
    /// Port on 127.0.0.1; a free one if not given.
    pub api_port: Option<u16>,
    /// All pods' addresses.
    pub cluster_cidr: Ipv4Net,
    /// All services' addresses.
    pub service_cidr: Ipv4Net,
    /// The DNS domain.
    pub dns_domain: String,
    /// Node image to use instead of the composed one.
    pub image: Option<String>,
    /// What the user says about mirrors for this cluster; what was said earlier stands without it.
    pub mirrors: Option<Document>,
    /// Where and how to compose.
    pub composer: imaging::Settings,
    /// The program that goes into the node.
    pub binary: PathBuf,
    /// kubeconfig to write.
    pub kubeconfig: PathBuf,
    /// `component.key=value`.
    pub extra_config: Vec<String>,
    /// What each node may use.
    pub limits: Limits,
    /// The kubeconfig's current context stays.
    pub keep_context: bool,
    /// This machine's proxies, for the nodes.
    pub proxies: Proxies,
    /// How long each wait may last.
    pub patience: Duration,
    /// Takes away what a failed first start made.
    pub delete_on_failure: bool,
}

/// A start that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The cluster.
    pub profile: Profile,
    /// False if it ran already and nothing had to be done.
    pub changed: bool,
}

/// What the actions share.
pub(crate) struct Start<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) store: &'a ProfileStore,
    pub(crate) options: &'a StartOptions,
    pub(crate) progress: &'a Progress,
    /// Where images come from.
    pub(crate) table: Table,
    /// Repositories that may hold the node image.
    pub(crate) node_images: Vec<String>,
    /// The cluster's own mirrors, if what is said now changes them.
    own_mirrors: Option<::mirrors::Document>,
}

/// Brings the cluster up. The caller holds the profile's lock. `interrupt` resolves when the user wants to stop.
pub fn start<'a>(
    engine: &'a Engine,
    store: &'a ProfileStore,
    options: &'a StartOptions,
    progress: &'a Progress,
    interrupt: LocalBoxFuture<'a, ()>,
) -> LocalBoxFuture<'a, Result<Started, ClusterError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(start_or_roll_back(engine, store, options, progress, interrupt))
}

async fn start_or_roll_back(
    engine: &Engine,
    store: &ProfileStore,
    options: &StartOptions,
    progress: &Progress,
    interrupt: LocalBoxFuture<'_, ()>,
) -> Result<Started, ClusterError> {
    let engine = &engine.with_home(store.root());
    let known = store.read(&options.name)?;
    // what was said of the cluster before stands, below what is said now
    let before = mirrors::own_mirrors(store, &options.name)?;
    let own = match &options.mirrors {
        Some(document) => document.clone().over(&before),
        None => before.clone(),
    };
    let start = Start {
        engine,
        store,
        options,
        progress,
        table: mirrors::table(store, &options.name, &own)?,
        node_images: own.clone().over(&store.mirrors()?).node_images,
        own_mirrors: (own != before).then_some(own),
    };
    let is_new = known.is_none();
    if is_new {
        // outside of what is rolled back: nothing has been made yet
        start.check_nobody_has_it().await?;
    }
    let work = start.run_with_free_ports(known);
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = interrupt => Err(ClusterError::Interrupted),
    };
    if outcome.is_err() {
        engine.settle().await;
    }
    let taken = matches!(outcome, Err(ClusterError::ClusterTaken { .. }));
    if outcome.is_err() && is_new && (options.delete_on_failure || taken) {
        if !taken {
            progress(Event::RollingBack);
        }
        // the first error is the one to end with
        if let Err(error) = remove_everything(engine, store, &options.name, Whose::Own).await {
            progress(Event::Left(error.to_string()));
        }
    }
    outcome
}

impl Start<'_> {
    /// A new cluster's ports are chosen before its image is there and its node is made: another program, or another `start`, may
    /// have taken one of them meanwhile. Then it gets others, unless the user asked for this one.
    async fn run_with_free_ports(&self, known: Option<Profile>) -> Result<Started, ClusterError> {
        if known.is_none() {
            for _ in 0..NEW_PORTS {
                match self.run(None).await {
                    Err(ClusterError::PortTaken { port }) if self.options.api_port != Some(port) => {
                        tracing::info!(port, "taken by another program meanwhile");
                        self.engine.settle().await;
                        remove_everything(self.engine, self.store, &self.options.name, Whose::Own).await?;
                    }
                    outcome => return outcome,
                }
            }
        }
        self.run(known).await
    }

    /// For a new cluster there must be nothing of somebody else's of that name. A network alone may be what a start left that was
    /// killed; it has no data, and is used.
    async fn check_nobody_has_it(&self) -> Result<(), ClusterError> {
        let name = &self.options.name;
        if self.engine.nodes(Some(name)).await?.is_empty()
            && self.engine.volumes(name, Whose::Anybodys).await?.is_empty()
        {
            return Ok(());
        }
        Err(self.taken())
    }

    /// Of two users who make a cluster of one name at the same time, the engine lets one have made its first node's volume.
    async fn claim(&self, profile: &Profile) -> Result<(), ClusterError> {
        self.store.write(profile)?;
        let Some(first) = profile.nodes.first() else {
            return Ok(());
        };
        let ours = self.engine.create_volume(&profile.name, &first.name).await?;
        if ours { Ok(()) } else { Err(self.taken()) }
    }

    fn taken(&self) -> ClusterError {
        ClusterError::ClusterTaken {
            name: self.options.name.clone(),
            root: self.store.root().to_owned(),
        }
    }

    async fn run(&self, known: Option<Profile>) -> Result<Started, ClusterError> {
        let is_new = known.is_none();
        let existing = self.without_unfinished().await?;
        let mut profile = match known {
            Some(profile) => profile,
            None => self.plan()?,
        };
        crate::kubeconfig::check(&profile.kubeconfig)?;
        if is_new {
            self.check_limits().await?;
            profile.driver = Some(self.engine.driver().await?);
            self.claim(&profile).await?;
        }
        let missing = profile
            .nodes
            .iter()
            .any(|node| !existing.iter().any(|container| container.name == node.name));
        if missing {
            for url in self.options.proxies.unreachable() {
                // not its password
                let shown = url.rsplit_once('@').map_or(url, |(_, place)| place);
                (self.progress)(Event::ProxyLeftOut(shown.to_owned()));
            }
            let (image, network) = tokio::try_join!(self.image(), self.network(&profile))?;
            (profile.image, profile.subnet) = (image, network);
            plan::readdress(&mut profile);
            self.store.write(&profile)?;
        }
        if let Some(document) = &self.own_mirrors {
            mirrors::write_own_mirrors(self.store, &profile.name, document)?;
        }
        let keys = self.certificates(&profile)?;
        let news = mirrors::tell_mirrors(self.engine, self.store, &profile, &self.table).await?;
        let mut changed = news | self.nodes(&profile, &existing, &keys).await?;
        changed |= self.kubeconfig(&mut profile, &keys)?;
        self.ready(&profile, &keys, changed).await?;
        if missing {
            self.remove_superseded().await;
        }
        Ok(Started { profile, changed })
    }

    fn begin(&self, step: Step) {
        (self.progress)(Event::Begin(step));
    }

    fn done(&self, step: Step, changed: bool) {
        (self.progress)(Event::Done(step, changed));
    }
}
