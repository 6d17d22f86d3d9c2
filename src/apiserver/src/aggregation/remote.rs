//! The APIServices that name a service, parsed, brought up to date from the store before each use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use rustls::ClientConfig;
use serde::Deserialize;
use store::{Store, StoreError, Watch};

use super::fetch::Cache;
use super::identity::Identity;
use crate::streams::pool::Pool;
use crate::{Config, storage};

#[derive(Debug, Deserialize)]
struct Document {
    metadata: Metadata,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    group: String,
    version: String,
    service: Option<Service>,
    ca_bundle: Option<String>,
    #[serde(default, rename = "insecureSkipTLSVerify")]
    insecure: bool,
    group_priority_minimum: i64,
    version_priority: i64,
}

/// The service behind an APIService.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Service {
    pub(crate) namespace: String,
    pub(crate) name: String,
    #[serde(default = "https")]
    pub(crate) port: u16,
}

fn https() -> u16 {
    443
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Debug, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
    #[serde(default)]
    message: String,
}

/// A group version that another server answers for.
#[derive(Debug)]
pub(crate) struct Remote {
    /// The APIService's name.
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) service: Service,
    /// Why nobody is to ask it now.
    pub(crate) unavailable: Option<String>,
    /// How it is reached, or why it cannot be.
    pub(super) tls: Result<Arc<ClientConfig>, String>,
    pub(crate) group_priority: i64,
    pub(crate) version_priority: i64,
}

impl Remote {
    fn of(document: Document, identity: &Identity) -> Option<Self> {
        let Document { metadata, spec, status } = document;
        let available = status.conditions.into_iter().find(|one| one.r#type == "Available");
        let bundle = spec.ca_bundle.unwrap_or_default();
        let tls = base64::engine::general_purpose::STANDARD
            .decode(bundle)
            .map_err(|error| format!("caBundle: {error}"))
            .and_then(|bundle| identity.towards(&bundle, spec.insecure));
        Some(Self {
            name: metadata.name,
            group: spec.group,
            version: spec.version,
            service: spec.service?,
            unavailable: match available {
                Some(condition) if condition.status == "True" => None,
                Some(condition) => Some(condition.message),
                None => Some("it has not been checked yet".to_owned()),
            },
            tls,
            group_priority: spec.group_priority_minimum,
            version_priority: spec.version_priority,
        })
    }
}

#[derive(Debug, Default)]
struct State {
    remotes: BTreeMap<String, Arc<Remote>>,
    watch: Option<Watch>,
}

/// Who answers for which group version.
#[derive(Debug)]
pub(crate) struct Aggregator {
    store: Arc<dyn Store>,
    identity: Identity,
    state: Mutex<State>,
    pub(super) cache: Cache,
    pub(super) pool: Arc<Pool>,
}

impl Aggregator {
    pub(crate) fn new(store: Arc<dyn Store>, config: &Config) -> Result<Self, String> {
        Ok(Self {
            store,
            identity: Identity::new(config)?,
            state: Mutex::default(),
            cache: Cache::default(),
            pool: Arc::default(),
        })
    }

    /// All of them, by name.
    pub(crate) async fn all(&self) -> Result<Vec<Arc<Remote>>, StoreError> {
        self.with_current(|remotes| remotes.values().cloned().collect()).await
    }

    /// The one that answers for requests to this path, if it is not this server itself.
    pub(crate) async fn of_path(&self, path: &str) -> Result<Option<Arc<Remote>>, StoreError> {
        let mut segments = path.split('/').filter(|part| !part.is_empty());
        let (Some("apis"), Some(group), Some(version)) = (segments.next(), segments.next(), segments.next()) else {
            return Ok(None);
        };
        self.of_group_version(group, version).await
    }

    pub(crate) async fn of_group_version(&self, group: &str, version: &str) -> Result<Option<Arc<Remote>>, StoreError> {
        let key = format!("{}{version}.{group}", prefix());
        self.with_current(|remotes| remotes.get(&key).cloned()).await
    }

    async fn with_current<T>(&self, read: impl FnOnce(&BTreeMap<String, Arc<Remote>>) -> T) -> Result<T, StoreError> {
        if !self.catch_up() {
            let state = self.read_all().await?;
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(read(&state.remotes))
    }

    /// False if the store must be read anew.
    fn catch_up(&self) -> bool {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        let Some(Ok(events)) = state.watch.as_mut().map(Watch::ready) else {
            return false;
        };
        for event in events {
            if event.deleted {
                state.remotes.remove(&*event.entry.key);
            } else {
                self.put(&mut state.remotes, &event.entry);
            }
        }
        true
    }

    async fn read_all(&self) -> Result<State, StoreError> {
        let prefix = prefix();
        let query = store::RangeQuery {
            prefix: &prefix,
            ..store::RangeQuery::default()
        };
        let range = self.store.range(query).await?;
        let mut remotes = BTreeMap::new();
        range.entries.iter().for_each(|entry| self.put(&mut remotes, entry));
        let watch = Some(self.store.watch(&prefix, range.revision)?);
        Ok(State { remotes, watch })
    }

    fn put(&self, remotes: &mut BTreeMap<String, Arc<Remote>>, entry: &store::Entry) {
        let key = entry.key.to_string();
        let parsed = serde_json::from_slice(&entry.value).inspect_err(|error| {
            tracing::warn!(key, %error, "an unreadable APIService is passed over");
        });
        match parsed.ok().and_then(|document| Remote::of(document, &self.identity)) {
            Some(remote) => drop(remotes.insert(key, Arc::new(remote))),
            None => drop(remotes.remove(&key)),
        }
    }
}

fn prefix() -> String {
    storage::collection("apiregistration.k8s.io", "apiservices")
}
