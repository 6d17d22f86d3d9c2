//! What an actor remembers of its pod's mounted volumes, for as long as it lives: a binding is for ever, and what is published
//! is published again only if the driver wants that.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claims::ClaimUse;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{CSIVolumeSource, PersistentVolume, PersistentVolumeClaim};

use super::{Place, VolumeError, claim};
use crate::csi::{CsiVolume, Mounting, expand};
use crate::events::Kind;

/// How often drivers that want it publish anew; about as often as upstream's kubelet looks at a pod.
const REPUBLISH: SignedDuration = SignedDuration::from_secs(60);
const RETRY: SignedDuration = SignedDuration::from_secs(10);

#[derive(Debug, Clone)]
struct Held {
    place: Place,
    /// Given by a driver.
    csi: Option<Arc<CsiVolume>>,
    /// When it is to be published again, if its driver wants that then.
    again: Option<Timestamp>,
    /// When it is to be grown again: the driver has failed to.
    stuck: Option<Timestamp>,
}

/// The mounted volumes by their names in the pod.
#[derive(Debug, Default)]
pub(crate) struct Mounted(Mutex<HashMap<String, Held>>);

impl Mounted {
    /// When a volume is to be looked at again though nothing has changed.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        let held = self.lock();
        held.values().flat_map(|held| [held.again, held.stuck]).flatten().min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<Held> {
        self.lock().get(name).cloned()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.lock().get_mut(name) {
            change(held);
        }
    }

    fn keep(&self, name: &str, place: Place, csi: Option<CsiVolume>) -> Place {
        let held = Held {
            place: place.clone(),
            csi: csi.map(Arc::new),
            again: None,
            stuck: None,
        };
        self.lock().insert(name.to_owned(), held);
        place
    }

    /// The place of a volume that the pod describes itself.
    pub(super) async fn inline(
        &self,
        mounting: &Mounting<'_>,
        name: &str,
        source: &CSIVolumeSource,
    ) -> Result<Place, VolumeError> {
        if let Some(held) = self.get(name) {
            self.publish_again(mounting, name, &held).await;
            return Ok(held.place);
        }
        let meta = &mounting.pod.metadata;
        let (uid, namespace) = (meta.uid.as_deref(), meta.namespace.as_deref());
        let volume = CsiVolume::inline(source, name, uid.unwrap_or_default(), namespace.unwrap_or_default());
        self.publish(mounting, name, volume).await
    }

    /// The place of the volume that a claim is bound to.
    pub(super) async fn claim(
        &self,
        mounting: &Mounting<'_>,
        name: &str,
        wanted: &ClaimUse,
    ) -> Result<Place, VolumeError> {
        let lookup = mounting.lookup;
        let context = lookup.context;
        let claim = context
            .claims
            .get(lookup.namespace, &wanted.name, lookup.mailbox)
            .await?;
        if let Some(held) = self.get(name) {
            if let (Some(claim), Some(volume)) = (&claim, &held.csi) {
                let waits = held
                    .stuck
                    .map_or(expand::is_pending(claim), |until| until <= Timestamp::now());
                if waits && let Ok(object) = claim::volume_of(&context.client, claim).await {
                    self.grow(mounting, name, &object, claim, volume).await;
                }
                self.publish_again(mounting, name, &held).await;
            }
            return Ok(held.place);
        }
        let claim = claim.ok_or_else(|| VolumeError::NoObject {
            kind: "persistentvolumeclaim",
            name: wanted.name.clone(),
        })?;
        let object = claim::volume_of(&context.client, &claim).await?;
        let Some(volume) = CsiVolume::persistent(&object, name, wanted.read_only) else {
            let place = claim::prepare(
                &object,
                &context.options.own_volumes,
                mounting.fs_group,
                wanted.read_only,
            )?;
            return Ok(self.keep(name, place, None));
        };
        let place = self.publish(mounting, name, volume).await?;
        if let Some(volume) = self.get(name).and_then(|held| held.csi) {
            self.grow(mounting, name, &object, &claim, &volume).await;
        }
        Ok(place)
    }

    async fn publish(&self, mounting: &Mounting<'_>, name: &str, volume: CsiVolume) -> Result<Place, VolumeError> {
        let path: PathBuf = mounting.publish(&volume).await?;
        let place = Place {
            path,
            block: volume.is_block(),
            read_only: volume.is_read_only(),
        };
        let place = self.keep(name, place, Some(volume));
        self.change(name, |held| held.again = Some(Timestamp::now() + REPUBLISH));
        Ok(place)
    }

    /// Publishes the volume anew if its driver wants that and it is time. The pod goes on with what it has if that fails.
    async fn publish_again(&self, mounting: &Mounting<'_>, name: &str, held: &Held) {
        let (Some(volume), Some(again)) = (&held.csi, held.again) else {
            return;
        };
        if again > Timestamp::now() {
            return;
        }
        // a driver may have changed its mind since
        let done = if mounting.is_republished(volume).await {
            mounting.publish_anew(volume).await.map(drop)
        } else {
            Ok(())
        };
        let pause = match done {
            Ok(()) => REPUBLISH,
            Err(error) => {
                let (reason, message) = error.event(name);
                let recorder = &mounting.lookup.context.recorder;
                recorder.pod(mounting.pod, None, Kind::Warning, reason, message);
                RETRY
            }
        };
        self.change(name, |held| held.again = Some(Timestamp::now() + pause));
    }

    async fn grow(
        &self,
        mounting: &Mounting<'_>,
        name: &str,
        object: &PersistentVolume,
        claim: &PersistentVolumeClaim,
        volume: &CsiVolume,
    ) {
        let done = mounting.grow(object, claim, volume).await;
        let stuck = (!done).then(|| Timestamp::now() + RETRY);
        self.change(name, |held| held.stuck = stuck);
    }
}
