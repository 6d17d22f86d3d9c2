//! Claims, volumes and what drivers say, as far as they decide where pods can go.

mod binding;
mod capacity;
mod limits;
mod zones;

use std::collections::{BTreeMap, HashMap};

use claims::{SELECTED_NODE, is_bound};
use follow::{Change, Identity};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource as _, ResourceExt as _};

pub(crate) use binding::Needs;

use crate::cache::NodeInfo;
use crate::plugins::Refusal;
use crate::pod::is_older;
use crate::profile::Plugins;

type Filter = fn(&Volumes, &Needs, &NodeInfo) -> Option<Refusal>;

/// By upstream's names of the plugins, in upstream's order.
const FILTERS: &[(&str, Filter)] = &[
    ("VolumeRestrictions", |_, needs, node| binding::restricted(needs, node)),
    ("NodeVolumeLimits", Volumes::exceeded),
    ("VolumeBinding", Volumes::unbindable),
    ("VolumeZone", |_, needs, node| zones::elsewhere(needs, node)),
];

/// Objects as last heard of.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    claims: HashMap<(String, String), PersistentVolumeClaim>,
    persistent: BTreeMap<String, PersistentVolume>,
    classes: HashMap<String, StorageClass>,
    drivers: HashMap<String, CSIDriver>,
    /// By node.
    csi_nodes: HashMap<String, CSINode>,
    capacities: HashMap<(String, String), CSIStorageCapacity>,
    attachments: HashMap<String, VolumeAttachment>,
}

/// True if a newer version is known: what the scheduler writes it knows before it hears of it.
fn is_late(heard: &ObjectMeta, known: &ObjectMeta) -> bool {
    let version = |meta: &ObjectMeta| meta.resource_version.clone().unwrap_or_default();
    heard.uid == known.uid && is_older(&version(heard), &version(known))
}

impl Volumes {
    /// The first plugin of a profile that is against the node because of volumes, and its reason.
    pub(crate) fn filter(&self, plugins: &Plugins, needs: &Needs, node: &NodeInfo) -> Option<(&'static str, Refusal)> {
        FILTERS
            .iter()
            .filter(|(name, _)| plugins.filters(name))
            .find_map(|(name, filter)| filter(self, needs, node).map(|refusal| (*name, refusal)))
    }

    /// Takes a change of a claim; true if that is what pods wait for.
    pub(crate) fn claim(&mut self, change: Change<PersistentVolumeClaim>) -> bool {
        match change {
            Change::Set(claim) => {
                let key = (claim.namespace().unwrap_or_default(), claim.name_any());
                let told = |claim: &PersistentVolumeClaim| claim.annotations().contains_key(SELECTED_NODE);
                if let Some(known) = self.claims.get(&key)
                    && is_late(claim.meta(), known.meta())
                {
                    return false;
                }
                let now = (is_bound(&claim), told(&claim));
                let before = self.claims.insert(key, claim);
                // a provisioner that cannot serve the chosen node takes the choice back
                before.is_none_or(|before| is_bound(&before) != now.0 || (told(&before) && !now.1))
            }
            Change::Gone(Identity { namespace, name, .. }) => self.claims.remove(&(namespace, name)).is_some(),
            Change::Listed => true,
        }
    }

    /// Takes a change of a volume.
    pub(crate) fn volume(&mut self, change: Change<PersistentVolume>) {
        match change {
            Change::Set(volume) => {
                let name = volume.name_any();
                let known = self.persistent.get(&name);
                if !known.is_some_and(|known| is_late(volume.meta(), known.meta())) {
                    self.persistent.insert(name, volume);
                }
            }
            Change::Gone(identity) => drop(self.persistent.remove(&identity.name)),
            Change::Listed => {}
        }
    }

    /// Takes a change of a class.
    pub(crate) fn class(&mut self, change: Change<StorageClass>) {
        match change {
            Change::Set(class) => drop(self.classes.insert(class.name_any(), class)),
            Change::Gone(identity) => drop(self.classes.remove(&identity.name)),
            Change::Listed => {}
        }
    }

    /// Takes a change of a driver.
    pub(crate) fn driver(&mut self, change: Change<CSIDriver>) {
        match change {
            Change::Set(object) => drop(self.drivers.insert(object.name_any(), object)),
            Change::Gone(identity) => drop(self.drivers.remove(&identity.name)),
            Change::Listed => {}
        }
    }

    /// Takes a change of what a node says of its drivers.
    pub(crate) fn csi_node(&mut self, change: Change<CSINode>) {
        match change {
            Change::Set(object) => drop(self.csi_nodes.insert(object.name_any(), object)),
            Change::Gone(identity) => drop(self.csi_nodes.remove(&identity.name)),
            Change::Listed => {}
        }
    }

    /// Takes a change of an attachment.
    pub(crate) fn attachment(&mut self, change: Change<VolumeAttachment>) {
        match change {
            Change::Set(object) => drop(self.attachments.insert(object.name_any(), object)),
            Change::Gone(identity) => drop(self.attachments.remove(&identity.name)),
            Change::Listed => {}
        }
    }

    /// Takes a change of what room a driver has.
    pub(crate) fn capacity(&mut self, change: Change<CSIStorageCapacity>) {
        match change {
            Change::Set(object) => {
                let key = (object.namespace().unwrap_or_default(), object.name_any());
                self.capacities.insert(key, object);
            }
            Change::Gone(Identity { namespace, name, .. }) => drop(self.capacities.remove(&(namespace, name))),
            Change::Listed => {}
        }
    }
}
