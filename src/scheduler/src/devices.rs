//! Claims for devices. Allocating is a driver's or another scheduler's affair: a pod waits until it has been done.

use k8s_openapi::api::core::v1::{NodeSelector, Pod};
use k8s_openapi::api::resource::v1::ResourceClaim;
use kube::{Api, Client};

use crate::cache::NodeInfo;
use crate::plugins::{Refusal, node_affinity};
use crate::pod::PodInfo;

/// Where the devices of a pod are.
#[derive(Debug, Default)]
pub(crate) struct Devices(Vec<NodeSelector>);

/// The pod's claims for devices, as far as they have been made.
pub(crate) fn names(pod: &Pod) -> Vec<Option<String>> {
    let asked = pod.spec.iter().flat_map(|spec| spec.resource_claims.iter().flatten());
    let made = |name: &str| {
        let statuses = pod.status.as_ref()?.resource_claim_statuses.as_ref()?;
        statuses
            .iter()
            .find(|status| status.name == name)?
            .resource_claim_name
            .clone()
    };
    asked
        .map(|one| one.resource_claim_name.clone().or_else(|| made(&one.name)))
        .collect()
}

impl Devices {
    /// Asks for the pod's claims; most pods have none. The error is why no node will do.
    pub(crate) async fn of(client: &Client, pod: &PodInfo) -> Result<Self, String> {
        let api: Api<ResourceClaim> = Api::namespaced(client.clone(), &pod.namespace);
        let mut selectors = Vec::new();
        for name in &pod.devices {
            let Some(name) = name else {
                return Err("waiting for resource claim to be created from its template".to_owned());
            };
            let claim = match api.get_opt(name).await {
                Ok(Some(claim)) => claim,
                Ok(None) => return Err(format!("resourceclaim.resource.k8s.io {name:?} not found")),
                Err(error) => return Err(format!("resource claim {name:?}: {error}")),
            };
            let Some(allocation) = claim.status.and_then(|status| status.allocation) else {
                return Err("cannot allocate all claims".to_owned());
            };
            selectors.extend(allocation.node_selector);
        }
        Ok(Self(selectors))
    }

    /// The plugin, and why the node will not do.
    pub(crate) fn filter(&self, node: &NodeInfo) -> Option<(&'static str, Refusal)> {
        let reached = self.0.iter().all(|selector| node_affinity::selects(selector, node));
        (!reached).then(|| {
            let refusal = Refusal::hopeless("resourceclaim not available on the node");
            ("DynamicResources", refusal)
        })
    }
}
