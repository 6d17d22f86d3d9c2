//! What nodes are told of their volumes, and what they say of them.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use k8s_openapi::api::core::v1::{AttachedVolume, Node};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::{Attacher, volume_of};
use crate::shared::error::Tolerate as _;
use crate::shared::{Key, Result};

/// Names of the volumes that the node may rely on.
pub(super) fn attached(node: &Node) -> BTreeSet<String> {
    let listed = node.status.as_ref().and_then(|status| status.volumes_attached.as_ref());
    listed.into_iter().flatten().map(|volume| volume.name.clone()).collect()
}

pub(super) fn uses(node: &Node, volume: &str) -> bool {
    let in_use = node.status.as_ref().and_then(|status| status.volumes_in_use.as_ref());
    in_use.is_some_and(|names| names.iter().any(|name| name == volume))
}

impl Attacher {
    /// The volume's name in the status of nodes.
    pub(super) fn unique_name(&self, attachment: &VolumeAttachment) -> Option<String> {
        let volume = self.ctx.persistent_volumes.get(&Key::new("", volume_of(attachment)?))?;
        let source = volume.spec.as_ref()?.csi.as_ref()?;
        Some(claims::unique_name(&source.driver, &source.volume_handle))
    }

    /// Tells a node which volumes it may rely on. True if it had to be told.
    pub(super) async fn tell(&self, name: &str) -> Result<bool> {
        let Some(node) = self.ctx.nodes.get(&Key::new("", name)) else {
            return Ok(false);
        };
        let reliable = |attachment: &Arc<VolumeAttachment>| {
            let uid = attachment.uid().unwrap_or_default();
            let detaching = self.detaching.lock().unwrap_or_else(PoisonError::into_inner);
            attachment.spec.node_name == name
                && attachment.metadata.deletion_timestamp.is_none()
                && attachment.status.as_ref().is_some_and(|status| status.attached)
                && !detaching.contains(&uid)
        };
        let all = self.ctx.attachments.list();
        let names: BTreeSet<String> = all
            .iter()
            .filter(|attachment| reliable(attachment))
            .filter_map(|attachment| self.unique_name(attachment))
            .collect();
        if names == attached(&node) {
            return Ok(false);
        }
        let list: Vec<AttachedVolume> = names
            .into_iter()
            .map(|name| AttachedVolume {
                name,
                device_path: String::new(),
            })
            .collect();
        let api: Api<Node> = Api::all(self.ctx.client.clone());
        let patch = json!({"status": {"volumesAttached": if list.is_empty() { json!(null) } else { json!(list) }}});
        let told = api
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        Ok(told.unless_gone()?.is_some())
    }
}
