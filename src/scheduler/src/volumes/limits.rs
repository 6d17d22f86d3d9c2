//! NodeVolumeLimits: a node takes as many volumes of a driver as the driver says there.
//!
//! Semantics: upstream's plugin of that name.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PersistentVolume;

use super::{Needs, Volumes};
use crate::cache::NodeInfo;
use crate::plugins::Refusal;
use crate::pod::PodInfo;

/// A driver and one of its volumes.
pub(super) type Attachable = (String, String);

impl Volumes {
    /// The drivers' volumes that a pod uses; those not made yet by their claims' names.
    pub(super) fn attachable(&self, pod: &PodInfo) -> BTreeSet<Attachable> {
        let volumes = pod.claims.iter().filter_map(|used| {
            let claim = self.claims.get(&(pod.namespace.clone(), used.name.clone()))?;
            let name = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_ref());
            if let Some(volume) = name.and_then(|name| self.persistent.get(name)) {
                return of_driver(volume);
            }
            let driver = self.class_of(claim)?.provisioner.clone();
            Some((driver, format!("{}/{}", pod.namespace, used.name)))
        });
        volumes.collect()
    }

    /// The node would have more volumes of a driver than it can.
    pub(super) fn exceeded(&self, needs: &Needs, node: &NodeInfo) -> Option<Refusal> {
        self.exceeds(needs, node)
            .then(|| Refusal::new("node(s) exceed max volume count"))
    }

    fn exceeds(&self, needs: &Needs, node: &NodeInfo) -> bool {
        let Some(found) = self.csi_nodes.get(&node.name).filter(|_| !needs.attachable.is_empty()) else {
            return false;
        };
        let limit = |driver: &str| {
            let entry = found.spec.drivers.iter().find(|entry| entry.name == driver);
            entry.and_then(|entry| entry.allocatable.as_ref()?.count)
        };
        if !needs.attachable.iter().any(|(driver, _)| limit(driver).is_some()) {
            return false;
        }
        let mut held: BTreeSet<Attachable> = node.pods.values().flat_map(|pod| self.attachable(pod)).collect();
        let attached = self
            .attachments
            .values()
            .filter(|one| one.spec.node_name == node.name)
            .filter_map(|one| one.spec.source.persistent_volume_name.as_ref())
            .filter_map(|name| self.persistent.get(name))
            .filter_map(of_driver);
        held.extend(attached);
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for (driver, _) in held.union(&needs.attachable) {
            *counts.entry(driver).or_default() += 1;
        }
        let mut fresh = needs.attachable.difference(&held).map(|(driver, _)| driver.as_str());
        fresh.any(|driver| {
            let count = counts.get(driver).copied().unwrap_or_default();
            limit(driver).is_some_and(|limit| count > i64::from(limit))
        })
    }
}

fn of_driver(volume: &PersistentVolume) -> Option<Attachable> {
    let source = volume.spec.as_ref()?.csi.as_ref()?;
    Some((
        source.driver.clone(),
        format!("{}/{}", source.driver, source.volume_handle),
    ))
}
