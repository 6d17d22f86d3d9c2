//! The cluster's own network, on addresses that nothing else uses.

use ipnet::Ipv4Net;

use super::Start;
use crate::engine::{Created, NetworkState};
use crate::profile::Profile;
use crate::progress::Step;
use crate::{ClusterError, subnet};

impl Start<'_> {
    /// Makes the network if it is missing. Gives its subnet.
    pub(super) async fn network(&self, profile: &Profile) -> Result<Ipv4Net, ClusterError> {
        self.begin(Step::Network);
        let others = self.engine.networks().await?;
        if let Some(known) = others.iter().find(|network| network.name == profile.name) {
            let subnet = ours(known, profile)?;
            self.done(Step::Network, false);
            return Ok(subnet);
        }
        let is_new = profile.image.is_empty();
        // a profile that exists has its addresses; so has one for which the user chose them
        let fixed = if is_new {
            self.options.subnet
        } else {
            Some(profile.subnet)
        };
        let taken = taken(profile, &others);
        if let Some(subnet) = fixed {
            check(subnet, &taken)?;
            return match self
                .engine
                .create_network(&profile.name, &profile.name, subnet, &others)
                .await?
            {
                Created::Yes => Ok(self.made(subnet)),
                Created::Overlaps(reason) => Err(ClusterError::Subnet {
                    reason: format!("{subnet}: {reason}"),
                }),
            };
        }
        let mut tried = Vec::new();
        while let Some(subnet) = subnet::choose(&taken, &tried) {
            match self
                .engine
                .create_network(&profile.name, &profile.name, subnet, &others)
                .await?
            {
                Created::Yes => return Ok(self.made(subnet)),
                // another cluster was quicker, or the engine knows of a route that we do not see
                Created::Overlaps(_) => tried.push(subnet),
            }
        }
        Err(none_left())
    }

    /// The subnet that a new cluster would get, as far as that can be told without making a network.
    pub(super) async fn foreseen_subnet(&self, profile: &Profile) -> Result<Ipv4Net, ClusterError> {
        let others = self.engine.networks().await?;
        if let Some(known) = others.iter().find(|network| network.name == profile.name) {
            return ours(known, profile);
        }
        let taken = taken(profile, &others);
        match self.options.subnet {
            Some(subnet) => check(subnet, &taken).map(|()| subnet),
            None => subnet::choose(&taken, &[]).ok_or_else(none_left),
        }
    }

    fn made(&self, subnet: Ipv4Net) -> Ipv4Net {
        self.done(Step::Network, true);
        subnet
    }
}

/// The subnet of a network that has the cluster's name, which must be the cluster's.
fn ours(network: &NetworkState, profile: &Profile) -> Result<Ipv4Net, ClusterError> {
    let ours = network.cluster.as_deref() == Some(profile.name.as_str());
    let subnet = network.subnets.first().copied().filter(|_| ours);
    subnet.ok_or_else(|| ClusterError::NameTaken {
        what: "network",
        name: network.name.clone(),
    })
}

/// What is in use: networks of the engine, routes of this machine, the cluster's own pods and services.
fn taken(profile: &Profile, others: &[NetworkState]) -> Vec<Ipv4Net> {
    let mut taken: Vec<Ipv4Net> = others.iter().flat_map(|network| network.subnets.clone()).collect();
    taken.extend(subnet::routes(
        &fs_err::read_to_string("/proc/net/route").unwrap_or_default(),
    ));
    taken.extend([profile.cluster_cidr, profile.service_cidr]);
    taken
}

fn check(subnet: Ipv4Net, taken: &[Ipv4Net]) -> Result<(), ClusterError> {
    match taken.iter().find(|net| subnet::overlap(**net, subnet)) {
        Some(other) => Err(ClusterError::Subnet {
            reason: format!("{subnet} overlaps {other}, which is in use here"),
        }),
        None => Ok(()),
    }
}

fn none_left() -> ClusterError {
    ClusterError::Subnet {
        reason: "all that rkube would use are in use here; choose with --subnet".to_owned(),
    }
}
