//! CSI drivers on this node: their registration, and the volumes that they stage and publish for pods.
//!
//! Semantics and paths: `k8s.io/kubernetes/pkg/volume/csi`. What has been published and staged is written down beside it, on
//! disk, before it is done: a kubelet that starts anew takes back what its predecessor gave, and counts a volume's users there.

mod attach;
mod block;
mod driver;
pub(crate) mod expand;
mod mount;
mod node_info;
mod record;
mod registration;
mod release;
mod stats;
mod volume;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use k8s_openapi::api::storage::v1::{CSIDriver, CSIDriverSpec};
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::Notify;

pub(crate) use attach::Attachments;
pub(crate) use driver::CallError;
use driver::Driver;
pub(crate) use mount::Mounting;
pub(crate) use registration::keep;
pub(crate) use release::{has_volumes, keep_clean, release};
pub(crate) use stats::stats;
pub(crate) use volume::CsiVolume;

/// The name of the plugin in paths.
const PLUGIN: &str = "kubernetes.io~csi";

const LIST_DEADLINE: Duration = Duration::from_secs(10);

/// Why a driver's volume cannot be had now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CsiError {
    #[error("driver name {0} not found in the list of registered CSI drivers")]
    NoDriver(String),
    #[error("volume mode \"Ephemeral\" not supported by driver {driver} ({why})")]
    Lifecycle { driver: String, why: String },
    #[error("the API did not list the CSIDriver objects in time")]
    NotListed,
    #[error("volume {0} is not attached to this node yet")]
    NotAttached(String),
    #[error("volume {volume} is not attached: {message}")]
    Attach { volume: String, message: String },
    #[error("fetching {reference} {namespace}/{name} failed: {message}")]
    Secret {
        reference: &'static str,
        namespace: String,
        name: String,
        message: String,
    },
    #[error("{0} is still mounted after the driver said that it is not")]
    StillMounted(String),
    #[error("applyFSGroup failed for vol {handle}: {source}")]
    FsGroup { handle: String, source: std::io::Error },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

type Lock = tokio::sync::Mutex<()>;

/// What the kubelet keeps of drivers and their volumes.
pub(crate) struct Csi {
    drivers: Mutex<HashMap<String, Driver>>,
    objects: Store<CSIDriver>,
    pub(crate) attachments: Attachments,
    locks: Mutex<HashMap<(String, String), Weak<Lock>>>,
    /// Something may be staged that no pod has.
    left: Notify,
}

impl Csi {
    /// `objects` is what the API says of drivers; `root` the kubelet's folder.
    pub(crate) fn new(objects: Store<CSIDriver>, root: &Path) -> Self {
        Self {
            drivers: Mutex::default(),
            objects,
            attachments: Attachments::new(record::attached(root)),
            locks: Mutex::default(),
            left: Notify::new(),
        }
    }

    /// Has what no pod uses unstaged: after a list of all pods, for example.
    pub(crate) fn clean(&self) {
        self.left.notify_one();
    }

    fn driver(&self, name: &str) -> Result<Driver, CsiError> {
        let drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = drivers.get(name).cloned();
        found.ok_or_else(|| CsiError::NoDriver(name.to_owned()))
    }

    /// What the cluster says of a driver.
    async fn object(&self, name: &str) -> Result<Option<CSIDriverSpec>, CsiError> {
        let ready = tokio::time::timeout(LIST_DEADLINE, self.objects.wait_until_ready()).await;
        if !matches!(ready, Ok(Ok(()))) {
            return Err(CsiError::NotListed);
        }
        let object = self.objects.get(&ObjectRef::new(name));
        Ok(object.map(|object| object.spec.clone()))
    }

    /// One thing at a time is done with a volume.
    async fn hold(&self, driver: &str, handle: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let key = (driver.to_owned(), handle.to_owned());
            let present = locks.get(&key).and_then(Weak::upgrade);
            present.unwrap_or_else(|| {
                let lock = Arc::default();
                locks.insert(key, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}
