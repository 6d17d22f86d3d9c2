//! `addon.yaml`: what an addon is, for people and for the commands.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What an addon says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Info {
    /// Its name, as commands take it.
    pub name: String,
    /// A few words.
    pub title: Text,
    /// What it does for the user.
    pub summary: Text,
    /// Version of the manifests.
    pub version: String,
    /// Who looks after it.
    #[serde(default = "ourselves")]
    pub maintainer: String,
    /// Every cluster has it and cannot be without.
    #[serde(default)]
    pub required: bool,
    /// A new cluster has it unless it is disabled.
    #[serde(default)]
    pub default: bool,
    /// Images that do not come with rkube, by the name that manifests and `--images` use.
    #[serde(default)]
    pub images: BTreeMap<String, Image>,
    /// Addons that it needs.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// What can be configured.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// What must be up before it counts as enabled.
    #[serde(default)]
    pub ready: Vec<Target>,
    /// What `open` opens.
    #[serde(default)]
    pub open: Option<Open>,
    /// What to know once it is enabled; values are filled in as in manifests.
    #[serde(default)]
    pub note: Option<Text>,
}

fn ourselves() -> String {
    "rkube".to_owned()
}

/// A text in the languages that rkube speaks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// An image of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The registry's host.
    pub registry: String,
    /// Repository and tag or digest.
    pub image: String,
    /// How it is composed where no registry has it: the name of a recipe of rkube's own, or, in a user's addon, of a file in
    /// a folder below the addon's.
    #[serde(default)]
    pub recipe: Option<String>,
}

/// Something that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Setting {
    /// What its value is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its value unless configured.
    pub default: Value,
    /// The least that a number may be.
    #[serde(default)]
    pub minimum: Option<i64>,
    /// The most that a number may be.
    #[serde(default)]
    pub maximum: Option<i64>,
    /// What it does.
    pub description: Text,
}

impl Setting {
    /// What is wrong with a value of the right type.
    pub(crate) fn refuses(&self, value: &Value) -> Option<String> {
        let number = value.as_i64()?;
        match (self.minimum, self.maximum) {
            (Some(least), _) if number < least => Some(format!("{number} is less than {least}")),
            (_, Some(most)) if number > most => Some(format!("{number} is more than {most}")),
            _ => None,
        }
    }
}

/// Types of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl Kind {
    /// Reads a value as a user types it.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::String => Some(text.into()),
            Self::Integer => text.parse::<i64>().ok().map(Value::from),
            Self::Boolean => text.parse::<bool>().ok().map(Value::from),
        }
    }

    /// As `addon.yaml` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }
}

/// An object to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Its kind: `Deployment`, `DaemonSet`, `StatefulSet` or `APIService`.
    pub kind: String,
    /// Its namespace, if it has one.
    #[serde(default)]
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A page of an addon.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Open {
    /// Namespace of the service.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Its port.
    pub port: u16,
    /// Path of the page.
    #[serde(default)]
    pub path: String,
}
