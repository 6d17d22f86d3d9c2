//! Which rows of the table a server shows: the stable versions, and what its user switched on or off besides.
//!
//! Semantics: upstream's `--runtime-config` (`k8s.io/apiserver/pkg/server/resourceconfig`), except that a group which the table
//! does not have is an error and not passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Group, Resource, groups, resources};

/// What a server shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Group versions switched on or off.
    versions: BTreeMap<(&'static str, &'static str), bool>,
    /// Resources of them.
    resources: BTreeMap<(&'static str, &'static str, &'static str), bool>,
}

/// Why a setting cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServedError {
    /// Neither `api/all` and such nor `GROUP/VERSION[/RESOURCE]`.
    Key(String),
    /// Neither `true` nor `false`.
    Value(String, String),
    /// Not in the table.
    Unknown(String, BTreeSet<String>),
}

impl fmt::Display for ServedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(
                f,
                "{key:?} is none of api/all, api/ga, api/beta, api/alpha and GROUP/VERSION[/RESOURCE]"
            ),
            Self::Value(key, value) => write!(f, "{value:?} of {key} is neither true nor false"),
            Self::Unknown(what, known) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                write!(f, "there is no {what}; there are {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for ServedError {}

/// How far a version has come, by its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Alpha,
    Beta,
    Stable,
}

impl Stage {
    fn of(version: &str) -> Self {
        if version.contains("alpha") {
            Self::Alpha
        } else if version.contains("beta") {
            Self::Beta
        } else {
            Self::Stable
        }
    }

    /// The stage that a key of all groups is about, in the order in which upstream takes such keys; none for all stages.
    const KEYS: [(&str, Option<Self>); 4] = [
        ("api/all", None),
        ("api/ga", Some(Self::Stable)),
        ("api/beta", Some(Self::Beta)),
        ("api/alpha", Some(Self::Alpha)),
    ];
}

impl Served {
    /// Reads `KEY=BOOL,…`; a key alone is switched on. What is more precise has the last word, whatever the order.
    pub fn parse(text: &str) -> Result<Self, ServedError> {
        let mut settings = BTreeMap::new();
        for setting in text.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, "true"));
            let is_on = match value {
                "true" | "True" | "TRUE" | "t" | "T" | "1" => true,
                "false" | "False" | "FALSE" | "f" | "F" | "0" => false,
                other => return Err(ServedError::Value(key.to_owned(), other.to_owned())),
            };
            settings.insert(key, is_on);
        }
        let mut served = Self::default();
        for (key, stage) in Stage::KEYS {
            let Some(is_on) = settings.remove(key) else { continue };
            let all = group_versions().filter(|(_, version)| stage.is_none_or(|stage| Stage::of(version) == stage));
            served.versions.extend(all.map(|row| (row, is_on)));
        }
        for (key, is_on) in settings {
            served.set(key, is_on)?;
        }
        Ok(served)
    }

    fn set(&mut self, key: &str, is_on: bool) -> Result<(), ServedError> {
        let parts: Vec<&str> = key.split('/').collect();
        let (group, version, plural) = match parts[..] {
            // as it is written in paths, and in upstream's own examples
            ["" | "api", "v1"] | ["v1"] => ("", "v1", None),
            [group, version] if group != "api" => (group, version, None),
            ["" | "api", "v1", plural] => ("", "v1", Some(plural)),
            [group, version, plural] => (group, version, Some(plural)),
            _ => return Err(ServedError::Key(key.to_owned())),
        };
        let known = group_versions().find(|row| *row == (group, version));
        let Some(row) = known else {
            let all = group_versions().filter(|(name, _)| !name.is_empty());
            let of_group = all.clone().filter(|(name, _)| *name == group);
            let named = |row: (&str, &str)| format!("{}/{}", row.0, row.1);
            let mut known: BTreeSet<String> = of_group.map(named).collect();
            if known.is_empty() {
                known = all.map(named).collect();
            }
            return Err(ServedError::Unknown(format!("{group}/{version}"), known));
        };
        let Some(plural) = plural else {
            self.versions.insert(row, is_on);
            return Ok(());
        };
        let of_version = resources().iter().filter(|one| (one.group, one.version) == row);
        let Some(found) = of_version.clone().find(|one| one.plural == plural) else {
            let known = of_version.map(|one| one.plural.to_owned()).collect();
            let what = format!("resource {plural} in {group}/{version}");
            return Err(ServedError::Unknown(what, known));
        };
        self.resources.insert((row.0, row.1, found.plural), is_on);
        Ok(())
    }

    /// Whether the resource is shown.
    pub fn has(&self, resource: &Resource) -> bool {
        let one = self.resources.get(&(resource.group, resource.version, resource.plural));
        let all = || self.versions.get(&(resource.group, resource.version)).copied();
        one.copied()
            .or_else(all)
            .unwrap_or_else(|| Stage::of(resource.version) == Stage::Stable)
    }

    /// All resources shown, in discovery's order.
    pub fn resources(&self) -> impl Iterator<Item = &'static Resource> + '_ {
        resources().iter().filter(|resource| self.has(resource))
    }

    /// The resource with this plural name, if it is shown.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
        crate::resource(group, version, plural).filter(|resource| self.has(resource))
    }

    /// The versions of a group that have resources shown, the preferred one first.
    pub fn versions(&self, group: &'static Group) -> impl Iterator<Item = &'static str> + '_ {
        let has_any = |version: &str| {
            let mut all = resources().iter();
            all.any(|one| one.group == group.name && one.version == version && self.has(one))
        };
        group.versions.iter().copied().filter(move |version| has_any(version))
    }

    /// All group versions that have resources shown, in discovery's order.
    pub fn group_versions(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        groups()
            .iter()
            .flat_map(|group| self.versions(group).map(move |version| (group.name, version)))
    }
}

fn group_versions() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    groups()
        .iter()
        .flat_map(|group| group.versions.iter().map(|version| (group.name, *version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETA: (&str, &str) = ("coordination.k8s.io", "v1beta1");
    const ALPHA: (&str, &str) = ("internal.apiserver.k8s.io", "v1alpha1");

    fn shown(text: &str) -> Vec<(&'static str, &'static str)> {
        let served = Served::parse(text).expect(text);
        served.group_versions().collect()
    }

    #[test]
    fn only_stable_versions_are_served_by_default() {
        let all = shown("");
        assert!(
            all.iter().all(|(_, version)| Stage::of(version) == Stage::Stable),
            "{all:?}"
        );
        assert!(all.contains(&("coordination.k8s.io", "v1")));
    }

    #[test]
    fn stages_groups_and_resources_are_switched() {
        let beta = shown("api/beta=true");
        assert!(beta.contains(&BETA) && !beta.contains(&ALPHA));
        let all = shown("api/all=true");
        assert!(all.contains(&BETA) && all.contains(&ALPHA));
        let one = shown("internal.apiserver.k8s.io/v1alpha1");
        assert!(!one.contains(&BETA) && one.contains(&ALPHA));
        let none = shown("batch/v1=false");
        assert!(!none.iter().any(|(group, _)| *group == "batch"));
        let served = Served::parse("batch/v1/cronjobs=false").expect("served");
        assert!(served.resource("batch", "v1", "cronjobs").is_none());
        assert!(served.resource("batch", "v1", "jobs").is_some());
    }

    #[test]
    fn what_is_more_precise_has_the_last_word() {
        let all = shown("coordination.k8s.io/v1beta1=false,api/beta=true");
        assert!(!all.contains(&BETA));
        let all = shown("coordination.k8s.io/v1beta1/leasecandidates=true,api/beta=false");
        assert!(all.contains(&BETA));
        assert_eq!(shown("api/all=false,v1=true"), [("", "v1")]);
    }

    #[test]
    fn what_cannot_be_understood_says_what_could() {
        let error = |text: &str| Served::parse(text).expect_err(text).to_string();
        assert!(error("beta").contains("GROUP/VERSION"));
        assert!(error("api/gamma=true").contains("api/beta"));
        assert_eq!(error("api/beta=yes"), "\"yes\" of api/beta is neither true nor false");
        assert_eq!(
            error("autoscaling/v3=true"),
            "there is no autoscaling/v3; there are autoscaling/v1, autoscaling/v2"
        );
        assert!(error("nothing.example/v1").contains("there is no nothing.example/v1; there are"));
        assert_eq!(
            error("batch/v1/pods=true"),
            "there is no resource pods in batch/v1; there are cronjobs, jobs"
        );
    }
}
