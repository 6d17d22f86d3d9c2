//! Which plugins a profile runs, at the extension points that can be configured.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::ProfileError;

/// A plugin: its name, whether it refuses nodes, and its weight if it scores them.
struct Known(&'static str, bool, Option<i64>);

/// In upstream's order.
const KNOWN: &[Known] = &[
    Known("SchedulingGates", false, None),
    Known("PrioritySort", false, None),
    Known("NodeUnschedulable", true, None),
    Known("NodeName", true, None),
    Known("TaintToleration", true, Some(3)),
    Known("NodeAffinity", true, Some(2)),
    Known("NodePorts", true, None),
    Known("NodeResourcesFit", true, Some(1)),
    Known("VolumeRestrictions", true, None),
    Known("NodeVolumeLimits", true, None),
    Known("VolumeBinding", true, None),
    Known("VolumeZone", true, None),
    Known("PodTopologySpread", true, Some(2)),
    Known("InterPodAffinity", true, Some(2)),
    Known("DynamicResources", true, None),
    Known("DefaultPreemption", false, None),
    Known("NodeResourcesBalancedAllocation", false, Some(1)),
    Known("ImageLocality", false, Some(1)),
    Known("DefaultBinder", false, None),
];

/// What keeps pods from harm: without them a pod would start without its volumes or devices, or before it may, or never.
const NEEDED: &[&str] = &[
    "SchedulingGates",
    "PrioritySort",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "DynamicResources",
    "DefaultBinder",
];

/// Where plugins can be switched on and off.
const POINTS: &[&str] = &["multiPoint", "filter", "postFilter", "score"];

/// The plugins of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Plugins {
    filters: BTreeSet<&'static str>,
    weights: BTreeMap<&'static str, i64>,
    preempts: bool,
}

impl Default for Plugins {
    fn default() -> Self {
        let scored = |Known(name, _, weight): &Known| weight.map(|weight| (*name, weight));
        Self {
            filters: KNOWN.iter().filter(|known| known.1).map(|known| known.0).collect(),
            weights: KNOWN.iter().filter_map(scored).collect(),
            preempts: true,
        }
    }
}

/// `plugins.<point>`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Set {
    enabled: Vec<Named>,
    disabled: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    weight: Option<i64>,
}

/// The plugin of this name; the error lists those there are.
pub(super) fn known(name: &str, at: &str) -> Result<&'static str, ProfileError> {
    if let Some(known) = KNOWN.iter().find(|known| known.0 == name) {
        return Ok(known.0);
    }
    let all: Vec<&str> = KNOWN.iter().map(|known| known.0).collect();
    let what = format!("there is no plugin {name:?}; there are {}", all.join(", "));
    Err(ProfileError::new(at, what))
}

impl Plugins {
    /// Whether the plugin may refuse nodes.
    pub(crate) fn filters(&self, name: &str) -> bool {
        self.filters.contains(name)
    }

    /// The weight of the plugin's score; 0 if it has none.
    pub(crate) fn weight(&self, name: &str) -> i64 {
        self.weights.get(name).copied().unwrap_or_default()
    }

    /// Whether room may be made by sending pods away.
    pub(crate) fn preempt(&self) -> bool {
        self.preempts
    }

    /// Reads `plugins` of a profile.
    pub(super) fn read(document: &Value, at: &str) -> Result<Self, ProfileError> {
        let mut plugins = Self::default();
        let Some(points) = document.as_object() else {
            return Err(ProfileError::new(at, "must be an object"));
        };
        if let Some(other) = points.keys().find(|point| !POINTS.contains(&point.as_str())) {
            let what = format!("cannot be set here; there are {}", POINTS.join(", "));
            return Err(ProfileError::new(format!("{at}.{other}"), what));
        }
        // what is said of one point goes before what is said of all
        for point in POINTS.iter().filter(|point| points.contains_key(**point)) {
            let at = format!("{at}.{point}");
            let set: Set = serde_json::from_value(points[*point].clone())
                .map_err(|error| ProfileError::new(at.clone(), error.to_string()))?;
            plugins.change(point, &set, &at)?;
        }
        Ok(plugins)
    }

    fn change(&mut self, point: &str, set: &Set, at: &str) -> Result<(), ProfileError> {
        for named in &set.disabled {
            if named.name == "*" {
                for Known(name, ..) in KNOWN.iter().filter(|known| !NEEDED.contains(&known.0)) {
                    self.switch_off(point, name);
                }
                continue;
            }
            let name = known(&named.name, &format!("{at}.disabled"))?;
            if NEEDED.contains(&name) {
                let what = format!("{name} cannot be switched off: pods would start without what they need");
                return Err(ProfileError::new(format!("{at}.disabled"), what));
            }
            self.switch_off(point, name);
        }
        for named in &set.enabled {
            let at = format!("{at}.enabled");
            let name = known(&named.name, &at)?;
            if named
                .weight
                .is_some_and(|weight| !(0..=i64::from(i32::MAX)).contains(&weight))
            {
                return Err(ProfileError::new(
                    at,
                    format!("the weight of {name} must not be negative"),
                ));
            }
            self.switch_on(point, name, named.weight, &at)?;
        }
        Ok(())
    }

    fn switch_off(&mut self, point: &str, name: &'static str) {
        let whole = point == "multiPoint";
        if whole || point == "filter" {
            self.filters.remove(name);
        }
        if whole || point == "score" {
            self.weights.remove(name);
        }
        if (whole || point == "postFilter") && name == "DefaultPreemption" {
            self.preempts = false;
        }
    }

    fn switch_on(
        &mut self,
        point: &str,
        name: &'static str,
        weight: Option<i64>,
        at: &str,
    ) -> Result<(), ProfileError> {
        let known = KNOWN.iter().find(|known| known.0 == name);
        let (filters, scores) = known.map_or((false, None), |known| (known.1, known.2));
        let whole = point == "multiPoint";
        let fits = match point {
            "filter" => filters,
            "score" => scores.is_some(),
            "postFilter" => name == "DefaultPreemption",
            _ => true,
        };
        if !fits {
            return Err(ProfileError::new(at, format!("{name} has no part at this point")));
        }
        if filters && (whole || point == "filter") {
            self.filters.insert(name);
        }
        if scores.is_some() && (whole || point == "score") {
            self.weights
                .insert(name, weight.filter(|weight| *weight > 0).unwrap_or(1));
        }
        self.preempts |= name == "DefaultPreemption";
        Ok(())
    }
}
