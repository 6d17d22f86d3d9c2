//! What an addon has put into a cluster, kept there: a config map for each addon, in `kube-system`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::apply::MANAGER;
use crate::error::AddonError;

const NAMESPACE: &str = "kube-system";
const LABEL: &str = "rkube.io/addon";
const PREFIX: &str = "rkube-addon-";

/// Whether a cluster has an addon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has.
    Enabled,
    /// It has not, and is not to get it by itself.
    Disabled,
}

impl State {
    /// As commands print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// An object of an addon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Reference {
    pub(crate) fn of(object: &Value) -> Self {
        let text = |pointer: &str| {
            let text = object.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }

    /// True if both are one object: its version may have changed.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let group = |reference: &Self| {
            let (group, _) = reference.api_version.split_once('/').unwrap_or(("", ""));
            group.to_owned()
        };
        group(self) == group(other)
            && (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }
}

/// An addon's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) state: State,
    pub(crate) version: String,
    /// Of the objects that were applied; empty while an apply is under way.
    pub(crate) digest: String,
    /// Everything that may be in the cluster, in the order of applying.
    pub(crate) objects: Vec<Reference>,
}

fn maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}

fn name(addon: &str) -> String {
    format!("{PREFIX}{addon}")
}

fn failed(addon: &str) -> impl FnOnce(kube::Error) -> AddonError {
    let name = name(addon);
    move |source| AddonError::Object {
        kind: "ConfigMap".to_owned(),
        name,
        source: Box::new(source),
    }
}

pub(crate) async fn read(client: &Client, addon: &str) -> Result<Option<Record>, AddonError> {
    let found = maps(client).get_opt(&name(addon)).await.map_err(failed(addon))?;
    Ok(found.map(|map| parse(&map)))
}

/// All records, by addon.
pub(crate) async fn all(client: &Client) -> Result<BTreeMap<String, Record>, AddonError> {
    let params = ListParams::default().labels(LABEL);
    let found = maps(client).list(&params).await.map_err(failed(""))?;
    let record = |map: &ConfigMap| Some((map.labels().get(LABEL)?.clone(), parse(map)));
    Ok(found.items.iter().filter_map(record).collect())
}

pub(crate) async fn write(client: &Client, addon: &str, record: &Record) -> Result<(), AddonError> {
    let objects = serde_json::to_string(&record.objects).map_err(|error| AddonError::Io(error.into()))?;
    let data = [
        ("state", record.state.name().to_owned()),
        ("version", record.version.clone()),
        ("digest", record.digest.clone()),
        ("objects", objects),
    ];
    let map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(name(addon)),
            labels: Some([(LABEL.to_owned(), addon.to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some(data.map(|(key, value)| (key.to_owned(), value)).into()),
        ..ConfigMap::default()
    };
    let params = PatchParams::apply(MANAGER).force();
    let written = maps(client).patch(&name(addon), &params, &Patch::Apply(&map)).await;
    written.map(drop).map_err(failed(addon))
}

pub(crate) async fn forget(client: &Client, addon: &str) -> Result<(), AddonError> {
    match maps(client).delete(&name(addon), &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop).map_err(failed(addon)),
    }
}

/// A map that somebody has damaged counts as an addon of nothing: nothing of it is pruned, and applying repairs it.
fn parse(map: &ConfigMap) -> Record {
    let text = |key: &str| {
        let text = map.data.as_ref().and_then(|data| data.get(key));
        text.cloned().unwrap_or_default()
    };
    Record {
        state: if text("state") == State::Disabled.name() {
            State::Disabled
        } else {
            State::Enabled
        },
        version: text("version"),
        digest: text("digest"),
        objects: serde_json::from_str(&text("objects")).unwrap_or_default(),
    }
}
