//! Objects into a cluster and out of it again.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;

use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, ResourceExt as _, discovery};
use serde_json::Value;

use crate::error::AddonError;
use crate::owner;
use crate::record::Reference;

/// The field manager of everything that addons own.
pub(crate) const MANAGER: &str = "rkube-addons";

/// How long a namespace may take to end.
const NAMESPACE_END: Duration = Duration::from_mins(1);

/// On an object that stays when its addon goes: it holds data of the user's.
const KEEP: &str = "rkube.io/keep";

/// On an object that others often have one of that name of. Its value says what to type then.
const OWN: &str = "rkube.io/own";

/// A client that has learned what kinds there are.
pub(crate) struct Applier<'a> {
    client: &'a Client,
    addon: &'a str,
    kinds: BTreeMap<(String, String), ApiResource>,
}

impl<'a> Applier<'a> {
    pub(crate) fn new(client: &'a Client, addon: &'a str) -> Self {
        Self {
            client,
            addon,
            kinds: BTreeMap::new(),
        }
    }

    /// Refuses to begin if one of the objects is there already and somebody else's: applying would change it, and disabling
    /// would delete it.
    pub(crate) async fn check(&mut self, objects: &[Value]) -> Result<(), AddonError> {
        for object in objects {
            let reference = Reference::of(object);
            if is_namespace(&reference) {
                continue;
            }
            let live = match self.live(&reference).await {
                // the addon itself brings the kind
                Err(kube::Error::Discovery(_)) => None,
                Err(kube::Error::Api(status)) if status.code == 404 => None,
                other => other.map_err(|source| failed(&reference, source))?,
            };
            if let Some(live) = live.filter(|live| !owner::is_addon(live, self.addon)) {
                let advice = object["metadata"]["annotations"][OWN].as_str();
                return Err(AddonError::Taken {
                    addon: self.addon.to_owned(),
                    whose: owner::of(&live),
                    advice: advice.map_or_else(|| owner::advice(self.addon, &reference, &live), str::to_owned),
                    kind: reference.kind,
                    name: match reference.namespace.as_str() {
                        "" => reference.name,
                        namespace => format!("{namespace}/{}", reference.name),
                    },
                });
            }
        }
        Ok(())
    }

    /// Applies one object server-side; what others set in the same fields gives way. A namespace that somebody else made is
    /// taken as it is.
    pub(crate) async fn apply(&mut self, object: &Value) -> Result<(), AddonError> {
        let reference = Reference::of(object);
        let work = async {
            if is_namespace(&reference) && self.is_elses(&reference).await? {
                tracing::info!(name = reference.name, "the namespace is there already; left as it is");
                return Ok(());
            }
            let params = PatchParams::apply(MANAGER).force();
            let api = self.api(&reference).await?;
            api.patch(&reference.name, &params, &Patch::Apply(object))
                .await
                .map(drop)
        };
        work.await.map_err(|source| failed(&reference, source))
    }

    /// Whether a namespace is there, is to stay, and is not the addon's.
    async fn is_elses(&mut self, reference: &Reference) -> Result<bool, kube::Error> {
        outlast(&self.api(reference).await?, &reference.name).await?;
        let live = self.live(reference).await?;
        Ok(live.is_some_and(|live| !owner::is_addon(&live, self.addon)))
    }

    async fn live(&mut self, reference: &Reference) -> Result<Option<DynamicObject>, kube::Error> {
        self.api(reference).await?.get_opt(&reference.name).await
    }

    /// Takes an object away, unless it is gone or is not what was applied: somebody made another of that name since.
    pub(crate) async fn remove(&mut self, reference: &Reference) -> Result<(), AddonError> {
        match self.try_remove(reference).await {
            // the object or its whole kind is gone
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(kube::Error::Discovery(_)) => Ok(()),
            other => other.map_err(|source| failed(reference, source)),
        }
    }

    async fn try_remove(&mut self, reference: &Reference) -> Result<(), kube::Error> {
        let api = self.api(reference).await?;
        let live = api.get(&reference.name).await?;
        if !owner::is_addon(&live, self.addon) {
            tracing::info!(kind = reference.kind, name = reference.name, "not ours; left alone");
            return Ok(());
        }
        if live.annotations().get(KEEP).map(String::as_str) == Some("true") {
            tracing::info!(kind = reference.kind, name = reference.name, "holds data; left alone");
            return Ok(());
        }
        let params = DeleteParams::background();
        let params = match live.uid() {
            Some(uid) => params.preconditions(kube::api::Preconditions {
                uid: Some(uid),
                resource_version: None,
            }),
            None => params,
        };
        api.delete(&reference.name, &params).await.map(drop)
    }

    /// The collection that an object is in.
    pub(crate) async fn api(&mut self, reference: &Reference) -> Result<Api<DynamicObject>, kube::Error> {
        let key = (reference.api_version.clone(), reference.kind.clone());
        let resource = if let Some(known) = self.kinds.get(&key) {
            known.clone()
        } else {
            let (group, version) = key.0.split_once('/').unwrap_or(("", &key.0));
            let kind = GroupVersionKind::gvk(group, version, &key.1);
            let (found, _) = discovery::pinned_kind(self.client, &kind).await?;
            self.kinds.insert(key, found.clone());
            found
        };
        let client = self.client.clone();
        Ok(if reference.namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, &reference.namespace, &resource)
        })
    }
}

/// Waits for the end of a namespace that is on its way out, as it is after disabling: it takes nothing new. If it takes too long,
/// the API says what is the matter.
async fn outlast(api: &Api<DynamicObject>, name: &str) -> Result<(), kube::Error> {
    let live = api.get_opt(name).await?;
    let ending = live.filter(|live| live.metadata.deletion_timestamp.is_some());
    if let Some(uid) = ending.and_then(|live| live.uid()) {
        let gone = await_condition(api.clone(), name, conditions::is_deleted(&uid));
        let _ = tokio::time::timeout(NAMESPACE_END, gone).await;
    }
    Ok(())
}

fn is_namespace(reference: &Reference) -> bool {
    (reference.api_version.as_str(), reference.kind.as_str()) == ("v1", "Namespace")
}

fn failed(reference: &Reference, source: kube::Error) -> AddonError {
    AddonError::Object {
        kind: reference.kind.clone(),
        name: reference.name.clone(),
        source: Box::new(source),
    }
}
