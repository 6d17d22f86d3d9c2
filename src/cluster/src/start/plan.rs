//! Deciding on a new cluster: what goes into its profile and never changes.

use std::collections::BTreeSet;
use std::net::TcpListener;

use crate::profile::{NODE_PREFIX, Profile, check_name};
use crate::{ClusterError, subnet};

use super::{Start, settings};

/// More nodes than this do not fit the pods' addresses, nor a laptop.
const MOST_NODES: u8 = 100;

impl Start<'_> {
    /// A profile for the options. Its subnet is final only once the network exists.
    pub(super) fn plan(&self) -> Result<Profile, ClusterError> {
        let options = self.options;
        check_name(&options.name)?;
        if options.nodes == 0 || options.nodes > MOST_NODES {
            return Err(ClusterError::Subnet {
                reason: format!("{} nodes; 1 to {MOST_NODES} are possible", options.nodes),
            });
        }
        if subnet::overlap(options.cluster_cidr, options.service_cidr) {
            let (pods, services) = (options.cluster_cidr, options.service_cidr);
            return Err(ClusterError::Subnet {
                reason: format!("pods {pods} and services {services} overlap"),
            });
        }
        let ranges = options.cluster_cidr.subnets(NODE_PREFIX).map_or(0, Iterator::count);
        if ranges < usize::from(options.nodes) {
            let pods = options.cluster_cidr;
            return Err(ClusterError::Subnet {
                reason: format!(
                    "{} nodes need as many /{NODE_PREFIX} of pods' addresses, and {pods} has {ranges}",
                    options.nodes
                ),
            });
        }
        let provisional = match options.subnet {
            Some(subnet) => subnet,
            None => subnet::candidates()
                .next()
                .ok_or(ClusterError::Subnet { reason: String::new() })?,
        };
        let claimed = self.claimed()?;
        let mut profile = Profile {
            name: options.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            image: String::new(),
            subnet: provisional,
            api_port: self.port()?,
            http_port: free_or_any(80, &claimed),
            https_port: free_or_any(443, &claimed),
            registry_port: free_or_any(nodespec::ports::LOCAL_REGISTRY, &claimed),
            api_host: "127.0.0.1".to_owned(),
            cluster_cidr: options.cluster_cidr,
            service_cidr: options.service_cidr,
            dns_domain: options.dns_domain.clone(),
            nodes: Vec::new(),
            kubeconfig: options.kubeconfig.clone(),
            previous_context: None,
            extra_config: settings::canonical(&options.extra_config)?,
            limits: options.limits,
            driver: None,
        };
        profile.nodes = (0..options.nodes)
            .map(|index| Profile::node(&profile.name, index, profile.subnet, profile.cluster_cidr))
            .collect();
        Ok(profile)
    }

    /// Ports of other clusters, which may be stopped now and will want them again.
    fn claimed(&self) -> Result<BTreeSet<u16>, ClusterError> {
        let mut claimed = BTreeSet::new();
        for name in self.store.names()? {
            // one broken profile must not keep others from being made
            if let Ok(Some(other)) = self.store.read(&name) {
                claimed.insert(other.api_port);
                claimed.extend(
                    [other.http_port, other.https_port, other.registry_port]
                        .into_iter()
                        .flatten(),
                );
            }
        }
        Ok(claimed)
    }

    /// The wanted port if it is free, or any free one.
    fn port(&self) -> Result<u16, ClusterError> {
        let wanted = self.options.api_port.unwrap_or(0);
        match TcpListener::bind(("127.0.0.1", wanted)).and_then(|listener| listener.local_addr()) {
            Ok(address) => Ok(address.port()),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                Err(ClusterError::PortTaken { port: wanted })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The port itself if it is free on 127.0.0.1 and nobody's, else any free one. `None` where even that cannot be had: a cluster is worth
/// having without.
fn free_or_any(wanted: u16, claimed: &BTreeSet<u16>) -> Option<u16> {
    let try_port = |port| TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    // the engine may take what this user may not
    let listener = match try_port(wanted) {
        _ if claimed.contains(&wanted) => try_port(0),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && !answers(wanted) => return Some(wanted),
        Err(_) => try_port(0),
        found => found,
    };
    listener.ok().map(|address| address.port())
}

fn answers(port: u16) -> bool {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200)).is_ok()
}

/// Gives the nodes the addresses of the network that was made.
pub(super) fn readdress(profile: &mut Profile) {
    for (index, node) in profile.nodes.iter_mut().enumerate() {
        let index = u8::try_from(index).unwrap_or(MOST_NODES);
        node.ip = Profile::node(&profile.name, index, profile.subnet, profile.cluster_cidr).ip;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_or_anothers_is_not_chosen() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_ne!(free_or_any(port, &BTreeSet::new()), Some(port));
        drop(listener);
        let other = free_or_any(port, &BTreeSet::from([port]));
        assert!(other.is_some_and(|other| other != port), "{other:?}");
    }
}
