//! From a claim to a volume.

use claims::{PROVISIONED_BY, PROVISIONERS, SELECTED_NODE};
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::run::{NAME, Provisioner};

/// Why a claim got no volume.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// A folder cannot be that.
    #[error("{0}")]
    Unsupported(&'static str),
    /// No node to put the volume on.
    #[error("no node is ready where the class allows volumes")]
    NoNode,
    /// The scheduler's choice cannot be. It has to choose again.
    #[error("{0}")]
    Elsewhere(String),
    /// The API refused.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// Not a volume; a defect.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// True if this provisioner is asked for a volume, now.
pub(crate) fn is_due(claim: &PersistentVolumeClaim, class: &StorageClass) -> bool {
    let bound = claim.spec.as_ref().is_some_and(|spec| spec.volume_name.is_some());
    let asked = claim.annotations().get(PROVISIONERS[0]).map(String::as_str) == Some(NAME);
    let late = class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
    let placed = !late || claim.annotations().contains_key(SELECTED_NODE);
    class.provisioner == NAME && asked && placed && !bound && claim.metadata.deletion_timestamp.is_none()
}

/// Makes the volume, which has the claim's UID in its name: made twice, it is the same one.
pub(crate) async fn make(
    provisioner: &Provisioner,
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
) -> Result<String, ClaimError> {
    let spec = claim.spec.clone().unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(ClaimError::Unsupported("block volumes are not supported"));
    }
    if spec.data_source.is_some() || spec.data_source_ref.is_some() {
        return Err(ClaimError::Unsupported(
            "volumes made from other volumes or snapshots are not supported",
        ));
    }
    if spec.selector.is_some() {
        return Err(ClaimError::Unsupported("claim Selector is not supported"));
    }
    let (node, hostname) = match claim.annotations().get(SELECTED_NODE) {
        Some(name) => (name.clone(), selected(provisioner, class, name).await?),
        None => any_node(provisioner, class).await?,
    };
    let object = volume(
        claim,
        class,
        &provisioner.config.root,
        hostname.as_deref().unwrap_or(&node),
    );
    let object: PersistentVolume = serde_json::from_value(object)?;
    let api: Api<PersistentVolume> = Api::all(provisioner.client.clone());
    match api.create(&PostParams::default(), &object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        other => drop(other?),
    }
    Ok(object.name_any())
}

fn volume(claim: &PersistentVolumeClaim, class: &StorageClass, root: &str, hostname: &str) -> Value {
    let name = format!("pvc-{}", claim.uid().unwrap_or_default());
    let (namespace, own) = (claim.namespace().unwrap_or_default(), claim.name_any());
    let spec = claim.spec.as_ref();
    let requests = spec
        .and_then(|spec| spec.resources.as_ref())
        .and_then(|resources| resources.requests.as_ref());
    // the folder says whose it is, to people who look for their data
    let path = format!("{root}/{name}_{namespace}_{own}");
    let finalizers = (class.reclaim_policy.as_deref() == Some("Delete")).then_some([FINALIZER]);
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: NAME}, "finalizers": finalizers},
        "spec": {
            "capacity": {"storage": requests.and_then(|requests| requests.get("storage"))},
            "accessModes": spec.and_then(|spec| spec.access_modes.as_ref()),
            "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": class.reclaim_policy,
            "storageClassName": class.name_any(),
            "mountOptions": class.mount_options,
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": own,
                "uid": claim.uid()},
            "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [hostname]}]}]}},
        },
    })
}

fn hostname(node: &Node) -> Option<String> {
    node.labels().get("kubernetes.io/hostname").cloned()
}

fn allowed(class: &StorageClass, node: &Node) -> bool {
    claims::allows(class, |key| node.labels().get(key))
}

/// The host name of the node that the scheduler chose.
async fn selected(provisioner: &Provisioner, class: &StorageClass, name: &str) -> Result<Option<String>, ClaimError> {
    let nodes: Api<Node> = Api::all(provisioner.client.clone());
    let Some(node) = nodes.get_opt(name).await? else {
        return Err(ClaimError::Elsewhere(format!("node \"{name}\" is gone")));
    };
    if !allowed(class, &node) {
        let why = format!(
            "StorageClass \"{}\" allows no volumes on node \"{name}\"",
            class.name_any()
        );
        return Err(ClaimError::Elsewhere(why));
    }
    Ok(hostname(&node))
}

/// A claim that does not wait for its pod gets a volume on the first ready node, which comes with its host name.
async fn any_node(provisioner: &Provisioner, class: &StorageClass) -> Result<(String, Option<String>), ClaimError> {
    let nodes: Api<Node> = Api::all(provisioner.client.clone());
    let ready = |node: &Node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        let is_ready = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        is_ready
            && !node
                .spec
                .as_ref()
                .and_then(|spec| spec.unschedulable)
                .unwrap_or_default()
    };
    let all = nodes.list(&ListParams::default()).await?;
    let fitting = all.iter().filter(|node| ready(node) && allowed(class, node));
    let first = fitting.min_by_key(|node| node.name_any()).ok_or(ClaimError::NoNode)?;
    Ok((first.name_any(), hostname(first)))
}

/// Takes back the scheduler's choice: it chooses again.
pub(crate) async fn take_back(provisioner: &Provisioner, claim: &PersistentVolumeClaim) -> kube::Result<()> {
    let api: Api<PersistentVolumeClaim> =
        Api::namespaced(provisioner.client.clone(), &claim.namespace().unwrap_or_default());
    let version = claim.resource_version();
    let none = json!({"metadata": {"resourceVersion": version, "annotations": {SELECTED_NODE: null}}});
    api.patch(&claim.name_any(), &PatchParams::default(), &Patch::Merge(none))
        .await?;
    Ok(())
}

/// Keeps the volume's object until its data is gone, also if somebody deletes the object first.
pub(crate) const FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(change: Value) -> PersistentVolumeClaim {
        let mut object = json!({"metadata": {"name": "data", "namespace": "shop", "uid": "7"}, "spec": {
            "storageClassName": "standard", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        object["metadata"]["annotations"] = change;
        serde_json::from_value(object).unwrap()
    }

    fn class(mode: &str) -> StorageClass {
        let object = json!({"metadata": {"name": "standard"}, "provisioner": NAME, "volumeBindingMode": mode,
            "reclaimPolicy": "Delete"});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_claim_is_due_when_it_is_asked_for_and_its_pod_has_a_node() {
        let asked = claim(json!({PROVISIONERS[0]: NAME}));
        let placed = claim(json!({PROVISIONERS[0]: NAME, SELECTED_NODE: "a"}));
        assert!(is_due(&asked, &class("Immediate")));
        assert!(!is_due(&asked, &class("WaitForFirstConsumer")));
        assert!(is_due(&placed, &class("WaitForFirstConsumer")));
        assert!(!is_due(&claim(json!({PROVISIONERS[0]: "other"})), &class("Immediate")));
    }

    #[test]
    fn a_volume_names_its_claim_and_stays_on_its_node() {
        let object = volume(&claim(json!({})), &class("Immediate"), "/volumes", "a");
        let volume: PersistentVolume = serde_json::from_value(object).unwrap();
        assert_eq!(volume.finalizers(), [FINALIZER], "its data goes before it does");
        let spec = volume.spec.unwrap();
        assert_eq!(spec.local.unwrap().path, "/volumes/pvc-7_shop_data");
        assert_eq!(spec.capacity.unwrap()["storage"].0, "1Gi");
        assert_eq!(spec.claim_ref.unwrap().uid.as_deref(), Some("7"));
        let terms = spec.node_affinity.unwrap().required.unwrap().node_selector_terms;
        assert_eq!(
            terms[0].match_expressions.as_ref().unwrap()[0].values,
            Some(vec!["a".to_owned()])
        );
    }
}
