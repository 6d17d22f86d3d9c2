//! Which addons a user wants in a cluster, and how: kept with the profile, so that it is known while the cluster is stopped
//! and done at the next start.

use std::collections::BTreeMap;

use addons::{Addon, Catalogue, Choice};
use cluster::ClusterError;

use crate::context::Context;
use crate::failure::Failure;

const FILE: &str = "addons.json";

/// Choices by addon. Those that are not in it are as a new cluster has them. What was once said stays noted, also where a new
/// cluster would be so: this one may have it otherwise until its next start.
#[derive(Debug, Clone, Default)]
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

    /// Takes back what was noted of these addons since `before`.
    pub(super) fn restore(&mut self, addons: &[&Addon], before: &Self) {
        for addon in addons {
            let name = &addon.info.name;
            match before.0.get(name) {
                Some(choice) => self.0.insert(name.clone(), choice.clone()),
                None => self.0.remove(name),
            };
        }
    }

    /// Notes a choice.
    pub(super) fn set(&mut self, addon: &Addon, choice: Choice) {
        self.0.insert(addon.info.name.clone(), choice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_noted_before_is_not_noted_after_a_refusal() {
        let all = Catalogue::built_in().unwrap();
        let (before, mut wishes) = (Wishes::default(), Wishes::default());
        let wanted = wishes.want(&all, &["registry".to_owned()]).unwrap();
        assert!(wanted.len() > 1 && wishes.0.len() == wanted.len());
        wishes.restore(&wanted, &before);
        assert!(wishes.0.is_empty());
    }
}
