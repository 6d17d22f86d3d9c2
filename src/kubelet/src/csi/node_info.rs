//! What the cluster is told of the node's drivers: the CSINode, and the Node's topology labels and annotation.
//!
//! Semantics: `k8s.io/kubernetes/pkg/volume/csi/nodeinfomanager`.

use std::collections::BTreeMap;
use std::time::Duration;

use csi::v1::NodeGetInfoResponse;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::{CSINode, CSINodeDriver, CSINodeSpec, VolumeNodeResources};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::context::Context;

/// The drivers' names for this node, as JSON.
const NODE_IDS: &str = "csi.volume.kubernetes.io/nodeid";
const RETRY: Duration = Duration::from_millis(500);
/// Others write these objects, too.
const ATTEMPTS: usize = 5;

/// Why a driver cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum NodeInfoError {
    #[error("the driver's node ID must not be empty")]
    NoId,
    #[error(
        "detected topology value collision: driver reported {key:?}:{reported:?} but existing label is {key:?}:{present:?}"
    )]
    Collision {
        key: String,
        reported: String,
        present: String,
    },
    #[error("the CSINode belonged to an earlier node of this name and was removed")]
    NotOurs,
    #[error(transparent)]
    Api(#[from] kube::Error),
}

type Result<T> = std::result::Result<T, NodeInfoError>;

/// Makes the CSINode, as soon as the node itself is there: its absence means that nothing is known of drivers.
pub(super) async fn ensure(context: &Context) {
    while let Err(error) = csi_node(context).await {
        tracing::debug!(%error, "CSINode not made; trying again");
        tokio::time::sleep(RETRY).await;
    }
}

/// Shows the driver, which has said this of itself.
pub(super) async fn install(context: &Context, driver: &str, about: &NodeGetInfoResponse) -> Result<()> {
    if about.node_id.is_empty() {
        return Err(NodeInfoError::NoId);
    }
    let topology = about.accessible_topology.clone().unwrap_or_default().segments;
    let topology: BTreeMap<String, String> = topology.into_iter().collect();
    label(context, driver, Some(&about.node_id), &topology).await?;
    let limit = i32::try_from(about.max_volumes_per_node).unwrap_or(i32::MAX);
    let entry = CSINodeDriver {
        name: driver.to_owned(),
        node_id: about.node_id.clone(),
        topology_keys: (!topology.is_empty()).then(|| topology.into_keys().collect()),
        allocatable: (limit > 0).then_some(VolumeNodeResources { count: Some(limit) }),
    };
    list(context, driver, Some(&entry)).await
}

/// Takes the driver away.
pub(super) async fn uninstall(context: &Context, driver: &str) -> Result<()> {
    list(context, driver, None).await?;
    label(context, driver, None, &BTreeMap::new()).await
}

async fn label(context: &Context, driver: &str, id: Option<&str>, topology: &BTreeMap<String, String>) -> Result<()> {
    let api: Api<Node> = Api::all(context.client.clone());
    let node = api.get(&context.options.node_name).await?;
    let labels = node.labels();
    for (key, reported) in topology {
        if let Some(present) = labels.get(key).filter(|present| *present != reported) {
            return Err(NodeInfoError::Collision {
                key: key.clone(),
                reported: reported.clone(),
                present: present.clone(),
            });
        }
    }
    let before = node.annotations().get(NODE_IDS);
    let mut ids: BTreeMap<String, String> = before
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    match id {
        Some(id) => drop(ids.insert(driver.to_owned(), id.to_owned())),
        None => drop(ids.remove(driver)),
    }
    let ids = (!ids.is_empty()).then(|| json!(ids).to_string());
    if ids.as_ref() == before && topology.iter().all(|(key, value)| labels.get(key) == Some(value)) {
        return Ok(());
    }
    let patch = json!({"metadata": {"labels": topology, "annotations": {NODE_IDS: ids}}});
    api.patch(
        &context.options.node_name,
        &PatchParams::default(),
        &Patch::Merge(patch),
    )
    .await?;
    Ok(())
}

/// Sets or removes the driver's entry in the CSINode.
async fn list(context: &Context, driver: &str, entry: Option<&CSINodeDriver>) -> Result<()> {
    let api: Api<CSINode> = Api::all(context.client.clone());
    let mut last = NodeInfoError::NotOurs;
    for _ in 0..ATTEMPTS {
        let mut present = match csi_node(context).await {
            Ok(present) => present,
            Err(error @ NodeInfoError::NotOurs) => {
                last = error;
                continue;
            }
            Err(error) => return Err(error),
        };
        let drivers = &mut present.spec.drivers;
        if drivers.iter().find(|known| known.name == driver) == entry {
            return Ok(());
        }
        drivers.retain(|known| known.name != driver);
        drivers.extend(entry.cloned());
        match api
            .replace(&context.options.node_name, &PostParams::default(), &present)
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 409 => last = kube::Error::Api(status).into(),
            other => return Ok(other.map(drop)?),
        }
    }
    Err(last)
}

/// The node's CSINode, made if there is none.
async fn csi_node(context: &Context) -> Result<CSINode> {
    let name = &context.options.node_name;
    let node = Api::<Node>::all(context.client.clone()).get(name).await?;
    let uid = node.uid().unwrap_or_default();
    let api: Api<CSINode> = Api::all(context.client.clone());
    if let Some(present) = api.get_opt(name).await? {
        let mut owners = present.owner_references().iter().filter(|owner| owner.kind == "Node");
        if owners.all(|owner| owner.uid == uid) {
            return Ok(present);
        }
        api.delete(name, &DeleteParams::default()).await?;
        return Err(NodeInfoError::NotOurs);
    }
    let mut fresh = CSINode {
        spec: CSINodeSpec { drivers: Vec::new() },
        ..CSINode::default()
    };
    fresh.metadata.name = Some(name.clone());
    fresh.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: name.clone(),
        uid,
        ..OwnerReference::default()
    }]);
    Ok(api.create(&PostParams::default(), &fresh).await?)
}
