//! One volume, brought a step further.

use std::sync::Arc;

use claims::{PROVISIONED_BY, claim_ref};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
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
            if !claims::same_mode(&volume, &claim) {
                self.say_mismatch(&volume, &claim).await;
                return Ok(());
            }
            self.queue.add(Task::Claim(key));
            Ok(())
        } else if volume.annotations().contains_key(PROVISIONED_BY) && policy(&volume) == "Delete" {
            // made for a claim that has found another volume meanwhile
            self.released(&volume).await
        } else {
            // reserved by the user, it stays so for the time when the claim lets go of the other
            self.unbind(&volume).await
        }
    }

    async fn say_mismatch(&self, volume: &PersistentVolume, claim: &PersistentVolumeClaim) {
        let (disk, wanted) = (volume.name_any(), claim.name_any());
        let note = format!(
            "Cannot bind PersistentVolume to requested PersistentVolumeClaim \"{wanted}\" due to incompatible volumeMode."
        );
        self.events.warning(volume, "VolumeMismatch", note).await;
        let note = format!(
            "Cannot bind PersistentVolume \"{disk}\" to requested PersistentVolumeClaim due to incompatible volumeMode."
        );
        self.events.warning(claim, "VolumeMismatch", note).await;
    }

    /// The claim is gone. What becomes of the data is the reclaim policy's say; deleting is the provisioner's work.
    async fn released(&self, volume: &Arc<PersistentVolume>) -> Result<()> {
        if volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed") {
            return Ok(());
        }
        let why = match policy(volume) {
            "Recycle" => (
                "VolumeUnknownReclaimPolicy",
                "recycling is not supported; use the policy Delete or Retain".to_owned(),
            ),
            "Delete" if !has_deleter(volume) => (
                "VolumeFailedDelete",
                format!(
                    "error getting deleter volume plugin for volume \"{}\": no deletable volume plugin matched",
                    volume.name_any()
                ),
            ),
            _ => return self.phase_of_volume(volume, "Released", "").await,
        };
        self.events.warning(volume.as_ref(), why.0, why.1.clone()).await;
        self.phase_of_volume(volume, "Failed", &why.1).await
    }
}

fn policy(volume: &PersistentVolume) -> &str {
    let spec = volume.spec.as_ref();
    spec.and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref())
        .unwrap_or("Retain")
}

/// True if somebody deletes such volumes: who made it, or its driver.
fn has_deleter(volume: &PersistentVolume) -> bool {
    let maker = volume.annotations().get(PROVISIONED_BY);
    let external = maker.is_some_and(|maker| !maker.is_empty() && !maker.starts_with("kubernetes.io/"));
    external || volume.spec.as_ref().is_some_and(|spec| spec.csi.is_some())
}
