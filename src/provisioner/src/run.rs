//! The task: follows classes, claims and volumes.

use std::collections::HashMap;
use std::time::Duration;

use follow::{Change, changes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::watcher::Config as Watched;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use tokio::time::Instant;

use crate::{claim, remove};

/// The provisioner as storage classes name it.
pub const NAME: &str = "rkube.io/host-path";

/// What failed is tried again after this.
const RETRY: Duration = Duration::from_secs(5);

/// What the provisioner must know beyond the API.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder on every node below which volumes lie.
    pub root: String,
    /// An image with a `/rkube`, for the pods that remove folders.
    pub image: String,
}

/// Why the task ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good; the supervisor starts over.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
}

pub(crate) struct Provisioner {
    pub(crate) client: Client,
    pub(crate) config: Config,
    pub(crate) classes: HashMap<String, StorageClass>,
    claims: HashMap<String, PersistentVolumeClaim>,
    pub(crate) volumes: HashMap<String, PersistentVolume>,
    /// Removing pods by their volumes' names.
    removers: HashMap<String, Pod>,
    recorder: Recorder,
}

/// Provisions and deletes until cancelled or a watch ends.
pub fn run(client: Client, config: Config) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, config))
}

async fn work(client: Client, config: Config) -> Result<(), RunError> {
    let mut classes = changes::<StorageClass>(Api::all(client.clone()), Watched::default());
    let mut claims = changes::<PersistentVolumeClaim>(Api::all(client.clone()), Watched::default());
    let mut volumes = changes::<PersistentVolume>(Api::all(client.clone()), Watched::default());
    let ours = Watched::default().labels(remove::LABEL);
    let mut removers = changes::<Pod>(Api::namespaced(client.clone(), remove::NAMESPACE), ours);
    let reporter = Reporter {
        controller: NAME.to_owned(),
        instance: None,
    };
    let mut provisioner = Provisioner {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        config,
        classes: HashMap::new(),
        claims: HashMap::new(),
        volumes: HashMap::new(),
        removers: HashMap::new(),
    };
    let mut retry: Option<Instant> = None;
    loop {
        let timer = async {
            match retry {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let done = tokio::select! {
            change = classes.next() => provisioner.class(change.ok_or(RunError::WatchEnded("class"))?).await,
            change = claims.next() => match change.ok_or(RunError::WatchEnded("claim"))? {
                Change::Set(claim) => {
                    provisioner.claims.insert(claim.uid().unwrap_or_default(), claim.clone());
                    provisioner.provision(&claim).await && provisioner.expand(&claim).await
                }
                Change::Gone(identity) => {
                    provisioner.claims.remove(&identity.uid);
                    true
                }
                Change::Listed => true,
            },
            change = volumes.next() => match change.ok_or(RunError::WatchEnded("volume"))? {
                Change::Set(volume) => {
                    provisioner.volumes.insert(volume.name_any(), volume.clone());
                    provisioner.reclaim(&volume).await
                }
                Change::Gone(identity) => {
                    provisioner.volumes.remove(&identity.name);
                    match provisioner.removers.get(&identity.name) {
                        Some(pod) => provisioner.removed(pod).await,
                        None => true,
                    }
                }
                // claims may have been seen before their volumes
                Change::Listed => provisioner.everything().await,
            },
            change = removers.next() => match change.ok_or(RunError::WatchEnded("pod"))? {
                Change::Set(pod) => {
                    let done = provisioner.removed(&pod).await;
                    if let Some(volume) = pod.labels().get(remove::LABEL).cloned() {
                        provisioner.removers.insert(volume, pod);
                    }
                    done
                }
                Change::Gone(identity) => {
                    let gone = |pod: &Pod| pod.uid().as_ref() == Some(&identity.uid);
                    provisioner.removers.retain(|_, pod| !gone(pod));
                    true
                }
                Change::Listed => true,
            },
            () = timer => {
                retry = None;
                provisioner.everything().await
            }
        };
        if !done && retry.is_none() {
            retry = Some(Instant::now() + RETRY);
        }
    }
}

impl Provisioner {
    async fn class(&mut self, change: Change<StorageClass>) -> bool {
        match change {
            Change::Set(class) => {
                self.classes.insert(class.name_any(), class);
                self.everything().await
            }
            Change::Gone(identity) => {
                self.classes.remove(&identity.name);
                true
            }
            Change::Listed => true,
        }
    }

    /// Looks at all claims and volumes again; false if something has to be tried once more.
    async fn everything(&self) -> bool {
        let mut done = true;
        for claim in self.claims.values() {
            done &= self.provision(claim).await && self.expand(claim).await;
        }
        for volume in self.volumes.values() {
            done &= self.reclaim(volume).await;
        }
        for pod in self.removers.values() {
            done &= self.removed(pod).await;
        }
        done
    }

    /// Makes the claim's volume if that is this provisioner's work. False: to be tried again.
    async fn provision(&self, claim: &PersistentVolumeClaim) -> bool {
        let class = self.classes.get(claims::class_of_claim(claim));
        let Some(class) = class.filter(|class| claim::is_due(claim, class)) else {
            return true;
        };
        match claim::make(self, claim, class).await {
            Ok(name) => {
                tracing::info!(claim = claim.name_any(), volume = name, "made a volume");
                let note = format!("Successfully provisioned volume {name}");
                self.say(EventType::Normal, claim, "ProvisioningSucceeded", note).await;
                true
            }
            Err(error) => {
                let note = format!(
                    "failed to provision volume with StorageClass \"{}\": {error}",
                    class.name_any()
                );
                self.say(EventType::Warning, claim, "ProvisioningFailed", note).await;
                match error {
                    claim::ClaimError::Unsupported(_) => true,
                    claim::ClaimError::Elsewhere(_) => claim::take_back(self, claim).await.is_ok(),
                    _ => false,
                }
            }
        }
    }

    pub(crate) async fn say(&self, type_: EventType, claim: &PersistentVolumeClaim, reason: &str, note: String) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Provision".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &claim.object_ref(&())).await {
            tracing::debug!(%error, reason, "event not written");
        }
    }
}
