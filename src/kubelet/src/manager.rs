//! All pods of this node: which there are, and one actor for each.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use follow::Soon;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};

use crate::admission;
use crate::context::Context;
use crate::csi;
use crate::logs::FolderWatch;
use crate::pod::mailbox::{Mailbox, Message};
use crate::pod::{self, End};
use crate::runtime::events::{self, Hint};
use crate::runtime::labels;
use crate::sources::{manifests, mirror};
use crate::volumes;

/// A defect that shows at once again must not spin.
const AFTER_PANIC: Duration = Duration::from_secs(5);
const RECONNECT: Duration = Duration::from_millis(250);

/// The actors by UID; clones share them.
#[derive(Clone)]
pub(crate) struct Manager {
    context: Arc<Context>,
    actors: Arc<Mutex<HashMap<String, Held>>>,
}

struct Held {
    mailbox: Mailbox,
    pod: Arc<Pod>,
}

impl Manager {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            actors: Arc::default(),
        }
    }

    /// The pods as last told, for the server.
    pub(crate) fn pods(&self) -> Vec<Arc<Pod>> {
        self.lock().values().map(|held| held.pod.clone()).collect()
    }

    /// The pod of that name, the one not ending first.
    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        let pods = self.pods().into_iter().filter(|pod| {
            pod.metadata.name.as_deref() == Some(name) && pod.metadata.namespace.as_deref() == Some(namespace)
        });
        pods.min_by_key(|pod| pod.metadata.deletion_timestamp.is_some())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Held>> {
        self.actors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, pod: Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let pod = Arc::new(pod);
        let mut actors = self.lock();
        if let Some(held) = actors.get_mut(&uid) {
            held.pod = pod.clone();
            held.mailbox.send(Message::Pod(pod));
            return;
        }
        let done = self.clone();
        let rejection = admission::reject(&pod, actors.values().map(|held| &held.pod));
        let mailbox = pod::start(self.context.clone(), pod.clone(), rejection, move |uid, end| {
            done.ended(&uid, end);
        });
        actors.insert(uid, Held { mailbox, pod });
    }

    /// Forgets an actor that has done its work, replaces one that has failed.
    fn ended(&self, uid: &str, end: End) {
        let held = self.lock().remove(uid);
        if end == End::Panicked
            && let Some(held) = held
        {
            tracing::error!(
                pod = held.pod.metadata.name,
                uid,
                "the pod's actor panicked; starting another"
            );
            let (this, group) = (self.clone(), self.context.group.clone());
            group.spawn("pod-again", async move {
                tokio::time::sleep(AFTER_PANIC).await;
                this.apply(Pod::clone(&held.pod));
            });
        }
    }

    fn remove(&self, uid: &str) {
        if let Some(held) = self.lock().get(uid) {
            held.mailbox.send(Message::Removed);
        }
    }

    /// A mirror is no pod of its own; when it vanishes, its static pod writes it again.
    fn mirror_gone(&self, mirrored: &Pod) {
        let hash = mirrored
            .metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(mirror::HASH));
        if let Some(held) = hash.and_then(|hash| self.lock().get(hash).map(|held| held.mailbox.clone())) {
            held.send(Message::RuntimeChanged);
        }
    }

    /// Follows the API's pods of this node for ever.
    pub(crate) async fn follow_api(&self) {
        let api: Api<Pod> = Api::all(self.context.client.clone());
        let config = watcher::Config::default().fields(&format!("spec.nodeName={}", self.context.options.node_name));
        let mut stream = watcher(api, config).backoff(Soon::default()).boxed();
        let mut listed: Vec<String> = Vec::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(pod)) => {
                    listed.extend(pod.metadata.uid.clone());
                    self.changed(pod);
                }
                Ok(Event::InitDone) => self.prune(&std::mem::take(&mut listed)).await,
                Ok(Event::Apply(pod)) => self.changed(pod),
                Ok(Event::Delete(pod)) if mirror::is_mirror(&pod) => self.mirror_gone(&pod),
                Ok(Event::Delete(pod)) => self.deleted(pod),
                Err(error) => tracing::debug!(%error, "watch of pods broke; trying again"),
            }
        }
    }

    /// The last state of the object says how much time its containers still have.
    fn deleted(&self, pod: Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        if let Some(held) = self.lock().get(&uid) {
            held.mailbox.send(Message::Pod(Arc::new(pod)));
            held.mailbox.send(Message::Removed);
        }
    }

    fn changed(&self, pod: Pod) {
        if !mirror::is_mirror(&pod) {
            self.apply(pod);
        }
    }

    /// After a complete list: pods that are not in it are gone, and what the runtime holds of pods nobody knows is removed.
    async fn prune(&self, listed: &[String]) {
        for (uid, held) in self.lock().iter() {
            if !mirror::is_static(&held.pod) && !listed.contains(uid) {
                held.mailbox.send(Message::Removed);
            }
        }
        let sandboxes = match self.context.runtime.list_sandboxes(None).await {
            Ok(sandboxes) => sandboxes,
            Err(error) => {
                tracing::warn!(%error, "sandboxes not listed");
                return;
            }
        };
        for sandbox in sandboxes {
            let Some(uid) = sandbox.labels.get(labels::POD_UID) else {
                continue;
            };
            if self.lock().contains_key(uid) {
                continue;
            }
            // An actor of its own ends what is left, with the same care as any other.
            let label = |key: &str| sandbox.labels.get(key).cloned();
            let mut orphan = Pod::default();
            orphan.metadata.uid = Some(uid.clone());
            orphan.metadata.name = label(labels::POD_NAME);
            orphan.metadata.namespace = label(labels::POD_NAMESPACE);
            tracing::info!(pod = orphan.metadata.name, uid, "stopping a pod that no longer exists");
            let uid = uid.clone();
            self.apply(orphan);
            self.remove(&uid);
        }
        self.sweep();
        self.context.csi.clean();
    }

    /// Removes volumes and logs of pods that ended while nobody was looking.
    fn sweep(&self) {
        let options = &self.context.options;
        for name in folders(&options.root.join("pods")) {
            if self.lock().contains_key(&name) {
                continue;
            }
            if csi::has_volumes(&options.root, &name) {
                // its drivers have to be asked, perhaps for a long time: work for an actor
                let mut orphan = Pod::default();
                orphan.metadata.uid = Some(name.clone());
                self.apply(orphan);
                self.remove(&name);
                continue;
            }
            if let Err(error) = volumes::remove(&options.root, &name) {
                tracing::warn!(%error, uid = name, "volumes of a pod that is gone not removed");
            }
        }
        for name in folders(&options.pod_logs) {
            let uid = name.rsplit('_').next().unwrap_or_default();
            if !self.lock().contains_key(uid) {
                let _ = fs_err::remove_dir_all(options.pod_logs.join(&name));
            }
        }
    }

    /// Keeps the static pods as the manifest folder says, for ever.
    pub(crate) async fn follow_manifests(&self) {
        let folder = self.context.options.manifests.clone();
        let _ = fs_err::create_dir_all(&folder);
        let mut changes = match FolderWatch::new(&folder) {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, "manifest folder not watched; static pods are read once");
                return self.sync_manifests(&folder);
            }
        };
        loop {
            self.sync_manifests(&folder);
            if let Err(error) = changes.changed().await {
                tracing::warn!(%error, "manifest folder not watched any more");
                return;
            }
        }
    }

    fn sync_manifests(&self, folder: &Path) {
        {
            let wanted = manifests::read(folder, &self.context.options.node_name);
            let present: Vec<String> = {
                let actors = self.lock();
                let own = actors.iter().filter(|(_, held)| mirror::is_static(&held.pod));
                own.map(|(uid, _)| uid.clone()).collect()
            };
            for uid in present.iter().filter(|uid| !wanted.contains_key(*uid)) {
                self.remove(uid);
            }
            for (uid, pod) in wanted {
                if !present.contains(&uid) {
                    self.apply(Pod::clone(&pod));
                }
            }
        }
    }

    /// Follows the runtime's events for ever.
    pub(crate) async fn follow_runtime(&self) {
        loop {
            let result = events::follow(&self.context.runtime, |hint| {
                let actors = self.lock();
                match hint {
                    Hint::All => actors
                        .values()
                        .for_each(|held| held.mailbox.send(Message::RuntimeChanged)),
                    Hint::Pod(uid) => {
                        if let Some(held) = actors.get(&uid) {
                            held.mailbox.send(Message::RuntimeChanged);
                        }
                    }
                }
            });
            if let Err(error) = result.await {
                tracing::debug!(%error, "event stream broke; trying again");
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }
}

fn folders(parent: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(parent).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
