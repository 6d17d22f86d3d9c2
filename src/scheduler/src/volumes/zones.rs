//! VolumeZone: a volume whose labels name a zone or region is reached from there only.
//!
//! Semantics: upstream's plugin of that name.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PersistentVolume;
use kube::ResourceExt as _;

use super::Needs;
use crate::cache::NodeInfo;
use crate::plugins::Refusal;

/// Labels that say where something is, and what they were called before.
const LABELS: &[(&str, &str)] = &[
    ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
    (
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/region",
    ),
];

/// A label of a volume, by its name of today and the older one, and the values that a node may have.
#[derive(Debug)]
pub(super) struct Zone {
    key: &'static str,
    older: &'static str,
    values: BTreeSet<String>,
}

/// Where the volume is.
pub(super) fn of(volume: &PersistentVolume) -> Vec<Zone> {
    let named = LABELS.iter().filter_map(|(key, older)| {
        let labels = volume.labels();
        let text = labels.get(*key).or_else(|| labels.get(*older))?;
        Some(Zone {
            key,
            older,
            values: text.split("__").map(str::to_owned).collect(),
        })
    });
    named.collect()
}

/// A volume is elsewhere. A node that says nothing of zones is taken to be everywhere.
pub(super) fn elsewhere(needs: &Needs, node: &NodeInfo) -> Option<Refusal> {
    let label = |key: &str, older: &str| node.labels.get(key).or_else(|| node.labels.get(older));
    if !LABELS.iter().any(|(key, older)| label(key, older).is_some()) {
        return None;
    }
    let is_here = |zone: &Zone| label(zone.key, zone.older).is_some_and(|value| zone.values.contains(value));
    let here = needs.zones.iter().all(is_here);
    (!here).then(|| Refusal::hopeless("node(s) had no available volume zone"))
}
