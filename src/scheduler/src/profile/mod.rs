//! Profiles: which plugins decide about a pod, by the scheduler's name in the pod, and what they are told.
//!
//! The form is upstream's `KubeSchedulerConfiguration` (`kubescheduler.config.k8s.io/v1`).

mod args;
mod plugins;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use args::{Args, DefaultSpread, StrategyKind};
pub(crate) use plugins::Plugins;

/// The name that pods have unless they say another.
const DEFAULT: &str = "default-scheduler";

/// What is wrong with a configuration, and where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{at}: {what}")]
pub struct ProfileError {
    at: String,
    what: String,
}

impl ProfileError {
    fn new(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            what: what.into(),
        }
    }
}

/// How pods of one scheduler's name are placed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) plugins: Plugins,
    pub(crate) args: Args,
}

/// All profiles, and what holds for each.
#[derive(Debug, Clone)]
pub struct Profiles {
    by_name: BTreeMap<String, Arc<Profile>>,
    /// How long a pod that fitted nowhere waits at first, and at most.
    pub(crate) backoff: (Duration, Duration),
}

impl Default for Profiles {
    fn default() -> Self {
        Self {
            by_name: BTreeMap::from([(DEFAULT.to_owned(), Arc::default())]),
            backoff: (Duration::from_secs(1), Duration::from_secs(10)),
        }
    }
}

impl Profiles {
    /// Reads a `KubeSchedulerConfiguration` in YAML.
    pub fn read(text: &str) -> Result<Self, ProfileError> {
        read::read(text)
    }

    /// The profile of this name; `None` if its pods are another scheduler's affair.
    pub(crate) fn get(&self, scheduler: &str) -> Option<&Arc<Profile>> {
        self.by_name.get(scheduler)
    }
}
