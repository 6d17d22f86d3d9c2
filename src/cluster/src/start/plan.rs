//! Deciding on a new cluster: what goes into its profile and never changes.

use std::net::TcpListener;

use crate::profile::{Profile, check_name};
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
        let provisional = match options.subnet {
            Some(subnet) => subnet,
            None => subnet::candidates()
                .next()
                .ok_or(ClusterError::Subnet { reason: String::new() })?,
        };
        let mut profile = Profile {
            name: options.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            image: String::new(),
            subnet: provisional,
            api_port: self.port()?,
            api_host: "127.0.0.1".to_owned(),
            cluster_cidr: options.cluster_cidr,
            service_cidr: options.service_cidr,
            dns_domain: options.dns_domain.clone(),
            nodes: Vec::new(),
            kubeconfig: options.kubeconfig.clone(),
            previous_context: None,
            extra_config: settings::canonical(&options.extra_config)?,
        };
        profile.nodes = (0..options.nodes)
            .map(|index| Profile::node(&profile.name, index, profile.subnet, profile.cluster_cidr))
            .collect();
        Ok(profile)
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

/// Gives the nodes the addresses of the network that was made.
pub(super) fn readdress(profile: &mut Profile) {
    for (index, node) in profile.nodes.iter_mut().enumerate() {
        let index = u8::try_from(index).unwrap_or(MOST_NODES);
        node.ip = Profile::node(&profile.name, index, profile.subnet, profile.cluster_cidr).ip;
    }
}
