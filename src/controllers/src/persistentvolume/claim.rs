//! One claim, brought a step further.

use std::sync::Arc;

use claims::{PROVISIONERS, SELECTED_NODE, belongs, claim_ref};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};

use super::Binder;
use crate::shared::{Key, Result, pods};

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

impl Binder {
    pub(super) async fn claim(&self, key: &Key) -> Result<()> {
        let Some(claim) = self.ctx.claims.get(key) else {
            return Ok(());
        };
        if claims::is_bound(&claim) {
            return self.bound_claim(&claim).await;
        }
        let wanted = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone());
        match wanted.filter(|name| !name.is_empty()) {
            None => self.free_claim(&claim).await,
            Some(name) => self.claim_of(&claim, &name).await,
        }
    }

    /// The claim takes what fits.
    async fn free_claim(&self, claim: &PersistentVolumeClaim) -> Result<()> {
        if claim.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let unset = claim.spec.as_ref().is_none_or(|spec| spec.storage_class_name.is_none());
        if unset
            && claims::class_of_claim(claim).is_empty()
            && let Some(class) = self.default_class()
        {
            // the class came after the claim
            let mut claim = claim.clone();
            if let Some(spec) = &mut claim.spec {
                spec.storage_class_name = Some(class.name_any());
            }
            let api = self.claims_api(&claim.namespace().unwrap_or_default());
            api.replace(&claim.name_any(), &PostParams::default(), &claim).await?;
            return Ok(());
        }
        let class = claims::class_of_claim(claim);
        let mut known = self.ctx.storage_classes.get(&Key::new("", class));
        if known.is_none() && !class.is_empty() {
            // what the cache does not know may have come a moment ago, and a binding is for good
            let classes: Api<StorageClass> = Api::all(self.ctx.client.clone());
            known = classes.get_opt(class).await?.map(Arc::new);
        }
        let late = known
            .as_ref()
            .is_some_and(|class| class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"));
        let waits = late && !claim.annotations().contains_key(SELECTED_NODE);
        let volumes = self.ctx.persistent_volumes.list();
        // of late claims only the scheduler knows which volumes their node reaches
        if let Some(volume) = claims::best(volumes.iter().map(Arc::as_ref), claim, late, |_| true) {
            return self.bind(volume, claim).await;
        }
        if waits {
            let (reason, note) = self.awaited(claim);
            self.events.normal(claim, reason, note).await;
        } else if class.is_empty() {
            let note = "no persistent volumes available for this claim and no storage class is set";
            self.events.normal(claim, "FailedBinding", note.to_owned()).await;
        } else {
            self.ask_provisioner(claim, class, known.as_deref()).await?;
        }
        self.phase_of_claim(claim, "Pending").await
    }

    /// What a late claim waits for.
    fn awaited(&self, claim: &PersistentVolumeClaim) -> (&'static str, String) {
        let name = claim.name_any();
        let uses = |pod: &&Arc<Pod>| {
            let spec = pod.spec.as_ref().filter(|spec| spec.node_name.is_none());
            !pods::is_finished(pod)
                && spec.is_some_and(|spec| {
                    claims::claims_of(&pod.name_any(), spec)
                        .iter()
                        .any(|used| used.name == name)
                })
        };
        let near = self.ctx.pods.in_namespace(&claim.namespace().unwrap_or_default());
        let mut names: Vec<String> = near.iter().filter(uses).map(|pod| pod.name_any()).collect();
        names.sort();
        match names.as_slice() {
            [] => {
                let note = "waiting for first consumer to be created before binding";
                ("WaitForFirstConsumer", note.to_owned())
            }
            [pod] => ("WaitForPodScheduled", format!("waiting for pod {pod} to be scheduled")),
            several => {
                let note = format!("waiting for pods {} to be scheduled", several.join(","));
                ("WaitForPodScheduled", note)
            }
        }
    }

    fn default_class(&self) -> Option<Arc<StorageClass>> {
        let classes = self.ctx.storage_classes.list();
        let default = classes.into_iter().filter(|class| {
            class
                .annotations()
                .get(DEFAULT_CLASS)
                .is_some_and(|value| value == "true")
        });
        // the newest one, as the admission plugin does
        default.max_by_key(|class| {
            (
                class.metadata.creation_timestamp.clone(),
                std::cmp::Reverse(class.name_any()),
            )
        })
    }

    async fn ask_provisioner(
        &self,
        claim: &PersistentVolumeClaim,
        name: &str,
        class: Option<&StorageClass>,
    ) -> Result<()> {
        let Some(class) = class else {
            let note = format!("storageclass.storage.k8s.io \"{name}\" not found");
            self.events.warning(claim, "ProvisioningFailed", note).await;
            return Ok(());
        };
        let provisioner = class.provisioner.clone();
        if provisioner == "kubernetes.io/no-provisioner" {
            let note = "no volume plugin matched name: kubernetes.io/no-provisioner";
            self.events.warning(claim, "ProvisioningFailed", note.to_owned()).await;
            return Ok(());
        }
        if claim.annotations().get(PROVISIONERS[0]) != Some(&provisioner) {
            let mut claim = claim.clone();
            for annotation in PROVISIONERS {
                claim
                    .annotations_mut()
                    .insert(annotation.to_owned(), provisioner.clone());
            }
            let api = self.claims_api(&claim.namespace().unwrap_or_default());
            api.replace(&claim.name_any(), &PostParams::default(), &claim).await?;
        }
        let note = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly \
             registered."
        );
        self.events.normal(claim, "ExternalProvisioning", note).await;
        Ok(())
    }

    /// The claim asks for one volume by name.
    async fn claim_of(&self, claim: &PersistentVolumeClaim, name: &str) -> Result<()> {
        let Some(volume) = self.ctx.persistent_volumes.get(&Key::new("", name)) else {
            return self.phase_of_claim(claim, "Pending").await;
        };
        if claim_ref(&volume).is_some() && !belongs(&volume, claim) {
            let note = format!("volume \"{name}\" already bound to a different claim.");
            self.events.warning(claim, "FailedBinding", note).await;
            return self.phase_of_claim(claim, "Pending").await;
        }
        // both sides say so: whatever else they say, that is what somebody wants
        if claim_ref(&volume).is_some() {
            return self.bind(&volume, claim).await;
        }
        if let Some(reason) = claims::why_not(&volume, claim) {
            let note = format!("Cannot bind to requested volume \"{name}\": {reason}");
            self.events.warning(claim, "VolumeMismatch", note).await;
            return self.phase_of_claim(claim, "Pending").await;
        }
        self.bind(&volume, claim).await
    }

    /// The claim had its volume once; without it, its data is lost.
    async fn bound_claim(&self, claim: &PersistentVolumeClaim) -> Result<()> {
        let name = claim
            .spec
            .as_ref()
            .and_then(|spec| spec.volume_name.clone())
            .unwrap_or_default();
        let volume = self.ctx.persistent_volumes.get(&Key::new("", &*name));
        let (reason, note) = match volume {
            Some(volume) if claim_ref(&volume).is_none() || belongs(&volume, claim) => {
                return self.bind(&volume, claim).await;
            }
            Some(_) => (
                "ClaimMisbound",
                "Two claims are bound to the same volume, this one is bound incorrectly",
            ),
            None if name.is_empty() => (
                "ClaimLost",
                "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
            ),
            None => (
                "ClaimLost",
                "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
            ),
        };
        let lost = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost");
        if !lost {
            self.events.warning(claim, reason, note.to_owned()).await;
        }
        self.phase_of_claim(claim, "Lost").await
    }
}
