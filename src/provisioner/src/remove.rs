//! From a volume nobody claims any more to free space: a pod on its node removes the folder, then the object goes.

use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::claim::FINALIZER;
use crate::run::{NAME, Provisioner};

/// Where the removing pods run.
pub(crate) const NAMESPACE: &str = "kube-system";
/// Label of the removing pods; its value is the volume's name.
pub(crate) const LABEL: &str = "rkube.io/removes-volume";

impl Provisioner {
    /// Starts the removal of a released volume's folder. False: to be tried again.
    pub(crate) async fn reclaim(&self, volume: &PersistentVolume) -> bool {
        if !is_to_go(volume) {
            return self.guard(volume).await;
        }
        let Some(pod) = remover(volume, &self.config.image, &self.config.root) else {
            tracing::warn!(
                volume = volume.name_any(),
                "not a volume of this provisioner's making; left alone"
            );
            return true;
        };
        let made = match serde_json::from_value::<Pod>(pod) {
            Ok(pod) => {
                let api: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
                api.create(&PostParams::default(), &pod).await
            }
            Err(error) => Err(kube::Error::SerdeError(error)),
        };
        match made {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 409 => true,
            Err(error) => {
                tracing::warn!(volume = volume.name_any(), %error, "the volume's folder cannot be removed yet");
                false
            }
        }
    }

    /// Brings the finalizer in line with the volume's policy, which may be changed at any time.
    async fn guard(&self, volume: &PersistentVolume) -> bool {
        let Some(finalizers) = finalizers(volume) else {
            return true;
        };
        let version = volume.resource_version();
        let patch = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
        let api: Api<PersistentVolume> = Api::all(self.client.clone());
        let params = PatchParams::default();
        let patched = api.patch(&volume.name_any(), &params, &Patch::Merge(patch)).await;
        match unless_gone(patched) {
            Ok(()) => true,
            // a newer version will be heard of
            Err(kube::Error::Api(status)) if status.code == 409 => true,
            Err(error) => {
                tracing::warn!(volume = volume.name_any(), %error, "the volume's finalizer is not as it should be");
                false
            }
        }
    }

    /// A removing pod has changed: if it is done, so is the volume. False: to be tried again.
    pub(crate) async fn removed(&self, pod: &Pod) -> bool {
        let Some(volume) = pod.labels().get(LABEL) else {
            return true;
        };
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref())
            .unwrap_or_default();
        if !matches!(phase, "Succeeded" | "Failed") {
            return true;
        }
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        if phase == "Succeeded" && self.volumes.get(volume).is_some_and(is_to_go) {
            let volumes: Api<PersistentVolume> = Api::all(self.client.clone());
            let free = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
            let params = PatchParams::default();
            let mut gone = unless_gone(volumes.delete(volume, &DeleteParams::default()).await);
            if gone.is_ok() {
                gone = unless_gone(volumes.patch(volume, &params, &Patch::Strategic(free)).await);
            }
            if let Err(error) = gone {
                tracing::warn!(volume, %error, "the volume cannot be deleted yet");
                return false;
            }
            // the pod goes after its volume: what is heard late of the volume would have another one made
            return true;
        }
        // a failed pod makes room for the next attempt
        match unless_gone(pods.delete(&pod.name_any(), &DeleteParams::default()).await) {
            Ok(()) => phase == "Succeeded",
            Err(_) => false,
        }
    }
}

fn unless_gone<T>(answer: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

fn is_ours(volume: &PersistentVolume) -> bool {
    volume.annotations().get(claims::PROVISIONED_BY).map(String::as_str) == Some(NAME)
}

fn policy(volume: &PersistentVolume) -> Option<&str> {
    volume.spec.as_ref()?.persistent_volume_reclaim_policy.as_deref()
}

/// The finalizers that one of our volumes should have; none if it has them.
fn finalizers(volume: &PersistentVolume) -> Option<Vec<String>> {
    let guarded = volume.finalizers().iter().any(|name| name == FINALIZER);
    let wanted = policy(volume) == Some("Delete");
    if !is_ours(volume) || guarded == wanted || (wanted && volume.metadata.deletion_timestamp.is_some()) {
        return None;
    }
    let others = volume.finalizers().iter().filter(|name| *name != FINALIZER).cloned();
    Some(others.chain(wanted.then(|| FINALIZER.to_owned())).collect())
}

fn is_to_go(volume: &PersistentVolume) -> bool {
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    // somebody may have deleted the object before the claim: the finalizer keeps it
    let there =
        volume.metadata.deletion_timestamp.is_none() || volume.finalizers().iter().any(|name| name == FINALIZER);
    is_ours(volume) && policy(volume) == Some("Delete") && phase == Some("Released") && there
}

/// The pod that removes the volume's folder; none if the folder is not one right below `root`.
fn remover(volume: &PersistentVolume, image: &str, root: &str) -> Option<Value> {
    let spec = volume.spec.as_ref()?;
    let path = &spec.local.as_ref()?.path;
    let folder = path.strip_prefix(root)?.strip_prefix('/')?;
    if folder.is_empty() || folder.contains('/') || folder.starts_with('.') {
        return None;
    }
    let name = volume.name_any();
    Some(json!({
        "metadata": {"name": format!("remove-{name}"), "namespace": NAMESPACE, "labels": {LABEL: name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                spec.node_affinity.as_ref()?.required}},
            "tolerations": [{"operator": "Exists"}],
            "volumes": [{"name": "volumes", "hostPath": {"path": root, "type": "DirectoryOrCreate"}}],
            "containers": [{
                "name": "remove",
                "image": image,
                "command": ["/rkube", "addon", "remove-volume", format!("/volumes/{folder}")],
                "volumeMounts": [{"name": "volumes", "mountPath": "/volumes"}],
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
            }],
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(path: &str) -> PersistentVolume {
        let object = json!({"metadata": {"name": "pvc-7", "annotations": {"pv.kubernetes.io/provisioned-by": NAME}},
            "status": {"phase": "Released"}, "spec": {"persistentVolumeReclaimPolicy": "Delete", "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": []}}}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn only_folders_right_below_the_root_are_removed() {
        let pod = remover(&volume("/volumes/pvc-7_a_b"), "image", "/volumes").unwrap();
        assert_eq!(pod["spec"]["containers"][0]["command"][3], "/volumes/pvc-7_a_b");
        for path in [
            "/volumes",
            "/volumes/",
            "/volumes/../etc",
            "/volumes/a/b",
            "/etc",
            "/volumes2/a",
        ] {
            assert!(remover(&volume(path), "image", "/volumes").is_none(), "{path}");
        }
    }

    #[test]
    fn what_is_kept_by_policy_or_still_claimed_stays() {
        assert!(is_to_go(&volume("/volumes/a")));
        let mut kept = volume("/volumes/a");
        kept.spec.as_mut().unwrap().persistent_volume_reclaim_policy = Some("Retain".to_owned());
        assert!(!is_to_go(&kept));
        let mut bound = volume("/volumes/a");
        bound.status.as_mut().unwrap().phase = Some("Bound".to_owned());
        assert!(!is_to_go(&bound));
    }

    #[test]
    fn the_data_goes_first_however_the_object_is_deleted_unless_it_is_kept() {
        let mut deleted = volume("/volumes/a");
        deleted.metadata.deletion_timestamp = serde_json::from_value(json!("2024-01-01T00:00:00Z")).unwrap();
        assert!(!is_to_go(&deleted), "nothing keeps it");
        assert_eq!(finalizers(&deleted), None, "too late");
        deleted.finalizers_mut().push(FINALIZER.to_owned());
        assert!(is_to_go(&deleted));
        let mut plain = volume("/volumes/a");
        plain.finalizers_mut().push("other".to_owned());
        assert_eq!(finalizers(&plain), Some(vec!["other".to_owned(), FINALIZER.to_owned()]));
        deleted.spec.as_mut().unwrap().persistent_volume_reclaim_policy = Some("Retain".to_owned());
        assert_eq!(
            finalizers(&deleted),
            Some(Vec::new()),
            "whoever keeps the data may delete the object"
        );
        plain.annotations_mut().clear();
        assert_eq!(finalizers(&plain), None, "not ours");
    }
}
