//! Routes to the pods of other nodes: all nodes share one link, so each node's address is the next hop.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Node;

use crate::command::{self, CommandError};

/// Pod networks and the nodes they are behind.
pub(crate) type Routes = BTreeMap<IpNet, IpAddr>;

/// The route that a node asks for.
pub(crate) fn of(node: &Node) -> Option<(IpNet, IpAddr)> {
    let network = node.spec.as_ref()?.pod_cidr.as_ref()?.parse().ok()?;
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    let address = addresses
        .iter()
        .find(|address| address.type_ == "InternalIP")?
        .address
        .parse()
        .ok()?;
    Some((network, address))
}

/// Brings the kernel from `old` to `new`.
pub(crate) async fn apply(old: &Routes, new: &Routes) -> Result<(), CommandError> {
    for (network, address) in new
        .iter()
        .filter(|(network, address)| old.get(*network) != Some(address))
    {
        command::run(
            "ip",
            &["route", "replace", &network.to_string(), "via", &address.to_string()],
            "",
        )
        .await?;
    }
    for network in old.keys().filter(|network| !new.contains_key(*network)) {
        if let Err(error) = command::run("ip", &["route", "del", &network.to_string()], "").await {
            tracing::debug!(%network, %error, "the route was gone already");
        }
    }
    Ok(())
}
