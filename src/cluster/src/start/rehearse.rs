//! `start --dry-run`: every check that a start makes before it makes anything, and what it would do.

use std::net::TcpListener;
use std::sync::Arc;

use super::{Start, StartOptions, plan};
use crate::profile::{Profile, ProfileStore};
use crate::{ClusterError, Engine, mirrors};

/// What a start would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// The cluster as it is, or would be.
    pub profile: Profile,
    /// Nodes that would be made.
    pub make: Vec<String>,
    /// Nodes that are there and would be started.
    pub start: Vec<String>,
}

/// Goes through a start without making anything, also nothing that would be taken away again.
pub async fn rehearse(
    engine: &Engine,
    store: &ProfileStore,
    options: &StartOptions,
) -> Result<Rehearsal, ClusterError> {
    let before = mirrors::own_mirrors(store, &options.name)?;
    let own = match &options.mirrors {
        Some(document) => document.clone().over(&before),
        None => before,
    };
    let progress: crate::Progress = Arc::new(|_| {});
    let rehearsal = Start {
        engine,
        store,
        options,
        progress: &progress,
        table: mirrors::table(store, &options.name, &own)?,
        node_images: Vec::new(),
        own_mirrors: None,
    };
    rehearsal.go_through().await
}

impl Start<'_> {
    async fn go_through(&self) -> Result<Rehearsal, ClusterError> {
        let name = &self.options.name;
        let profile = match self.store.read(name)? {
            Some(profile) => profile,
            None => self.foresee().await?,
        };
        crate::kubeconfig::check(&profile.kubeconfig)?;
        let existing = self.engine.nodes(Some(name)).await?;
        let (mut make, mut start) = (Vec::new(), Vec::new());
        for node in &profile.nodes {
            match existing.iter().find(|container| container.name == node.name) {
                Some(container) if container.running() => {}
                Some(_) => start.push(node.name.clone()),
                None if self.engine.foreign_container(&node.name, name).await? => {
                    return Err(ClusterError::NameTaken {
                        what: "container",
                        name: node.name.clone(),
                    });
                }
                None => make.push(node.name.clone()),
            }
        }
        let plane = profile.control_plane().map(|node| &node.name);
        if plane.is_some_and(|plane| start.contains(plane)) {
            check_port(profile.api_port)?;
        }
        Ok(Rehearsal { profile, make, start })
    }

    /// A new cluster.
    async fn foresee(&self) -> Result<Profile, ClusterError> {
        self.check_nobody_has_it().await?;
        let mut profile = self.plan()?;
        self.check_limits().await?;
        profile.driver = Some(self.engine.driver().await?);
        profile.subnet = self.foreseen_subnet(&profile).await?;
        plan::readdress(&mut profile);
        Ok(profile)
    }
}

/// While a cluster is stopped, another program may have taken its port.
fn check_port(port: u16) -> Result<(), ClusterError> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(ClusterError::PortTaken { port }),
        _ => Ok(()),
    }
}
