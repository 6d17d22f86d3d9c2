//! VolumeBinding: pods go where their volumes are, and claims that wait for their first pod are told where it will run.
//!
//! Semantics: upstream's plugin of that name. Binding itself is the persistent volume controller's work: the scheduler
//! says which node (or reserves which volume), lets the pod wait, and decides again once the claim is bound.

use std::collections::{BTreeMap, HashMap};

use follow::{Change, Identity};
use k8s_openapi::api::core::v1::{NodeSelector, ObjectReference, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use machinery::quantity::Quantity;
use serde_json::json;

use crate::cache::NodeInfo;
use crate::plugins::node_affinity;
use crate::pod::PodInfo;

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";

/// Claims, volumes and classes as last heard of.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    claims: HashMap<(String, String), PersistentVolumeClaim>,
    persistent: BTreeMap<String, PersistentVolume>,
    classes: HashMap<String, StorageClass>,
}

/// What a pod's claims ask of a node.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Where bound volumes can be reached.
    reachable: Vec<NodeSelector>,
    /// Claims without a volume that wait for the pod's node.
    unbound: Vec<PersistentVolumeClaim>,
    /// A bound claim's volume does not exist.
    lost: bool,
}

impl Needs {
    /// True if claims must be bound before the pod can be.
    pub(crate) fn must_wait(&self) -> bool {
        !self.unbound.is_empty()
    }
}

impl Volumes {
    /// Takes a change of a claim; true if it has just been bound or is gone.
    pub(crate) fn claim(&mut self, change: Change<PersistentVolumeClaim>) -> bool {
        match change {
            Change::Set(claim) => {
                let key = (claim.namespace().unwrap_or_default(), claim.name_any());
                let bound = is_bound(&claim);
                let before = self.claims.insert(key, claim);
                before.is_none_or(|before| is_bound(&before) != bound)
            }
            Change::Gone(Identity { namespace, name, .. }) => self.claims.remove(&(namespace, name)).is_some(),
            Change::Listed => true,
        }
    }

    /// Takes a change of a volume.
    pub(crate) fn volume(&mut self, change: Change<PersistentVolume>) {
        match change {
            Change::Set(volume) => drop(self.persistent.insert(volume.name_any(), volume)),
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

    /// What the pod's claims ask for, or why no node will do as long as they are as they are.
    pub(crate) fn needs(&self, pod: &PodInfo) -> Result<Needs, String> {
        let mut needs = Needs::default();
        for wanted in &pod.claims {
            let name = &wanted.name;
            let Some(claim) = self.claims.get(&(pod.namespace.clone(), name.clone())) else {
                return Err(if wanted.ephemeral {
                    format!("waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\"")
                } else {
                    format!("persistentvolumeclaim \"{name}\" not found")
                });
            };
            if claim.metadata.deletion_timestamp.is_some() {
                return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
            }
            if claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost") {
                return Err(format!(
                    "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume"
                ));
            }
            if is_bound(claim) {
                let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_ref());
                match volume.and_then(|name| self.persistent.get(name)) {
                    Some(volume) => needs.reachable.extend(reachable(volume).cloned()),
                    None => needs.lost = true,
                }
            } else if self.waits(claim) {
                needs.unbound.push(claim.clone());
            } else {
                return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
            }
        }
        Ok(needs)
    }

    /// Why the node will not do; nothing if it will.
    pub(crate) fn filter(&self, needs: &Needs, node: &NodeInfo) -> Option<&'static str> {
        if needs.lost {
            return Some("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
        }
        if !needs
            .reachable
            .iter()
            .all(|selector| node_affinity::selects(selector, node))
        {
            return Some("node(s) didn't match PersistentVolume's node affinity");
        }
        let possible = |claim: &PersistentVolumeClaim| {
            let chosen = claim.annotations().get(SELECTED_NODE);
            chosen.is_none_or(|chosen| *chosen == node.name)
                && (self.provisioned(claim) || self.fitting(claim, node).is_some())
        };
        if needs.unbound.iter().all(possible) {
            None
        } else {
            Some("node(s) didn't find available persistent volumes to bind")
        }
    }

    /// Has the pod's claims bound for `node`: by reserving a volume there, or by telling the provisioner.
    pub(crate) async fn settle(&self, client: &Client, needs: &Needs, node: &NodeInfo) -> Result<(), kube::Error> {
        for claim in &needs.unbound {
            if let Some(volume) = self.fitting(claim, node) {
                let mut volume = volume.clone();
                if let Some(spec) = &mut volume.spec {
                    spec.claim_ref = Some(ObjectReference {
                        api_version: Some("v1".to_owned()),
                        kind: Some("PersistentVolumeClaim".to_owned()),
                        name: claim.metadata.name.clone(),
                        namespace: claim.metadata.namespace.clone(),
                        uid: claim.metadata.uid.clone(),
                        ..ObjectReference::default()
                    });
                }
                let annotations = volume.annotations_mut();
                annotations.insert("pv.kubernetes.io/bound-by-controller".to_owned(), "yes".to_owned());
                let name = volume.name_any();
                let api: Api<PersistentVolume> = Api::all(client.clone());
                api.replace(&name, &PostParams::default(), &volume).await?;
            } else if claim.annotations().get(SELECTED_NODE) != Some(&node.name) {
                let patch = json!({"metadata": {"annotations": {SELECTED_NODE: node.name}}});
                let api: Api<PersistentVolumeClaim> =
                    Api::namespaced(client.clone(), &claim.namespace().unwrap_or_default());
                api.patch(&claim.name_any(), &PatchParams::default(), &Patch::Merge(patch))
                    .await?;
            }
        }
        Ok(())
    }

    fn class_of(&self, claim: &PersistentVolumeClaim) -> Option<&StorageClass> {
        self.classes.get(claim.spec.as_ref()?.storage_class_name.as_deref()?)
    }

    fn waits(&self, claim: &PersistentVolumeClaim) -> bool {
        let mode = self
            .class_of(claim)
            .and_then(|class| class.volume_binding_mode.as_deref());
        mode == Some("WaitForFirstConsumer")
    }

    /// True if somebody will make a volume for the claim.
    fn provisioned(&self, claim: &PersistentVolumeClaim) -> bool {
        self.class_of(claim)
            .is_some_and(|class| class.provisioner != "kubernetes.io/no-provisioner")
    }

    /// The smallest free volume of the claim's class that the node reaches.
    fn fitting(&self, claim: &PersistentVolumeClaim, node: &NodeInfo) -> Option<&PersistentVolume> {
        let wanted = claim.spec.as_ref()?;
        let asked = wanted
            .resources
            .as_ref()
            .and_then(|resources| resources.requests.as_ref());
        let asked = asked.and_then(|requests| requests.get("storage")).map_or(0, bytes);
        let fits = |volume: &&PersistentVolume| {
            let Some(offered) = &volume.spec else { return false };
            let free = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Available");
            let modes = offered.access_modes.as_deref().unwrap_or_default();
            free && offered.claim_ref.is_none()
                && offered.storage_class_name == wanted.storage_class_name
                && wanted.access_modes.iter().flatten().all(|mode| modes.contains(mode))
                && size(volume) >= asked
                && reachable(volume).all(|selector| node_affinity::selects(selector, node))
        };
        self.persistent.values().filter(fits).min_by_key(|volume| size(volume))
    }
}

fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.annotations().contains_key(BIND_COMPLETED)
}

fn reachable(volume: &PersistentVolume) -> impl Iterator<Item = &NodeSelector> {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    affinity.and_then(|affinity| affinity.required.as_ref()).into_iter()
}

fn size(volume: &PersistentVolume) -> i64 {
    let capacity = volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref());
    capacity.and_then(|capacity| capacity.get("storage")).map_or(0, bytes)
}

fn bytes(quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity) -> i64 {
    quantity.0.parse::<Quantity>().map_or(0, |quantity| quantity.value())
}
