//! Objects as they are followed, reduced to what matters here.

use std::collections::HashMap;

use follow::{Change, Identity};
use kube::ResourceExt as _;

type Reduce<K, V> = Box<dyn Fn(&K) -> Option<V> + Send>;

/// Objects of one kind, by namespace and name.
pub(crate) struct Reduced<K, V> {
    pub(crate) seen: HashMap<String, V>,
    reduce: Reduce<K, V>,
    /// Everything that was there has been seen.
    pub(crate) listed: bool,
}

impl<K: kube::Resource, V: PartialEq> Reduced<K, V> {
    pub(crate) fn new(reduce: impl Fn(&K) -> Option<V> + Send + 'static) -> Self {
        Self {
            seen: HashMap::new(),
            reduce: Box::new(reduce),
            listed: false,
        }
    }

    /// True if something changed.
    pub(crate) fn take(&mut self, change: Change<K>) -> bool {
        match change {
            Change::Set(object) => {
                let key = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
                match (self.reduce)(&object) {
                    Some(value) if self.seen.get(&key) == Some(&value) => false,
                    Some(value) => {
                        self.seen.insert(key, value);
                        true
                    }
                    None => self.seen.remove(&key).is_some(),
                }
            }
            Change::Gone(Identity { namespace, name, .. }) => {
                self.seen.remove(&format!("{namespace}/{name}")).is_some()
            }
            Change::Listed => !std::mem::replace(&mut self.listed, true),
        }
    }

    /// As at the beginning.
    pub(crate) fn forget(&mut self) {
        self.seen = HashMap::new();
        self.listed = false;
    }
}
