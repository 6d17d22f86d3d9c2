//! Networks and volumes of a cluster.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder};
use ipnet::Ipv4Net;

use super::{Engine, Whose, explain, failed, is_missing, labels};
use crate::ClusterError;

const MTU: &str = "com.docker.network.driver.mtu";

/// A network, as the engine lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkState {
    pub(crate) name: String,
    /// Label of the cluster it belongs to.
    pub(crate) cluster: Option<String>,
    pub(crate) subnets: Vec<Ipv4Net>,
    mtu: Option<String>,
}

/// What came of an attempt to make a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Created {
    Yes,
    /// The engine says the addresses are taken.
    Overlaps(String),
}

impl Engine {
    /// All networks.
    pub(crate) async fn networks(&self) -> Result<Vec<NetworkState>, ClusterError> {
        let found = self
            .docker
            .list_networks(None)
            .await
            .map_err(|error| failed("list networks", error))?;
        let state = |network: bollard::models::Network| NetworkState {
            name: network.name.unwrap_or_default(),
            cluster: network.labels.unwrap_or_default().remove(labels::CLUSTER),
            subnets: network
                .ipam
                .and_then(|ipam| ipam.config)
                .unwrap_or_default()
                .into_iter()
                .filter_map(|config| config.subnet?.parse().ok())
                .collect(),
            mtu: network.options.unwrap_or_default().remove(MTU),
        };
        Ok(found.into_iter().map(state).collect())
    }

    /// Makes a bridge network. `others` are the networks there are: the default bridge's MTU is taken over, since engines do
    /// not do that for networks of users.
    pub(crate) async fn create_network(
        &self,
        cluster: &str,
        name: &str,
        subnet: Ipv4Net,
        others: &[NetworkState],
    ) -> Result<Created, ClusterError> {
        let mtu = others
            .iter()
            .find(|network| network.name == "bridge")
            .and_then(|network| network.mtu.clone());
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(subnet.to_string()),
                    gateway: subnet.hosts().next().map(|gateway| gateway.to_string()),
                    ..IpamConfig::default()
                }]),
                ..Ipam::default()
            }),
            options: mtu.map(|mtu| HashMap::from([(MTU.to_owned(), mtu)])),
            labels: Some(self.labels(cluster, None)),
            ..NetworkCreateRequest::default()
        };
        let docker = self.docker.clone();
        let made = self
            .making
            .see_through(async move { docker.create_network(request).await });
        match made.await {
            Ok(_) => Ok(Created::Yes),
            Err(error) => {
                let reason = explain(&error);
                let overlap = ["overlap", "already in use", "already used"]
                    .iter()
                    .any(|word| reason.contains(word));
                if overlap {
                    Ok(Created::Overlaps(reason))
                } else {
                    Err(failed("create the network", error))
                }
            }
        }
    }

    /// Removes the cluster's networks.
    pub(crate) async fn remove_networks(&self, cluster: &str, whose: Whose) -> Result<(), ClusterError> {
        let filters = labels::filter(Some(cluster));
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let found = self.docker.list_networks(Some(options)).await;
        for network in found.map_err(|error| failed("list networks", error))? {
            if !self.is(whose, network.labels.as_ref().unwrap_or(&HashMap::new())) {
                continue;
            }
            let id = network.id.or(network.name).unwrap_or_default();
            match self.docker.remove_network(&id).await {
                Err(error) if !is_missing(&error) => return Err(failed("remove the network", error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a node's volume; fine if it exists. False if it is one of another user, or of another place with profiles.
    pub(crate) async fn create_volume(&self, cluster: &str, name: &str) -> Result<bool, ClusterError> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(self.labels(cluster, None)),
            ..VolumeCreateRequest::default()
        };
        let docker = self.docker.clone();
        let made = self
            .making
            .see_through(async move { docker.create_volume(request).await });
        made.await
            .map(|volume| self.is(Whose::Own, &volume.labels))
            .map_err(|error| failed("create the volume", error))
    }

    /// Names of the cluster's volumes.
    pub(crate) async fn volumes(&self, cluster: &str, whose: Whose) -> Result<Vec<String>, ClusterError> {
        let filters = labels::filter(Some(cluster));
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let found = self.docker.list_volumes(Some(options)).await;
        let found = found.map_err(|error| failed("list volumes", error))?;
        let counts = |volume: &Volume| self.is(whose, &volume.labels);
        let volumes = found.volumes.unwrap_or_default().into_iter().filter(counts);
        Ok(volumes.map(|volume| volume.name).collect())
    }

    /// Removes the cluster's volumes.
    pub(crate) async fn remove_volumes(&self, cluster: &str, whose: Whose) -> Result<(), ClusterError> {
        for name in self.volumes(cluster, whose).await? {
            let force = RemoveVolumeOptionsBuilder::default().force(true).build();
            match self.docker.remove_volume(&name, Some(force)).await {
                Err(error) if !is_missing(&error) => return Err(failed("remove the volume", error)),
                _ => {}
            }
        }
        Ok(())
    }
}
