//! Which plugins a profile runs, and at which extension points.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::ProfileError;

/// A plugin: its name, the points where it has a part, and its weight if it scores nodes.
struct Known(&'static str, &'static [&'static str], Option<i64>);

const FILTER: &[&str] = &["filter"];
const PREPARED_FILTER: &[&str] = &["preFilter", "filter"];
const SCORE: &[&str] = &["preScore", "score"];
const BOTH: &[&str] = &["preFilter", "filter", "preScore", "score"];

/// In upstream's order.
const KNOWN: &[Known] = &[
    Known("SchedulingGates", &["preEnqueue"], None),
    Known("PrioritySort", &["queueSort"], None),
    Known("NodeUnschedulable", FILTER, None),
    Known("NodeName", FILTER, None),
    Known("TaintToleration", &["filter", "preScore", "score"], Some(3)),
    Known("NodeAffinity", BOTH, Some(2)),
    Known("NodePorts", PREPARED_FILTER, None),
    Known("NodeResourcesFit", BOTH, Some(1)),
    Known("VolumeRestrictions", PREPARED_FILTER, None),
    Known("NodeVolumeLimits", PREPARED_FILTER, None),
    Known("VolumeBinding", &["preFilter", "filter", "reserve", "preBind"], None),
    Known("VolumeZone", PREPARED_FILTER, None),
    Known("PodTopologySpread", BOTH, Some(2)),
    Known("InterPodAffinity", BOTH, Some(2)),
    Known(
        "DynamicResources",
        &["preEnqueue", "preFilter", "filter", "postFilter", "reserve", "preBind"],
        None,
    ),
    Known("DefaultPreemption", &["postFilter"], None),
    Known("NodeResourcesBalancedAllocation", SCORE, Some(1)),
    Known("ImageLocality", &["score"], Some(1)),
    Known("DefaultBinder", &["bind"], None),
];

/// Without these a pod would start without its devices, or before it may, or never.
const NEEDED: &[&str] = &["SchedulingGates", "PrioritySort", "DynamicResources", "DefaultBinder"];

/// Where plugins can be switched on and off. What is said of one point goes before what is said of all.
const POINTS: &[&str] = &[
    "multiPoint",
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
];

/// The plugins of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Plugins {
    /// By point and name.
    parts: BTreeSet<(&'static str, &'static str)>,
    weights: BTreeMap<&'static str, i64>,
}

impl Default for Plugins {
    fn default() -> Self {
        let parts = |Known(name, points, _): &Known| points.iter().map(|point| (*point, *name)).collect::<Vec<_>>();
        let scored = |Known(name, _, weight): &Known| weight.map(|weight| (*name, weight));
        Self {
            parts: KNOWN.iter().flat_map(parts).collect(),
            weights: KNOWN.iter().filter_map(scored).collect(),
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
    /// Whether the plugin may refuse nodes. One that may not prepare has nothing to refuse them for.
    pub(crate) fn filters(&self, name: &str) -> bool {
        self.takes_part("filter", name) && self.is_prepared("preFilter", name)
    }

    /// The weight of the plugin's score; 0 if it has none.
    pub(crate) fn weight(&self, name: &str) -> i64 {
        if !self.is_prepared("preScore", name) {
            return 0;
        }
        self.weights.get(name).copied().unwrap_or_default()
    }

    /// Whether room may be made by sending pods away.
    pub(crate) fn preempt(&self) -> bool {
        self.takes_part("postFilter", "DefaultPreemption")
    }

    /// Whether a pod waits for its claims.
    pub(crate) fn heed_claims(&self) -> bool {
        self.takes_part("preFilter", "VolumeBinding")
    }

    /// Whether claims are bound for a pod's node before the pod is.
    pub(crate) fn bind_claims(&self) -> bool {
        self.takes_part("reserve", "VolumeBinding") && self.takes_part("preBind", "VolumeBinding")
    }

    fn takes_part(&self, point: &str, name: &str) -> bool {
        self.parts.contains(&(point, name))
    }

    fn is_prepared(&self, point: &str, name: &str) -> bool {
        let prepares = KNOWN.iter().any(|known| known.0 == name && known.1.contains(&point));
        !prepares || self.takes_part(point, name)
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
                let what = format!("{name} cannot be switched off: pods would start without what they need, or never");
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
        self.parts.retain(|part| part.1 != name || !whole && part.0 != point);
        if whole || point == "score" {
            self.weights.remove(name);
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
        let (points, scores) = known.map_or((&[][..], None), |known| (known.1, known.2));
        let whole = point == "multiPoint";
        let added: Vec<&'static str> = points.iter().copied().filter(|one| whole || *one == point).collect();
        if added.is_empty() {
            return Err(ProfileError::new(at, format!("{name} has no part at this point")));
        }
        self.parts.extend(added.iter().map(|point| (*point, name)));
        if scores.is_some() && added.contains(&"score") {
            self.weights
                .insert(name, weight.filter(|weight| *weight > 0).unwrap_or(1));
            // a score that is wanted is prepared
            if points.contains(&"preScore") {
                self.parts.insert(("preScore", name));
            }
        }
        if added.contains(&"filter") && points.contains(&"preFilter") {
            self.parts.insert(("preFilter", name));
        }
        Ok(())
    }
}
