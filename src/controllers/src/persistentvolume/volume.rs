//! One volume, brought a step further.

use std::sync::Arc;

use claims::{BOUND_BY_CONTROLLER, PROVISIONED_BY, claim_ref};
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::{Api, ResourceExt as _};

use super::{Binder, Task};
use crate::shared::{Key, Result};

impl Binder {
    pub(super) async fn volume(&self, name: &str) -> Result<()> {
        let Some(volume) = self.ctx.persistent_volumes.get(&Key::new("", name)) else {
            return Ok(());
        };
        let Some(reference) = claim_ref(&volume) else {
            return self.phase_of_volume(&volume, "Available", "").await;
        };
        let key = Key::new(
            reference.namespace.clone().unwrap_or_default(),
            reference.name.clone().unwrap_or_default(),
        );
        let Some(uid) = &reference.uid else {
            // reserved by the user; its claim may be there already
            self.queue.add(Task::Claim(key));
            return self.phase_of_volume(&volume, "Available", "").await;
        };
        let mut claim = self.ctx.claims.get(&key);
        if claim.is_none() || claim.as_ref().and_then(|claim| claim.uid()).as_ref() != Some(uid) {
            // what the cache does not know may have come a moment ago, and the data is at stake
            let api: Api<_> = self.claims_api(&key.namespace);
            claim = api.get_opt(&key.name).await?.map(Arc::new);
        }
        let Some(claim) = claim.filter(|claim| claim.uid().as_ref() == Some(uid)) else {
            return self.released(&volume).await;
        };
        let named = claim
            .spec
            .as_ref()
            .and_then(|spec| spec.volume_name.as_deref())
            .unwrap_or_default();
        if named == name {
            self.phase_of_volume(&volume, "Bound", "").await
        } else if named.is_empty() {
            self.queue.add(Task::Claim(key));
            Ok(())
        } else if volume.annotations().contains_key(PROVISIONED_BY) {
            // made for a claim that has found another volume meanwhile
            self.released(&volume).await
        } else if volume.annotations().contains_key(BOUND_BY_CONTROLLER) {
            self.unbind(&volume).await
        } else {
            Ok(())
        }
    }

    /// The claim is gone. What becomes of the data is the reclaim policy's say; deleting is the provisioner's work.
    async fn released(&self, volume: &Arc<PersistentVolume>) -> Result<()> {
        let policy = volume
            .spec
            .as_ref()
            .and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
        if policy == Some("Recycle") {
            let note = "recycling is not supported; use the policy Delete or Retain";
            self.events
                .warning(volume.as_ref(), "VolumeUnknownReclaimPolicy", note.to_owned())
                .await;
            return self.phase_of_volume(volume, "Failed", note).await;
        }
        if volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed") {
            return Ok(());
        }
        self.phase_of_volume(volume, "Released", "").await
    }
}
