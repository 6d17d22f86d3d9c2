//! Volumes that must be attached to the node: said to be in use before they are mounted, so that nobody detaches them, and
//! mounted once the controller says that they are attached.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::Api;
use tokio::sync::watch;

use super::{CsiError, CsiVolume, record};
use crate::context::Context;

/// Attaching takes its time; the pod looks again after this.
const WAIT: Duration = Duration::from_secs(5);

type Names = BTreeSet<String>;

/// What the node's status says of attached volumes.
pub(crate) struct Attachments {
    in_use: watch::Sender<Names>,
    /// As last written to the API.
    reported: watch::Sender<Names>,
    attached: watch::Sender<Names>,
}

impl Attachments {
    pub(super) fn new(in_use: Names) -> Self {
        Self {
            in_use: watch::Sender::new(in_use),
            reported: watch::Sender::default(),
            attached: watch::Sender::default(),
        }
    }

    /// The volumes in use, for the node's status, which is to be written again when they change.
    pub(crate) fn in_use(&self) -> watch::Receiver<Names> {
        self.in_use.subscribe()
    }

    /// These have been written to the node's status.
    pub(crate) fn reported(&self, names: &[String]) {
        self.reported.send_replace(names.iter().cloned().collect());
    }

    /// Takes note of what the node's status says is attached.
    pub(crate) fn seen(&self, node: &Node) {
        let attached = node.status.as_ref().and_then(|status| status.volumes_attached.as_ref());
        let names: Names = attached
            .into_iter()
            .flatten()
            .map(|volume| volume.name.clone())
            .collect();
        self.attached.send_if_modified(|known| {
            let changed = *known != names;
            *known = names;
            changed
        });
    }

    pub(super) fn forget(&self, volume: &str) {
        self.in_use.send_if_modified(|names| names.remove(volume));
    }

    /// Waits until the volume is reported as in use and attached.
    async fn wait(&self, name: &str) -> bool {
        self.in_use.send_if_modified(|names| names.insert(name.to_owned()));
        let ready = async {
            let (mut reported, mut attached) = (self.reported.subscribe(), self.attached.subscribe());
            // the senders live as long as this
            drop(reported.wait_for(|names| names.contains(name)).await);
            drop(attached.wait_for(|names| names.contains(name)).await);
        };
        tokio::time::timeout(WAIT, ready).await.is_ok()
    }
}

/// Waits for the volume to be attached; what the attacher has to say to the driver.
pub(super) async fn wait(context: &Context, volume: &CsiVolume) -> Result<BTreeMap<String, String>, CsiError> {
    let answer = attached(context, volume).await;
    let root = &context.options.root;
    if answer.is_err() && !record::is_used(root, &volume.driver, &volume.handle) {
        let name = claims::unique_name(&volume.driver, &volume.handle);
        context.csi.attachments.forget(&name);
    }
    answer
}

async fn attached(context: &Context, volume: &CsiVolume) -> Result<BTreeMap<String, String>, CsiError> {
    let name = claims::unique_name(&volume.driver, &volume.handle);
    let in_time = context.csi.attachments.wait(&name).await;
    let attachments: Api<VolumeAttachment> = Api::all(context.client.clone());
    let attachment = claims::attachment_name(&volume.driver, &volume.handle, &context.options.node_name);
    let found = match attachments.get(&attachment).await {
        Ok(found) => found,
        // the Node authorizer does not tell what is not there from what is another node's
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
            return Err(CsiError::NotAttached(volume.name.clone()));
        }
        Err(error) => return Err(error.into()),
    };
    let status = found.status.unwrap_or_default();
    if let Some(error) = status.attach_error.filter(|_| !status.attached) {
        return Err(CsiError::Attach {
            volume: volume.name.clone(),
            message: error.message.unwrap_or_default(),
        });
    }
    if !in_time || !status.attached || found.metadata.deletion_timestamp.is_some() {
        return Err(CsiError::NotAttached(volume.name.clone()));
    }
    Ok(status.attachment_metadata.unwrap_or_default())
}
