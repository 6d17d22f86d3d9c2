//! The steps of a binding, in the order in which each may be repeated after a crash: the volume's reference, its phase, the
//! claim's reference, its status.

use std::sync::Arc;

use claims::{BIND_COMPLETED, BOUND_BY_CONTROLLER, claim_ref};
use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::Binder;
use crate::shared::Result;

impl Binder {
    pub(super) async fn bind(&self, volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Result<()> {
        let volume = self.reserve(volume, claim).await?;
        self.phase_of_volume(&volume, "Bound", "").await?;
        let claim = self.name_volume(claim, &volume).await?;
        self.mark_bound(&claim, &volume).await
    }

    /// The volume's side.
    async fn reserve(&self, volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Result<PersistentVolume> {
        let known = claim_ref(volume);
        if known.is_some_and(|reference| reference.uid.is_some() && reference.uid == claim.metadata.uid) {
            return Ok(volume.clone());
        }
        let mut volume = volume.clone();
        if known.is_none() {
            let annotations = volume.annotations_mut();
            annotations.insert(BOUND_BY_CONTROLLER.to_owned(), "yes".to_owned());
        }
        if let Some(spec) = &mut volume.spec {
            spec.claim_ref = Some(ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("PersistentVolumeClaim".to_owned()),
                name: claim.metadata.name.clone(),
                namespace: claim.metadata.namespace.clone(),
                uid: claim.metadata.uid.clone(),
                resource_version: claim.metadata.resource_version.clone(),
                field_path: None,
            });
        }
        let name = volume.name_any();
        Ok(self
            .volumes_api()
            .replace(&name, &PostParams::default(), &volume)
            .await?)
    }

    /// The claim's side.
    async fn name_volume(
        &self,
        claim: &PersistentVolumeClaim,
        volume: &PersistentVolume,
    ) -> Result<PersistentVolumeClaim> {
        let named = claim
            .spec
            .as_ref()
            .and_then(|spec| spec.volume_name.as_deref())
            .unwrap_or_default();
        let by_user = !named.is_empty();
        if by_user && claim.annotations().contains_key(BIND_COMPLETED) {
            return Ok(claim.clone());
        }
        let mut claim = claim.clone();
        let annotations = claim.annotations_mut();
        annotations.insert(BIND_COMPLETED.to_owned(), "yes".to_owned());
        if !by_user {
            annotations.insert(BOUND_BY_CONTROLLER.to_owned(), "yes".to_owned());
        }
        if let Some(spec) = &mut claim.spec {
            spec.volume_name.clone_from(&volume.metadata.name);
        }
        let api = self.claims_api(&claim.namespace().unwrap_or_default());
        Ok(api.replace(&claim.name_any(), &PostParams::default(), &claim).await?)
    }

    async fn mark_bound(&self, claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Result<()> {
        let spec = volume.spec.clone().unwrap_or_default();
        let known = claim.status.clone().unwrap_or_default();
        let bound = known.phase.as_deref() == Some("Bound");
        if bound && known.access_modes == spec.access_modes && known.capacity.is_some() {
            return Ok(());
        }
        let status = json!({"status": {"phase": "Bound", "accessModes": spec.access_modes, "capacity": spec.capacity}});
        self.status_of_claim(claim, status).await
    }

    pub(super) async fn phase_of_claim(&self, claim: &PersistentVolumeClaim, phase: &str) -> Result<()> {
        if claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some(phase) {
            return Ok(());
        }
        let status = json!({"status": {"phase": phase, "accessModes": null, "capacity": null}});
        self.status_of_claim(claim, status).await
    }

    async fn status_of_claim(&self, claim: &PersistentVolumeClaim, status: serde_json::Value) -> Result<()> {
        let api = self.claims_api(&claim.namespace().unwrap_or_default());
        api.patch_status(&claim.name_any(), &PatchParams::default(), &Patch::Merge(status))
            .await?;
        Ok(())
    }

    pub(super) async fn phase_of_volume(&self, volume: &PersistentVolume, phase: &str, message: &str) -> Result<()> {
        let status = volume.status.clone().unwrap_or_default();
        if status.phase.as_deref() == Some(phase) && status.message.as_deref().unwrap_or_default() == message {
            return Ok(());
        }
        let message = Some(message).filter(|message| !message.is_empty());
        let now = machinery::decode::format_time(jiff::Timestamp::now());
        let patch = json!({"status": {"phase": phase, "message": message, "lastPhaseTransitionTime": now}});
        self.volumes_api()
            .patch_status(&volume.name_any(), &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    /// Takes back a binding that this controller chose and whose other side is gone; a reservation of the user's stays.
    pub(super) async fn unbind(&self, volume: &Arc<PersistentVolume>) -> Result<()> {
        let mut free = PersistentVolume::clone(volume);
        let ours = free.annotations_mut().remove(BOUND_BY_CONTROLLER).is_some();
        if let Some(spec) = &mut free.spec {
            match &mut spec.claim_ref {
                Some(reference) if !ours => reference.uid = None,
                reference => *reference = None,
            }
        }
        let free = self
            .volumes_api()
            .replace(&volume.name_any(), &PostParams::default(), &free)
            .await?;
        self.phase_of_volume(&free, "Available", "").await
    }
}
