//! From a watcher's events to changes.

use std::collections::HashMap;
use std::fmt::Debug;

use futures::stream::{self, BoxStream, StreamExt as _};
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::Soon;

/// One change of what is followed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<K> {
    /// The object is there, in this state. Managed fields are left out: they are often its larger part, and nobody who
    /// follows reads them.
    Set(K),
    /// The object is gone. One of the same name and another UID may follow at once.
    Gone(Identity),
    /// Everything that was there has been told; comes after the first list and after each one made anew.
    Listed,
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Empty for kinds without namespaces.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The changes of all objects that `api` and `config` cover, for ever. Broken watches begin again by themselves, soon; what
/// was missed meanwhile comes as changes like any other.
pub fn changes<K>(api: Api<K>, config: Config) -> BoxStream<'static, Change<K>>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut known = Known::default();
    let events = watcher(api, config).backoff(Soon::default());
    let told = events.flat_map(move |event| {
        stream::iter(match event {
            Ok(event) => known.take(event),
            Err(error) => {
                tracing::debug!(%error, kind = std::any::type_name::<K>(), "the watch broke; trying again");
                Vec::new()
            }
        })
    });
    told.boxed()
}

type Key = (String, String);

/// UIDs of what is there, to tell what a new list no longer has.
#[derive(Default)]
struct Known {
    present: HashMap<Key, String>,
    /// Of `present`, what the list in progress has not named yet.
    unconfirmed: HashMap<Key, String>,
}

impl Known {
    fn take<K: Resource>(&mut self, event: Event<K>) -> Vec<Change<K>> {
        match event {
            Event::Apply(object) | Event::InitApply(object) => self.set(object),
            Event::Delete(object) => {
                let key = key(&object);
                let uid = self.present.remove(&key);
                let uid = object.uid().or(uid).unwrap_or_default();
                vec![gone(key, uid)]
            }
            Event::Init => {
                self.unconfirmed.clone_from(&self.present);
                Vec::new()
            }
            Event::InitDone => {
                let missing = std::mem::take(&mut self.unconfirmed);
                for key in missing.keys() {
                    self.present.remove(key);
                }
                let gone = missing.into_iter().map(|(key, uid)| gone(key, uid));
                gone.chain([Change::Listed]).collect()
            }
        }
    }

    fn set<K: Resource>(&mut self, mut object: K) -> Vec<Change<K>> {
        let (key, uid) = (key(&object), object.uid().unwrap_or_default());
        self.unconfirmed.remove(&key);
        object.meta_mut().managed_fields = None;
        match self.present.insert(key.clone(), uid.clone()) {
            Some(old) if old != uid => vec![gone(key, old), Change::Set(object)],
            _ => vec![Change::Set(object)],
        }
    }
}

fn key<K: Resource>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn gone<K>((namespace, name): Key, uid: String) -> Change<K> {
    Change::Gone(Identity { namespace, name, uid })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(name: &str, uid: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.uid = Some(uid.to_owned());
        object
    }

    fn told(known: &mut Known, events: Vec<Event<ConfigMap>>) -> Vec<String> {
        let changes = events.into_iter().flat_map(|event| known.take(event));
        changes
            .map(|change| match change {
                Change::Set(object) => format!("+{}", object.name_any()),
                Change::Gone(identity) => format!("-{}/{}", identity.name, identity.uid),
                Change::Listed => "listed".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_new_list_tells_what_has_gone_meanwhile() {
        let mut known = Known::default();
        let first = vec![
            Event::Init,
            Event::InitApply(object("a", "1")),
            Event::InitApply(object("b", "2")),
            Event::InitDone,
            Event::Apply(object("c", "3")),
            Event::Delete(object("a", "1")),
        ];
        assert_eq!(told(&mut known, first), ["+a", "+b", "listed", "+c", "-a/1"]);
        let second = vec![Event::Init, Event::InitApply(object("c", "3")), Event::InitDone];
        assert_eq!(told(&mut known, second), ["+c", "-b/2", "listed"]);
    }

    #[test]
    fn a_list_that_broke_off_takes_nothing_away() {
        let mut known = Known::default();
        let events = vec![
            Event::Init,
            Event::InitApply(object("a", "1")),
            Event::InitDone,
            Event::Init,
            Event::Init,
            Event::InitApply(object("a", "1")),
            Event::InitDone,
        ];
        assert_eq!(told(&mut known, events), ["+a", "listed", "+a", "listed"]);
    }

    #[test]
    fn another_object_of_the_same_name_is_another_object() {
        let mut known = Known::default();
        let events = vec![Event::Apply(object("a", "1")), Event::Apply(object("a", "2"))];
        assert_eq!(told(&mut known, events), ["+a", "-a/1", "+a"]);
    }
}
