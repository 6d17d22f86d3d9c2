//! Which addons a user wants in a cluster, and how: kept with the profile, so that it is known while the cluster is stopped
//! and done at the next start.

use std::collections::BTreeMap;

use addons::{Addon, Catalogue, Choice};
use cluster::ClusterError;

use crate::context::Context;
use crate::failure::Failure;

const FILE: &str = "addons.json";

/// Choices by addon. Those that are not in it are as a new cluster has them.
#[derive(Debug, Default)]
pub(super) struct Wishes(pub(super) BTreeMap<String, Choice>);

impl Wishes {
    pub(super) fn read(context: &Context) -> Result<Self, Failure> {
        let Some(text) = context.profiles.read_file(&context.profile, FILE)? else {
            return Ok(Self::default());
        };
        let wishes = serde_json::from_str(&text);
        Ok(Self(wishes.map_err(|error| ClusterError::BrokenProfile {
            path: FILE.to_owned(),
            reason: error.to_string(),
        })?))
    }

    pub(super) fn write(&self, context: &Context) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(&self.0).map_err(|error| Failure::internal(&error))?;
        Ok(context.profiles.write_file(&context.profile, FILE, &text)?)
    }

    /// The choice for an addon.
    pub(super) fn of(&self, addon: &Addon) -> Choice {
        let usual = Choice {
            enabled: addon.info.required || addon.info.default,
            ..Choice::default()
        };
        self.0.get(&addon.info.name).cloned().unwrap_or(usual)
    }

    /// Notes that addons and all that they need are wanted; gives them, each behind what it needs.
    pub(super) fn want<'a>(&mut self, catalogue: &'a Catalogue, names: &[String]) -> Result<Vec<&'a Addon>, Failure> {
        let wanted = catalogue.in_order(names.iter().map(String::as_str))?;
        for addon in &wanted {
            let mut choice = self.of(addon);
            choice.enabled = true;
            self.set(addon, choice);
        }
        Ok(wanted)
    }

    /// Notes a choice; what a new cluster has by itself needs no note.
    pub(super) fn set(&mut self, addon: &Addon, choice: Choice) {
        self.0.remove(&addon.info.name);
        if self.of(addon) != choice {
            self.0.insert(addon.info.name.clone(), choice);
        }
    }
}
