//! Keeping the records in step with the API.

use std::sync::{Arc, PoisonError, RwLock};

use follow::{Change, Identity, changes};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Config;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use crate::records::{Key, Records, ServiceRecord, SliceRecord};
use crate::serve::RunError;

/// Records shared between the follower, which writes, and the server, which reads.
pub(crate) type Shared = Arc<RwLock<Records>>;

/// Follows until a watch ends for good. Tells `ready` once everything has been read.
pub(crate) async fn follow(client: Client, records: Shared, ready: watch::Sender<bool>) -> Result<(), RunError> {
    let mut services = changes::<Service>(Api::all(client.clone()), Config::default());
    let mut slices = changes::<EndpointSlice>(Api::all(client.clone()), Config::default());
    let mut namespaces = changes::<Namespace>(Api::all(client), Config::default());
    let (mut services_listed, mut slices_listed, mut namespaces_listed) = (false, false, false);
    let write = || records.write().unwrap_or_else(PoisonError::into_inner);
    loop {
        tokio::select! {
            change = services.next() => match change.ok_or(RunError::WatchEnded("service"))? {
                Change::Set(object) => write().put_service(key(&object), ServiceRecord::of(&object)),
                Change::Gone(identity) => write().put_service(gone(identity), None),
                Change::Listed => services_listed = true,
            },
            change = slices.next() => match change.ok_or(RunError::WatchEnded("endpoint slice"))? {
                Change::Set(object) => write().put_slice(key(&object), SliceRecord::of(&object)),
                Change::Gone(identity) => write().put_slice(gone(identity), None),
                Change::Listed => slices_listed = true,
            },
            change = namespaces.next() => match change.ok_or(RunError::WatchEnded("namespace"))? {
                Change::Set(object) => drop(write().namespaces.insert(object.name_any())),
                Change::Gone(identity) => drop(write().namespaces.remove(&identity.name)),
                Change::Listed => namespaces_listed = true,
            },
        }
        if services_listed && slices_listed && namespaces_listed {
            ready.send_if_modified(|ready| !std::mem::replace(ready, true));
        }
    }
}

fn key<K: kube::Resource>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn gone(identity: Identity) -> Key {
    (identity.namespace, identity.name)
}
