//! Keeping the records in step with the API.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use crate::records::{Key, Records, ServiceRecord, SliceRecord};
use crate::serve::RunError;

/// Records shared between the follower, which writes, and the server, which reads.
pub(crate) type Shared = Arc<RwLock<Records>>;

fn stream<K>(client: &Client) -> impl Stream<Item = Result<Event<K>, watcher::Error>>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    watcher(Api::<K>::all(client.clone()), watcher::Config::default()).default_backoff()
}

fn key<K: kube::Resource>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Names that a relist has not yet named again.
#[derive(Default)]
struct Relist {
    known: HashSet<Key>,
    missing: HashSet<Key>,
    listed: bool,
}

impl Relist {
    /// Passes the event on as changes of single objects.
    fn take<K: kube::Resource>(&mut self, event: Event<K>, mut change: impl FnMut(Key, Option<&K>)) {
        match event {
            Event::Init => self.missing = self.known.clone(),
            Event::Apply(object) | Event::InitApply(object) => {
                let key = key(&object);
                self.missing.remove(&key);
                self.known.insert(key.clone());
                change(key, Some(&object));
            }
            Event::Delete(object) => {
                let key = key(&object);
                self.known.remove(&key);
                change(key, None);
            }
            Event::InitDone => {
                for key in std::mem::take(&mut self.missing) {
                    self.known.remove(&key);
                    change(key, None);
                }
                self.listed = true;
            }
        }
    }
}

/// Follows until a watch ends for good. Tells `ready` once everything has been read.
pub(crate) async fn follow(client: Client, records: Shared, ready: watch::Sender<bool>) -> Result<(), RunError> {
    let mut services = std::pin::pin!(stream::<Service>(&client));
    let mut slices = std::pin::pin!(stream::<EndpointSlice>(&client));
    let mut namespaces = std::pin::pin!(stream::<Namespace>(&client));
    let (mut of_services, mut of_slices, mut of_namespaces) = (Relist::default(), Relist::default(), Relist::default());
    loop {
        tokio::select! {
            event = services.next() => if let Some(event) = usable(event, "service")? {
                let mut records = records.write().unwrap_or_else(PoisonError::into_inner);
                of_services.take(event, |key, object| records.put_service(key, object.and_then(ServiceRecord::of)));
            },
            event = slices.next() => if let Some(event) = usable(event, "endpoint slice")? {
                let mut records = records.write().unwrap_or_else(PoisonError::into_inner);
                of_slices.take(event, |key, object| records.put_slice(key, object.and_then(SliceRecord::of)));
            },
            event = namespaces.next() => if let Some(event) = usable(event, "namespace")? {
                let mut records = records.write().unwrap_or_else(PoisonError::into_inner);
                of_namespaces.take(event, |key, object| {
                    if object.is_some() {
                        records.namespaces.insert(key.1);
                    } else {
                        records.namespaces.remove(&key.1);
                    }
                });
            },
        }
        if of_services.listed && of_slices.listed && of_namespaces.listed {
            ready.send_if_modified(|ready| !std::mem::replace(ready, true));
        }
    }
}

fn usable<K>(
    event: Option<Result<Event<K>, watcher::Error>>,
    what: &'static str,
) -> Result<Option<Event<K>>, RunError> {
    match event {
        Some(Ok(event)) => Ok(Some(event)),
        Some(Err(error)) => {
            tracing::warn!(%error, "watching {what}s");
            Ok(None)
        }
        None => Err(RunError::WatchEnded(what)),
    }
}
