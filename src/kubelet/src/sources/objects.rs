//! ConfigMaps and Secrets that pods of this node refer to: each watched by its own name, as the Node authorizer demands,
//! for as long as a pod refers to it.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use follow::Soon;
use futures::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tasks::{CancellationToken, Group};
use tokio::sync::watch;

use crate::pod::mailbox::{Mailbox, Message};

const DEADLINE: Duration = Duration::from_secs(10);

/// The API could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    #[error("timed out waiting for {kind} {namespace}/{name}: {last}")]
    Deadline {
        kind: String,
        namespace: String,
        name: String,
        last: String,
    },
}

#[derive(Debug, Clone)]
enum State<K> {
    Loading(String),
    Absent,
    Present(Arc<K>),
}

struct Entry<K> {
    state: watch::Receiver<State<K>>,
    subscribers: Arc<Mutex<HashMap<String, Mailbox>>>,
    cancel: CancellationToken,
}

type Key = (String, String);

/// All watched objects of one kind.
pub(crate) struct Objects<K> {
    client: Client,
    group: Group,
    entries: Mutex<HashMap<Key, Entry<K>>>,
}

impl<K> Objects<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    pub(crate) fn new(client: Client, group: Group) -> Self {
        Self {
            client,
            group,
            entries: Mutex::default(),
        }
    }

    /// The object now, or `None` if there is none. From here on `mailbox` hears of changes.
    pub(crate) async fn get(&self, namespace: &str, name: &str, mailbox: &Mailbox) -> Result<Option<K>, ObjectError> {
        let mut state = self.subscribe(namespace, name, mailbox);
        let known = tokio::time::timeout(DEADLINE, state.wait_for(|state| !matches!(state, State::Loading(_)))).await;
        drop(known);
        let last = match &*state.borrow() {
            State::Present(object) => return Ok(Some(K::clone(object))),
            State::Absent => return Ok(None),
            State::Loading(error) => error.clone(),
        };
        let kind = K::kind(&()).into_owned();
        Err(ObjectError::Deadline {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            last,
        })
    }

    /// Ends the pod's interest in everything but `keep` (names in its namespace).
    pub(crate) fn release(&self, uid: &str, keep: &HashSet<String>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(_, name), entry| {
            let mut subscribers = entry.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            if !keep.contains(name) {
                subscribers.remove(uid);
            }
            let used = !subscribers.is_empty();
            if !used {
                entry.cancel.cancel();
            }
            used
        });
    }

    fn subscribe(&self, namespace: &str, name: &str, mailbox: &Mailbox) -> watch::Receiver<State<K>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), name.to_owned());
        let entry = entries.entry(key).or_insert_with(|| self.start(namespace, name));
        let mut subscribers = entry.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.insert(mailbox.uid().to_owned(), mailbox.clone());
        entry.state.clone()
    }

    fn start(&self, namespace: &str, name: &str) -> Entry<K> {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let (send, state) = watch::channel(State::Loading("no answer yet".to_owned()));
        let subscribers: Arc<Mutex<HashMap<String, Mailbox>>> = Arc::default();
        let cancel = self.group.token().child_token();
        let (name, told, ended) = (name.to_owned(), subscribers.clone(), cancel.clone());
        self.group.spawn("object", async move {
            let mut stream = watch_object(api, &name).backoff(Soon::default()).boxed();
            loop {
                let item = tokio::select! {
                    () = ended.cancelled() => return,
                    item = stream.next() => item,
                };
                let (next, first) = match item {
                    None => return,
                    Some(Ok(Some(object))) => (State::Present(Arc::new(object)), false),
                    Some(Ok(None)) => (State::Absent, false),
                    Some(Err(error)) if matches!(&*send.borrow(), State::Loading(_)) => {
                        (State::Loading(error.to_string()), true)
                    }
                    Some(Err(_)) => continue,
                };
                let was_known = !matches!(&*send.borrow(), State::Loading(_));
                send.send_replace(next);
                if was_known && !first {
                    for mailbox in told.lock().unwrap_or_else(PoisonError::into_inner).values() {
                        mailbox.send(Message::ObjectChanged);
                    }
                }
            }
        });
        Entry {
            state,
            subscribers,
            cancel,
        }
    }
}
