//! VolumeBinding and VolumeRestrictions: pods go where their volumes are, claims that wait for their first pod are told where it
//! will run, and some claims are for one pod only.
//!
//! Semantics: upstream's plugins of these names. Binding itself is the persistent volume controller's work: the scheduler
//! says which node (or reserves which volume), lets the pod wait, and decides again once the claim is bound.

use std::collections::BTreeSet;

use claims::{BOUND_BY_CONTROLLER, SELECTED_NODE, is_bound};
use follow::Change;
use k8s_openapi::api::core::v1::{NodeSelector, ObjectReference, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::Volumes;
use super::limits::Attachable;
use super::zones::{self, Zone};
use crate::cache::NodeInfo;
use crate::plugins::{Refusal, node_affinity};
use crate::pod::PodInfo;

/// What a pod's claims ask of a node.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Where bound volumes can be reached.
    reachable: Vec<NodeSelector>,
    /// Where bound volumes are, by their labels.
    pub(super) zones: Vec<Zone>,
    /// Claims without a volume that wait for the pod's node.
    unbound: Vec<PersistentVolumeClaim>,
    /// A bound claim's volume does not exist.
    lost: bool,
    /// What counts against the limits of nodes.
    pub(super) attachable: BTreeSet<Attachable>,
    /// Pods, by UID and node, that have a claim of which only one pod may have it.
    exclusive: Vec<(String, String)>,
}

impl Needs {
    /// True if claims must be bound before the pod can be.
    pub(crate) fn must_wait(&self) -> bool {
        !self.unbound.is_empty()
    }

    /// True if a bound claim's volume is not known, or not yet.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }
}

impl Volumes {
    /// What the pod's claims ask for, or why no node will do as long as they are as they are.
    pub(crate) fn needs<'a>(
        &self,
        pod: &PodInfo,
        nodes: impl Iterator<Item = &'a NodeInfo> + Clone,
    ) -> Result<Needs, String> {
        let mut needs = Needs {
            attachable: self.attachable(pod),
            ..Needs::default()
        };
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
            let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_ref());
            if modes.is_some_and(|modes| modes.iter().any(|mode| mode == "ReadWriteOncePod")) {
                let placed = nodes.clone().flat_map(|node| node.pods.values());
                let users = placed.filter(|other| {
                    other.uid != pod.uid
                        && other.namespace == pod.namespace
                        && other.claims.iter().any(|used| used.name == *name)
                });
                needs
                    .exclusive
                    .extend(users.map(|other| (other.uid.clone(), other.node.clone())));
            }
            if is_bound(claim) {
                let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_ref());
                match volume.and_then(|name| self.persistent.get(name)) {
                    Some(volume) => {
                        needs.reachable.extend(reachable(volume).cloned());
                        needs.zones.extend(zones::of(volume));
                    }
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

    /// VolumeBinding: a volume is not here, or cannot be.
    pub(super) fn unbindable(&self, needs: &Needs, node: &NodeInfo) -> Option<Refusal> {
        if needs.lost {
            return Some(Refusal::hopeless(
                "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            ));
        }
        if !needs
            .reachable
            .iter()
            .all(|selector| node_affinity::selects(selector, node))
        {
            return Some(Refusal::hopeless(
                "node(s) didn't match PersistentVolume's node affinity",
            ));
        }
        let mut taken = Vec::new();
        for claim in &needs.unbound {
            let chosen = claim.annotations().get(SELECTED_NODE);
            let free = chosen.is_none_or(|chosen| *chosen == node.name);
            if free && let Some(volume) = self.fitting(claim, node, &taken) {
                taken.push(volume.name_any());
            } else if !free || !self.provisioned(claim, node) {
                return Some(Refusal::hopeless(
                    "node(s) didn't find available persistent volumes to bind",
                ));
            } else if !self.has_room(claim, node) {
                return Some(Refusal::hopeless("node(s) did not have enough free storage"));
            }
        }
        None
    }

    /// Has the pod's claims bound for `node`: by reserving a volume there, or by telling the provisioner.
    pub(crate) async fn settle(&mut self, client: &Client, needs: &Needs, node: &NodeInfo) -> Result<(), kube::Error> {
        let mut taken = Vec::new();
        for claim in &needs.unbound {
            if let Some(volume) = self.fitting(claim, node, &taken) {
                taken.push(volume.name_any());
                let mut volume = volume.clone();
                if claims::belongs(&volume, claim)
                    && claims::claim_ref(&volume).is_some_and(|known| known.uid.is_some())
                {
                    continue;
                }
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
                annotations.insert(BOUND_BY_CONTROLLER.to_owned(), "yes".to_owned());
                let name = volume.name_any();
                let api: Api<PersistentVolume> = Api::all(client.clone());
                let reserved = api.replace(&name, &PostParams::default(), &volume).await?;
                self.volume(Change::Set(reserved));
            } else if claim.annotations().get(SELECTED_NODE) != Some(&node.name) {
                let patch = json!({"metadata": {"annotations": {SELECTED_NODE: node.name}}});
                let api: Api<PersistentVolumeClaim> =
                    Api::namespaced(client.clone(), &claim.namespace().unwrap_or_default());
                let told = api
                    .patch(&claim.name_any(), &PatchParams::default(), &Patch::Merge(patch))
                    .await?;
                self.claim(Change::Set(told));
            }
        }
        Ok(())
    }

    /// The claim that is no longer about to be bound for the node: whoever was to do it has given up.
    pub(crate) fn given_up<'a>(&self, needs: &'a Needs, node: &str) -> Option<&'a str> {
        let told = |claim: &PersistentVolumeClaim| {
            claim
                .annotations()
                .get(SELECTED_NODE)
                .is_some_and(|chosen| chosen == node)
                || self.persistent.values().any(|volume| claims::belongs(volume, claim))
        };
        let mut given_up = needs.unbound.iter().filter(|claim| !told(claim));
        given_up.next()?.metadata.name.as_deref()
    }

    pub(super) fn class_of(&self, claim: &PersistentVolumeClaim) -> Option<&StorageClass> {
        self.classes.get(claims::class_of_claim(claim))
    }

    fn waits(&self, claim: &PersistentVolumeClaim) -> bool {
        let mode = self
            .class_of(claim)
            .and_then(|class| class.volume_binding_mode.as_deref());
        let prebound = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref());
        mode == Some("WaitForFirstConsumer") && prebound.is_none_or(str::is_empty)
    }

    /// True if somebody will make a volume for the claim that the node can reach.
    fn provisioned(&self, claim: &PersistentVolumeClaim, node: &NodeInfo) -> bool {
        self.class_of(claim).is_some_and(|class| {
            class.provisioner != "kubernetes.io/no-provisioner" && claims::allows(class, |key| node.labels.get(key))
        })
    }

    /// The free volume that the claim should take, if the node reaches one.
    fn fitting(&self, claim: &PersistentVolumeClaim, node: &NodeInfo, taken: &[String]) -> Option<&PersistentVolume> {
        let within_reach = |volume: &PersistentVolume| {
            !taken.contains(&volume.name_any())
                && reachable(volume).all(|selector| node_affinity::selects(selector, node))
        };
        claims::best(self.persistent.values(), claim, false, within_reach)
    }
}

/// VolumeRestrictions: a claim for one pod only is in use.
pub(super) fn restricted(needs: &Needs, node: &NodeInfo) -> Option<Refusal> {
    let mut users = needs.exclusive.iter();
    // without them, as when making room is thought about, the node would do
    let taken = users.any(|(uid, on)| *on != node.name || node.pods.contains_key(uid));
    taken.then(|| {
        Refusal::new(
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
        )
    })
}

fn reachable(volume: &PersistentVolume) -> impl Iterator<Item = &NodeSelector> {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    affinity.and_then(|affinity| affinity.required.as_ref()).into_iter()
}
