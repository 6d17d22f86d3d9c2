//! Claims that ask for more. A folder has room for what its disk has room for, so only the numbers grow.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{Patch, PatchParams};
use kube::runtime::events::EventType;
use kube::{Api, ResourceExt as _};
use machinery::quantity::Quantity;
use serde_json::json;

use crate::run::{NAME, Provisioner};

/// What the claim asks for, if its volume or the claim itself does not say so yet.
fn wanted(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Option<String> {
    let ours = volume.annotations().get(claims::PROVISIONED_BY);
    let bound = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
    if ours.map(String::as_str) != Some(NAME) || !bound || claim.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    let asked = &requests.get("storage")?.0;
    let amount = |text: &str| text.parse::<Quantity>().ok();
    let less = |has: Option<&String>| {
        let has = has.and_then(|has| amount(has));
        has.zip(amount(asked)).is_some_and(|(has, asked)| has < asked)
    };
    let of_volume = volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref());
    let of_claim = claim.status.as_ref().and_then(|status| status.capacity.as_ref());
    let storage = |capacity: Option<&std::collections::BTreeMap<String, _>>| {
        let quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity = capacity?.get("storage")?;
        Some(quantity.0.clone())
    };
    (less(storage(of_volume).as_ref()) || less(storage(of_claim).as_ref())).then(|| asked.clone())
}

impl Provisioner {
    /// Grows the claim's volume if it is one of ours. False: to be tried again.
    pub(crate) async fn expand(&self, claim: &PersistentVolumeClaim) -> bool {
        let name = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_ref());
        let Some(volume) = name.and_then(|name| self.volumes.get(name)) else {
            return true;
        };
        let Some(size) = wanted(claim, volume) else { return true };
        match self.grow(claim, volume, &size).await {
            Ok(()) => {
                let note = format!("volume {} has grown to {size}", volume.name_any());
                self.say(EventType::Normal, claim, "VolumeResizeSuccessful", note).await;
                true
            }
            Err(error) => {
                let note = format!("volume {} cannot grow: {error}", volume.name_any());
                self.say(EventType::Warning, claim, "VolumeResizeFailed", note).await;
                false
            }
        }
    }

    /// The volume first: the claim may not promise more than there is.
    async fn grow(&self, claim: &PersistentVolumeClaim, volume: &PersistentVolume, size: &str) -> kube::Result<()> {
        let volumes: Api<PersistentVolume> = Api::all(self.client.clone());
        let capacity = json!({"capacity": {"storage": size}});
        let patch = Patch::Merge(json!({ "spec": capacity }));
        volumes
            .patch(&volume.name_any(), &PatchParams::default(), &patch)
            .await?;
        let claims: Api<PersistentVolumeClaim> =
            Api::namespaced(self.client.clone(), &claim.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({ "status": capacity }));
        claims
            .patch_status(&claim.name_any(), &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bound_claims_of_ours_that_ask_for_more_grow() {
        let claim = |asked: &str, has: &str, phase: &str| -> PersistentVolumeClaim {
            serde_json::from_value(
                json!({"metadata": {"name": "c"}, "spec": {"resources": {"requests": {"storage": asked}}},
                "status": {"phase": phase, "capacity": {"storage": has}}}),
            )
            .unwrap()
        };
        let volume = |maker: &str, has: &str| -> PersistentVolume {
            serde_json::from_value(
                json!({"metadata": {"name": "v", "annotations": {"pv.kubernetes.io/provisioned-by": maker}},
                "spec": {"capacity": {"storage": has}}}),
            )
            .unwrap()
        };
        let two = Some("2Gi".to_owned());
        assert_eq!(wanted(&claim("2Gi", "1Gi", "Bound"), &volume(NAME, "1Gi")), two);
        assert_eq!(
            wanted(&claim("2Gi", "1Gi", "Bound"), &volume(NAME, "2048Mi")),
            two,
            "half done"
        );
        assert_eq!(wanted(&claim("2Gi", "2Gi", "Bound"), &volume(NAME, "2Gi")), None);
        assert_eq!(wanted(&claim("1Gi", "2Gi", "Bound"), &volume(NAME, "2Gi")), None);
        assert_eq!(wanted(&claim("2Gi", "1Gi", "Lost"), &volume(NAME, "1Gi")), None);
        assert_eq!(wanted(&claim("2Gi", "1Gi", "Bound"), &volume("other", "1Gi")), None);
    }
}
