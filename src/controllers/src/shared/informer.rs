//! One watch per kind, shared by all controllers: a store to read from and handlers that are told of changes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use follow::{Change, changes};
use futures::StreamExt as _;
use kube::api::Api;
use kube::runtime::watcher;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::owner::controller_of;
use super::{Error, Queue, Result};

/// Namespace (empty for cluster-scoped kinds) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    pub(crate) fn of<K: Resource>(object: &K) -> Self {
        Self::new(object.meta().namespace.clone().unwrap_or_default(), object.name_any())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// Told of a change: what was there before and what is there now. False: not interested any more.
type Handler<K> = Box<dyn Fn(Option<&Arc<K>>, Option<&Arc<K>>) -> bool + Send + Sync>;

type Store<K> = HashMap<String, BTreeMap<String, Arc<K>>>;

/// The objects of one kind as last heard of.
pub(crate) struct Informer<K> {
    store: RwLock<Store<K>>,
    handlers: RwLock<Vec<Handler<K>>>,
    synced: watch::Sender<bool>,
}

impl<K> Default for Informer<K> {
    fn default() -> Self {
        Self {
            store: RwLock::default(),
            handlers: RwLock::default(),
            synced: watch::Sender::new(false),
        }
    }
}

impl<K: Resource> Informer<K> {
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<K>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.get(&key.namespace)?.get(&key.name).cloned()
    }

    /// All objects.
    pub(crate) fn list(&self) -> Vec<Arc<K>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// The objects of one namespace, sorted by name.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store
            .get(namespace)
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    /// Calls `handler` for what is there and then for every change, in order. It must not block.
    pub(crate) fn on<F>(&self, handler: F)
    where
        F: Fn(Option<&Arc<K>>, Option<&Arc<K>>) -> bool + Send + Sync + 'static,
    {
        let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        for object in self.list() {
            handler(None, Some(&object));
        }
        handlers.push(Box::new(handler));
    }

    /// Adds to `queue`, for what is there and then for every change, the keys that it asks for.
    pub(crate) fn feed_with<T, I>(
        &self,
        queue: &Arc<Queue<T>>,
        keys: impl Fn(Option<&Arc<K>>, Option<&Arc<K>>) -> I + Send + Sync + 'static,
    ) where
        T: Clone + Eq + Hash + Send + 'static,
        I: IntoIterator<Item = T>,
    {
        let queue = Arc::downgrade(queue);
        self.on(move |old, new| {
            let Some(queue) = queue.upgrade() else { return false };
            keys(old, new).into_iter().for_each(|key| queue.add(key));
            true
        });
    }

    /// Adds every object that comes, changes or goes.
    pub(crate) fn feed(&self, queue: &Arc<Queue<Key>>) {
        self.feed_with(queue, |old, new| new.or(old).map(|object| Key::of(object.as_ref())));
    }

    /// Adds the owners, of a kind, of the objects that come, change or go.
    pub(crate) fn feed_owners(&self, queue: &Arc<Queue<Key>>, kind: &'static str) {
        self.feed_with(queue, move |old, new| {
            let meta = new.or(old)?.meta();
            let owner = controller_of(meta).filter(|owner| owner.kind == kind)?;
            Some(Key::new(meta.namespace.clone().unwrap_or_default(), &*owner.name))
        });
    }

    /// Returns when all objects have been read once.
    pub(crate) async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives as long as this informer.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    fn set(&self, object: K) {
        let key = Key::of(&object);
        let object = Arc::new(object);
        let old = {
            let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
            store.entry(key.namespace).or_default().insert(key.name, object.clone())
        };
        if old
            .as_ref()
            .is_none_or(|old| old.meta().resource_version != object.meta().resource_version)
        {
            self.tell(old.as_ref(), Some(&object));
        }
    }

    fn remove(&self, key: &Key) {
        let old = {
            let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
            let Some(names) = store.get_mut(&key.namespace) else {
                return;
            };
            let old = names.remove(&key.name);
            if names.is_empty() {
                store.remove(&key.namespace);
            }
            old
        };
        if let Some(old) = old {
            self.tell(Some(&old), None);
        }
    }

    fn tell(&self, old: Option<&Arc<K>>, new: Option<&Arc<K>>) {
        let gone = {
            let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
            let mut gone = Vec::new();
            for (i, handler) in handlers.iter().enumerate() {
                if !handler(old, new) {
                    gone.push(i);
                }
            }
            gone
        };
        if !gone.is_empty() {
            let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
            for i in gone.into_iter().rev() {
                drop(handlers.swap_remove(i));
            }
        }
    }
}

impl<K> Informer<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Follows the API until the watch ends for good.
    pub(crate) async fn run(&self, api: Api<K>, config: watcher::Config) -> Result<()> {
        let mut changes = changes(api, config);
        while let Some(change) = changes.next().await {
            match change {
                Change::Set(object) => self.set(object),
                Change::Gone(identity) => self.remove(&Key::new(identity.namespace, identity.name)),
                Change::Listed => drop(self.synced.send_replace(true)),
            }
        }
        Err(Error::WatchEnded(std::any::type_name::<K>().to_owned()))
    }
}
