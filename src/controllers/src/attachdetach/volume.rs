//! One volume, brought a step further.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::{VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::{Api, ResourceExt as _};
use tokio::time::Instant;

use super::plan::{Seen, Step, steps};
use super::{Attacher, is_managed, nodes, volume_of};
use crate::shared::error::Tolerate as _;
use crate::shared::nodes::{is_out_of_service, is_ready};
use crate::shared::{Key, Result, pods};

/// A node that has just said that it uses a volume is asked again after this.
const RETRY: Duration = Duration::from_secs(1);

impl Attacher {
    pub(super) async fn volume(&self, name: &str) -> Result<()> {
        let volume = self.ctx.persistent_volumes.get(&Key::new("", name));
        let mut attachments = self.ctx.attachments.list();
        let ours = |attachment: &VolumeAttachment| claims::is_attachment_name(&attachment.name_any());
        attachments.retain(|attachment| volume_of(attachment) == Some(name) && ours(attachment));
        let users = volume.as_ref().map(|volume| self.users(volume)).unwrap_or_default();
        if attachments.is_empty() && users.is_empty() {
            return Ok(());
        }
        let wanted: BTreeSet<String> = users.iter().filter_map(|pod| node_of(pod)).collect();
        self.forget_told(name, &wanted);
        let seen: Vec<Seen> = attachments.iter().map(|one| self.see(one, &wanted)).collect();
        for step in steps(
            &wanted,
            &seen,
            volume.as_ref().is_some_and(|volume| is_exclusive(volume)),
        ) {
            let on = |node: &str| attachments.iter().find(|one| one.spec.node_name == node);
            match step {
                Step::Attach(node) => {
                    if let Some(volume) = &volume {
                        self.attach(volume, &node).await?;
                    }
                }
                Step::Detach { node, forced } => {
                    if let Some(attachment) = on(&node) {
                        self.detach(name, attachment, forced).await?;
                    }
                }
                Step::Wait(Some(left)) => self.queue.add_within(name.to_owned(), left),
                Step::Wait(None) => {}
                Step::Taken { node, by } => self.say_taken(name, &users, &node, &by).await,
            }
        }
        for attachment in &attachments {
            self.report(name, &users, attachment).await?;
        }
        Ok(())
    }

    /// Pods on nodes that use the volume, if it is one that has to be attached.
    fn users(&self, volume: &PersistentVolume) -> Vec<Arc<Pod>> {
        let source = volume.spec.as_ref().and_then(|spec| spec.csi.as_ref());
        let (Some(source), Some(reference)) = (source, claims::claim_ref(volume)) else {
            return Vec::new();
        };
        let driver = self.ctx.csi_drivers.get(&Key::new("", &*source.driver));
        if driver.is_some_and(|driver| driver.spec.attach_required == Some(false)) {
            return Vec::new();
        }
        let namespace = reference.namespace.as_deref().unwrap_or_default();
        let claim = reference.name.as_deref().unwrap_or_default();
        let Some(bound) = self.ctx.claims.get(&Key::new(namespace, claim)) else {
            return Vec::new();
        };
        let named = bound.spec.as_ref().and_then(|spec| spec.volume_name.as_ref());
        if !claims::belongs(volume, &bound) || named != volume.metadata.name.as_ref() {
            return Vec::new();
        }
        let uses = |pod: &Pod| {
            let used = pod
                .spec
                .iter()
                .flat_map(|spec| claims::claims_of(&pod.name_any(), spec));
            used.into_iter().any(|used| used.name == claim)
        };
        let on_managed = |pod: &Pod| {
            let node = node_of(pod).and_then(|name| self.ctx.nodes.get(&Key::new("", name)));
            node.is_some_and(|node| is_managed(&node))
        };
        let mut all = self.ctx.pods.in_namespace(namespace);
        all.retain(|pod| !pods::is_finished(pod) && uses(pod) && on_managed(pod));
        all
    }

    fn see(&self, attachment: &VolumeAttachment, wanted: &BTreeSet<String>) -> Seen {
        let uid = attachment.uid().unwrap_or_default();
        let name = &attachment.spec.node_name;
        let node = self.ctx.nodes.get(&Key::new("", &**name));
        let in_use = self
            .unique_name(attachment)
            .zip(node.as_ref())
            .is_some_and(|(volume, node)| nodes::uses(node, &volume));
        let mut unneeded = self.unneeded.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if wanted.contains(name) {
            unneeded.remove(&uid);
            Duration::ZERO
        } else {
            unneeded.entry(uid).or_insert_with(Instant::now).elapsed()
        };
        Seen {
            node: name.clone(),
            deleting: attachment.metadata.deletion_timestamp.is_some(),
            in_use,
            node_ready: node.as_ref().is_some_and(|node| is_ready(node)),
            out_of_service: node.as_ref().is_some_and(|node| is_out_of_service(node)),
            unneeded: since,
        }
    }

    async fn attach(&self, volume: &PersistentVolume, node: &str) -> Result<()> {
        let Some(source) = volume.spec.as_ref().and_then(|spec| spec.csi.as_ref()) else {
            return Ok(());
        };
        let mut attachment = VolumeAttachment {
            spec: VolumeAttachmentSpec {
                attacher: source.driver.clone(),
                node_name: node.to_owned(),
                source: VolumeAttachmentSource {
                    persistent_volume_name: volume.metadata.name.clone(),
                    ..VolumeAttachmentSource::default()
                },
            },
            ..VolumeAttachment::default()
        };
        let name = claims::attachment_name(&source.driver, &source.volume_handle, node);
        attachment.metadata.name = Some(name);
        self.api()
            .create(&PostParams::default(), &attachment)
            .await
            .unless_exists()?;
        Ok(())
    }

    /// The node is told first, and asked once more whether it has begun to use the volume meanwhile.
    async fn detach(&self, name: &str, attachment: &VolumeAttachment, forced: bool) -> Result<()> {
        let (uid, node) = (attachment.uid().unwrap_or_default(), &attachment.spec.node_name);
        self.detaching
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(uid.clone());
        let done = self.take(attachment, node, forced).await;
        if !matches!(done, Ok(true)) {
            self.detaching
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&uid);
            self.queue.add_after(name.to_owned(), RETRY);
        }
        done.map(drop)
    }

    async fn take(&self, attachment: &VolumeAttachment, node: &str, forced: bool) -> Result<bool> {
        self.tell(node).await?;
        if !forced {
            let live = Api::<Node>::all(self.ctx.client.clone()).get_opt(node).await?;
            let volume = self.unique_name(attachment);
            if live
                .zip(volume)
                .is_some_and(|(live, volume)| nodes::uses(&live, &volume))
            {
                return Ok(false);
            }
        }
        let only_this = DeleteParams {
            preconditions: Some(Preconditions {
                uid: attachment.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        self.api()
            .delete(&attachment.name_any(), &only_this)
            .await
            .unless_gone()?;
        Ok(true)
    }

    /// Tells the node and the pods how far the attaching is.
    async fn report(&self, name: &str, users: &[Arc<Pod>], attachment: &VolumeAttachment) -> Result<()> {
        let node = &attachment.spec.node_name;
        let told = self.tell(node).await?;
        let status = attachment.status.clone().unwrap_or_default();
        let here = users.iter().filter(|pod| node_of(pod).as_ref() == Some(node));
        if status.attached && told {
            for pod in here {
                let note = format!("AttachVolume.Attach succeeded for volume \"{name}\"");
                self.events.normal(pod.as_ref(), "SuccessfulAttachVolume", note).await;
            }
        } else if let Some(error) = status.attach_error.filter(|_| !status.attached) {
            for pod in here {
                let message = error.message.as_deref().unwrap_or_default();
                let note = format!("AttachVolume.Attach failed for volume \"{name}\" : {message}");
                self.events.warning(pod.as_ref(), "FailedAttachVolume", note).await;
            }
        }
        Ok(())
    }

    /// Says once that another node has the volume; names of pods only within a namespace.
    async fn say_taken(&self, name: &str, users: &[Arc<Pod>], node: &str, by: &[String]) {
        let key = (name.to_owned(), node.to_owned());
        let first = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        if !first {
            return;
        }
        let holds = |pod: &&Arc<Pod>| node_of(pod).is_some_and(|node| by.contains(&node));
        let holders: Vec<String> = users.iter().filter(holds).map(|pod| pod.name_any()).collect();
        let why = if holders.is_empty() {
            "Volume is already exclusively attached to one node and can't be attached to another".to_owned()
        } else {
            format!("Volume is already used by pod(s) {}", holders.join(", "))
        };
        let note = format!("Multi-Attach error for volume \"{name}\" {why}");
        for pod in users.iter().filter(|pod| node_of(pod).as_deref() == Some(node)) {
            self.events
                .warning(pod.as_ref(), "FailedAttachVolume", note.clone())
                .await;
        }
    }

    fn forget_told(&self, name: &str, wanted: &BTreeSet<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(volume, node)| volume != name || wanted.contains(node));
        drop(told);
        // attachments that are gone need no memory
        let present: BTreeSet<String> = self.ctx.attachments.list().iter().filter_map(|one| one.uid()).collect();
        let mut unneeded = self.unneeded.lock().unwrap_or_else(PoisonError::into_inner);
        unneeded.retain(|uid, _| present.contains(uid));
        let mut detaching = self.detaching.lock().unwrap_or_else(PoisonError::into_inner);
        detaching.retain(|uid| present.contains(uid));
    }

    fn api(&self) -> Api<VolumeAttachment> {
        Api::all(self.ctx.client.clone())
    }
}

fn node_of(pod: &Pod) -> Option<String> {
    let node = pod.spec.as_ref()?.node_name.clone();
    node.filter(|name| !name.is_empty())
}

/// True if only one node may have the volume.
fn is_exclusive(volume: &PersistentVolume) -> bool {
    let modes = volume.spec.as_ref().and_then(|spec| spec.access_modes.as_ref());
    let shared = |mode: &String| matches!(mode.as_str(), "ReadWriteMany" | "ReadOnlyMany");
    modes.is_some_and(|modes| !modes.is_empty() && !modes.iter().any(shared))
}
