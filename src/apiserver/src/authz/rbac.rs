//! RBAC: roles and bindings kept parsed, brought up to date from the store before each decision.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use store::{Store, StoreError, Watch};

use super::{Attributes, Decision};
use crate::User;

/// One rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) verbs: Vec<String>,
    pub(crate) api_groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    pub(crate) non_resource_urls: Vec<String>,
}

fn names(list: &[String], wanted: &str) -> bool {
    list.iter().any(|own| own == "*" || own == wanted)
}

impl Rule {
    pub(crate) fn allows(&self, asked: &Attributes) -> bool {
        if !names(&self.verbs, &asked.verb) {
            return false;
        }
        if let Some(path) = &asked.path {
            return self.non_resource_urls.iter().any(|url| match url.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => url == path,
            });
        }
        names(&self.api_groups, &asked.group)
            && self.names_resource(&asked.resource, &asked.subresource)
            && (self.resource_names.is_empty() || self.resource_names.contains(&asked.name))
    }

    fn names_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|own| match own.split_once('/') {
            None if own == "*" => true,
            None => subresource.is_empty() && own == resource,
            Some(("*", sub)) => sub == subresource && !subresource.is_empty(),
            Some((name, sub)) => name == resource && sub == subresource,
        })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Role {
    metadata: Metadata,
    rules: Option<Vec<Rule>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Subject {
    kind: String,
    name: String,
    namespace: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct RoleRef {
    kind: String,
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Binding {
    metadata: Metadata,
    subjects: Option<Vec<Subject>>,
    role_ref: RoleRef,
}

/// The four kinds, parsed, by key. Cluster-wide ones have an empty namespace.
#[derive(Debug, Default)]
struct Parsed {
    roles: HashMap<(String, String), Arc<[Rule]>>,
    bindings: BTreeMap<String, Arc<Binding>>,
}

#[derive(Debug)]
struct State {
    parsed: Parsed,
    /// Roles, cluster roles, role bindings, cluster role bindings.
    watches: Vec<Watch>,
}

impl State {
    /// Takes in what has been written since. After an error, rights of old may be in it.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        for (plural, watch) in COLLECTIONS.into_iter().zip(&mut self.watches) {
            for event in watch.ready()? {
                if event.deleted {
                    self.parsed.remove(plural, &event.entry.key);
                } else {
                    self.parsed.put(plural, &event.entry.key, &event.entry.value);
                }
            }
        }
        Ok(())
    }
}

/// The RBAC authorizer.
pub(crate) struct Rbac {
    store: Arc<dyn Store>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Rbac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rbac").finish_non_exhaustive()
    }
}

const COLLECTIONS: [&str; 4] = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"];

impl Rbac {
    pub(crate) async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let rbac = Self {
            store,
            state: Mutex::new(State {
                parsed: Parsed::default(),
                watches: Vec::new(),
            }),
        };
        let state = rbac.read_all().await?;
        *rbac.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(rbac)
    }

    async fn read_all(&self) -> Result<State, StoreError> {
        let mut state = State {
            parsed: Parsed::default(),
            watches: Vec::new(),
        };
        for plural in COLLECTIONS {
            let prefix = crate::storage::collection("rbac.authorization.k8s.io", plural);
            let query = store::RangeQuery::all(&prefix);
            let range = self.store.range(query).await?;
            for entry in &range.entries {
                state.parsed.put(plural, &entry.key, &entry.value);
            }
            state.watches.push(self.store.watch(&prefix, range.revision)?);
        }
        Ok(state)
    }

    /// Brings the rights up to date, from the store as a whole if a watch has been left behind.
    async fn with_current<T>(&self, read: impl FnOnce(&Parsed) -> T) -> Result<T, StoreError> {
        {
            let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match guard.catch_up() {
                Ok(()) => return Ok(read(&guard.parsed)),
                Err(error) => tracing::info!(%error, "rbac fell behind the store and reads all roles and bindings"),
            }
        }
        let fresh = self.read_all().await?;
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *guard = fresh;
        Ok(read(&guard.parsed))
    }

    pub(crate) async fn decide(&self, user: &User, asked: &Attributes) -> Result<Decision, StoreError> {
        self.with_current(|parsed| {
            let mut missing = Vec::new();
            for binding in parsed.bindings_of(user, &asked.namespace) {
                match parsed.rules(binding) {
                    Some(rules) if rules.iter().any(|rule| rule.allows(asked)) => {
                        return Decision::Allow(allowed_by(binding));
                    }
                    Some(_) => {}
                    None => missing.push(missing_role(binding)),
                }
            }
            if missing.is_empty() {
                return Decision::NoOpinion(String::new());
            }
            Decision::NoOpinion(format!("RBAC: {}", missing.join(", ")))
        })
        .await
    }

    /// All rules that apply to the user in the namespace.
    pub(crate) async fn rules_of(&self, user: &User, namespace: &str) -> Result<Vec<Rule>, StoreError> {
        self.with_current(|parsed| {
            let bindings = parsed.bindings_of(user, namespace);
            bindings
                .filter_map(|binding| parsed.rules(binding))
                .flat_map(|rules| rules.to_vec())
                .collect()
        })
        .await
    }

    /// The rules of a role that a binding is about to refer to.
    pub(crate) async fn rules_of_role(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<[Rule]>>, StoreError> {
        let namespace = if kind == "Role" { namespace } else { "" };
        self.with_current(|parsed| parsed.roles.get(&(namespace.to_owned(), name.to_owned())).cloned())
            .await
    }
}

impl Parsed {
    fn put(&mut self, plural: &str, key: &str, value: &[u8]) {
        if plural.ends_with("bindings") {
            match serde_json::from_slice::<Binding>(value) {
                Ok(binding) => drop(self.bindings.insert(key.to_owned(), Arc::new(binding))),
                Err(error) => tracing::warn!(key, %error, "an unreadable binding grants nothing"),
            }
        } else {
            match serde_json::from_slice::<Role>(value) {
                Ok(role) => {
                    let rules = Arc::from(role.rules.unwrap_or_default());
                    self.roles.insert((role.metadata.namespace, role.metadata.name), rules);
                }
                Err(error) => tracing::warn!(key, %error, "an unreadable role grants nothing"),
            }
        }
    }

    fn remove(&mut self, plural: &str, key: &str) {
        if plural.ends_with("bindings") {
            self.bindings.remove(key);
            return;
        }
        let mut tail = key.rsplit('/');
        let name = tail.next().unwrap_or_default().to_owned();
        let namespace = if plural == "roles" {
            tail.next().unwrap_or_default()
        } else {
            ""
        };
        self.roles.remove(&(namespace.to_owned(), name));
    }

    fn bindings_of<'a>(&'a self, user: &'a User, namespace: &'a str) -> impl Iterator<Item = &'a Binding> {
        self.bindings
            .values()
            .map(|binding| &**binding)
            .filter(move |binding| binding.metadata.namespace.is_empty() || binding.metadata.namespace == namespace)
            .filter(move |binding| {
                binding
                    .subjects
                    .iter()
                    .flatten()
                    .any(|subject| subject.is(user, &binding.metadata.namespace))
            })
    }

    fn rules(&self, binding: &Binding) -> Option<&Arc<[Rule]>> {
        let namespace = if binding.role_ref.kind == "Role" {
            binding.metadata.namespace.clone()
        } else {
            String::new()
        };
        self.roles.get(&(namespace, binding.role_ref.name.clone()))
    }
}

impl Subject {
    fn is(&self, user: &User, namespace: &str) -> bool {
        match self.kind.as_str() {
            "User" => self.name == "*" || self.name == user.name,
            "Group" => user.is_in(&self.name),
            "ServiceAccount" => {
                let own = if self.namespace.is_empty() {
                    namespace
                } else {
                    &self.namespace
                };
                user.service_account() == Some((own, &self.name))
            }
            _ => false,
        }
    }
}

fn allowed_by(binding: &Binding) -> String {
    let (kind, name) = if binding.metadata.namespace.is_empty() {
        ("ClusterRoleBinding", binding.metadata.name.clone())
    } else {
        (
            "RoleBinding",
            format!("{}/{}", binding.metadata.name, binding.metadata.namespace),
        )
    };
    let role = &binding.role_ref;
    format!("RBAC: allowed by {kind} \"{name}\" of {} \"{}\"", role.kind, role.name)
}

fn missing_role(binding: &Binding) -> String {
    let kind = binding.role_ref.kind.to_lowercase();
    format!(
        "{kind}.rbac.authorization.k8s.io \"{}\" not found",
        binding.role_ref.name
    )
}
