//! Whether a driver has room for a volume where a node is.
//!
//! Semantics: CSIStorageCapacity, for drivers that say `storageCapacity`.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::CSIStorageCapacity;
use machinery::quantity::Quantity;
use machinery::selector::LabelSelector;
use serde_json::json;

use super::Volumes;
use crate::cache::NodeInfo;

impl Volumes {
    /// False if the claim's driver says that it has no room for it where the node is.
    pub(super) fn has_room(&self, claim: &PersistentVolumeClaim, node: &NodeInfo) -> bool {
        let Some(class) = self.class_of(claim) else { return true };
        let driver = self.drivers.get(&class.provisioner);
        if driver.is_none_or(|driver| driver.spec.storage_capacity != Some(true)) {
            return true;
        }
        let asked = claims::requested(claim);
        let class = class.metadata.name.as_deref().unwrap_or_default();
        asked == 0
            || self.capacities.values().any(|capacity| {
                capacity.storage_class_name == class && limit(capacity) >= Some(asked) && reaches(capacity, node)
            })
    }
}

fn limit(capacity: &CSIStorageCapacity) -> Option<i64> {
    // the more precise of the two
    let limit = capacity.maximum_volume_size.as_ref().or(capacity.capacity.as_ref())?;
    limit.0.parse::<Quantity>().ok().map(|limit| limit.value())
}

fn reaches(capacity: &CSIStorageCapacity, node: &NodeInfo) -> bool {
    let selector = capacity.node_topology.as_ref();
    let selector = selector.and_then(|selector| LabelSelector::from_object(&json!(selector)).ok());
    selector.is_some_and(|selector| selector.matches(&node.labels))
}
