//! What plugins are told: `pluginConfig`.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::{NodeAffinity, TopologySpreadConstraint};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ProfileError;

/// How NodeResourcesFit scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StrategyKind {
    Least,
    Most,
    /// Points of utilization (0–100) and score (0–100), between which the score is on the line.
    Ratio(Vec<(i64, i64)>),
}

/// How, and by which resources with which weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strategy {
    pub(crate) kind: StrategyKind,
    pub(crate) resources: Vec<(String, i64)>,
}

/// How pods that say nothing are spread.
#[derive(Debug, Clone)]
pub(crate) struct DefaultSpread {
    pub(crate) constraints: Vec<TopologySpreadConstraint>,
    /// Nodes need not have all the labels.
    pub(crate) lenient: bool,
}

/// The arguments of all plugins that have some.
#[derive(Debug, Clone)]
pub(crate) struct Args {
    /// Resources, and groups of them, that NodeResourcesFit does not look at.
    pub(crate) ignored: BTreeSet<String>,
    pub(crate) ignored_groups: BTreeSet<String>,
    pub(crate) strategy: Strategy,
    /// What NodeResourcesBalancedAllocation balances.
    pub(crate) balanced: Vec<String>,
    /// Affinity that every pod of the profile has besides its own.
    pub(crate) affinity: Option<NodeAffinity>,
    /// What a required term of a pod that runs adds to the score of nodes near it.
    pub(crate) hard_affinity_weight: i64,
    /// Preferences of pods that run count only for pods that have terms themselves.
    pub(crate) ignore_preferences: bool,
    /// How long a pod keeps its place while its claims are not bound.
    pub(crate) bind_timeout: Duration,
    pub(crate) spread: DefaultSpread,
}

impl Default for Args {
    fn default() -> Self {
        let both = ["cpu".to_owned(), "memory".to_owned()];
        Self {
            ignored: BTreeSet::new(),
            ignored_groups: BTreeSet::new(),
            strategy: Strategy {
                kind: StrategyKind::Least,
                resources: both.clone().map(|name| (name, 1)).into(),
            },
            balanced: both.into(),
            affinity: None,
            hard_affinity_weight: 1,
            ignore_preferences: false,
            spread: DefaultSpread::system(),
            bind_timeout: Duration::from_secs(600),
        }
    }
}

impl DefaultSpread {
    /// What upstream spreads by unless told otherwise.
    fn system() -> Self {
        let constraint = |key: &str, max_skew| TopologySpreadConstraint {
            max_skew,
            topology_key: key.to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            ..TopologySpreadConstraint::default()
        };
        Self {
            constraints: vec![
                constraint("kubernetes.io/hostname", 3),
                constraint("topology.kubernetes.io/zone", 5),
            ],
            lenient: true,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct FitDocument {
    ignored_resources: Vec<String>,
    ignored_resource_groups: Vec<String>,
    scoring_strategy: Option<StrategyDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StrategyDocument {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    resources: Vec<ResourceDocument>,
    requested_to_capacity_ratio: Option<RatioDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceDocument {
    name: String,
    weight: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RatioDocument {
    shape: Vec<PointDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointDocument {
    utilization: i64,
    score: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BalancedDocument {
    resources: Vec<ResourceDocument>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct AffinityDocument {
    added_affinity: Option<NodeAffinity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct InterPodDocument {
    hard_pod_affinity_weight: Option<i64>,
    ignore_preferred_terms_of_existing_pods: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct SpreadDocument {
    default_constraints: Vec<TopologySpreadConstraint>,
    defaulting_type: Option<String>,
}

/// The shape of scores by capacity is not looked at: nodes are not scored by it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BindingDocument {
    bind_timeout_seconds: Option<i64>,
}

impl Args {
    /// With what one plugin is told.
    pub(super) fn read(mut self, plugin: &str, value: &Value, at: &str) -> Result<Self, ProfileError> {
        match plugin {
            "NodeResourcesFit" => self.fit(parse(value, at)?, at)?,
            "NodeResourcesBalancedAllocation" => {
                let document: BalancedDocument = parse(value, at)?;
                let names: Vec<String> = document.resources.into_iter().map(|resource| resource.name).collect();
                let distinct: BTreeSet<&String> = names.iter().collect();
                if distinct.len() < names.len() {
                    return Err(ProfileError::new(format!("{at}.resources"), "each may be named once"));
                }
                if !names.is_empty() {
                    self.balanced = names;
                }
            }
            "NodeAffinity" => self.affinity = parse::<AffinityDocument>(value, at)?.added_affinity,
            "InterPodAffinity" => {
                let document: InterPodDocument = parse(value, at)?;
                let weight = document.hard_pod_affinity_weight.unwrap_or(self.hard_affinity_weight);
                if !(0..=100).contains(&weight) {
                    let what = format!("{weight} is not in valid range [0, 100]");
                    return Err(ProfileError::new(format!("{at}.hardPodAffinityWeight"), what));
                }
                self.hard_affinity_weight = weight;
                self.ignore_preferences = document.ignore_preferred_terms_of_existing_pods;
            }
            "PodTopologySpread" => self.spread = spread(parse(value, at)?, at)?,
            "VolumeBinding" => {
                let document: BindingDocument = parse(value, at)?;
                if let Some(seconds) = document.bind_timeout_seconds {
                    let seconds = u64::try_from(seconds).map_err(|_| {
                        let what = "invalid BindTimeoutSeconds, should not be a negative value";
                        ProfileError::new(format!("{at}.bindTimeoutSeconds"), what)
                    })?;
                    // it is added to the time of day, and this is for ever
                    self.bind_timeout = Duration::from_secs(seconds.min(u64::from(u32::MAX)));
                }
            }
            // bounds on how long is searched, which here is always to the end
            "DefaultPreemption" | "DynamicResources" => {}
            _ => return Err(ProfileError::new(at, format!("{plugin} takes no arguments"))),
        }
        Ok(self)
    }

    fn fit(&mut self, document: FitDocument, at: &str) -> Result<(), ProfileError> {
        if let Some(group) = document
            .ignored_resource_groups
            .iter()
            .find(|group| group.contains('/'))
        {
            let what = format!("{group:?}: resource group name can't contain '/'");
            return Err(ProfileError::new(format!("{at}.ignoredResourceGroups"), what));
        }
        self.ignored = document.ignored_resources.into_iter().collect();
        self.ignored_groups = document.ignored_resource_groups.into_iter().collect();
        if let Some(strategy) = document.scoring_strategy {
            self.strategy = self.scoring(strategy, &format!("{at}.scoringStrategy"))?;
        }
        Ok(())
    }

    fn scoring(&self, document: StrategyDocument, at: &str) -> Result<Strategy, ProfileError> {
        let kind = match (document.kind.as_str(), document.requested_to_capacity_ratio) {
            ("LeastAllocated", None) => StrategyKind::Least,
            ("MostAllocated", None) => StrategyKind::Most,
            ("RequestedToCapacityRatio", Some(ratio)) => StrategyKind::Ratio(shape(&ratio, at)?),
            ("RequestedToCapacityRatio", None) => {
                let what = "must be specified when type is RequestedToCapacityRatio";
                return Err(ProfileError::new(format!("{at}.requestedToCapacityRatio"), what));
            }
            ("LeastAllocated" | "MostAllocated", Some(_)) => {
                let what = "must not be given when type is not RequestedToCapacityRatio";
                return Err(ProfileError::new(format!("{at}.requestedToCapacityRatio"), what));
            }
            (other, _) => {
                let what = format!(
                    "Unsupported value: {other:?}: supported values: \"LeastAllocated\", \"MostAllocated\", \"RequestedToCapacityRatio\""
                );
                return Err(ProfileError::new(format!("{at}.type"), what));
            }
        };
        let mut resources = Vec::new();
        for resource in document.resources {
            let weight = resource.weight.unwrap_or(1);
            if !(1..=100).contains(&weight) {
                let what = format!("resource weight of {} not in valid range [1, 100]", resource.name);
                return Err(ProfileError::new(format!("{at}.resources"), what));
            }
            resources.push((resource.name, weight));
        }
        if resources.is_empty() {
            resources.clone_from(&self.strategy.resources);
        }
        Ok(Strategy { kind, resources })
    }
}

fn parse<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T, ProfileError> {
    let mut value = if value.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        value.clone()
    };
    // arguments may say what they are
    if let Some(map) = value.as_object_mut() {
        map.remove("apiVersion");
        map.remove("kind");
    }
    serde_json::from_value(value).map_err(|error| ProfileError::new(at, error.to_string()))
}

/// The points, their scores of 0–10 brought to 0–100.
fn shape(document: &RatioDocument, at: &str) -> Result<Vec<(i64, i64)>, ProfileError> {
    let at = format!("{at}.requestedToCapacityRatio.shape");
    let points: Vec<(i64, i64)> = document
        .shape
        .iter()
        .map(|point| (point.utilization, point.score))
        .collect();
    let what = if points.is_empty() {
        "at least one point must be specified"
    } else if points.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        "utilization values must be sorted in increasing order"
    } else if points.iter().any(|(utilization, _)| !(0..=100).contains(utilization)) {
        "utilization values must be in the range 0 to 100"
    } else if points.iter().any(|(_, score)| !(0..=10).contains(score)) {
        "score values must be in the range 0 to 10"
    } else {
        return Ok(points
            .into_iter()
            .map(|(utilization, score)| (utilization, score * 10))
            .collect());
    };
    Err(ProfileError::new(at, what))
}

fn spread(document: SpreadDocument, at: &str) -> Result<DefaultSpread, ProfileError> {
    match (
        document.defaulting_type.as_deref(),
        document.default_constraints.is_empty(),
    ) {
        (None | Some("System"), true) => return Ok(DefaultSpread::system()),
        (None | Some("System"), false) => {
            let what = "must be List when defaultConstraints are not empty";
            return Err(ProfileError::new(format!("{at}.defaultingType"), what));
        }
        (Some("List"), _) => {}
        (Some(other), _) => {
            let what = format!("Unsupported value: {other:?}: supported values: \"List\", \"System\"");
            return Err(ProfileError::new(format!("{at}.defaultingType"), what));
        }
    }
    let mut seen = BTreeSet::new();
    for (index, constraint) in document.default_constraints.iter().enumerate() {
        let what = if constraint.max_skew <= 0 {
            "maxSkew must be above zero"
        } else if constraint.topology_key.is_empty() {
            "topologyKey can not be empty"
        } else if !["DoNotSchedule", "ScheduleAnyway"].contains(&constraint.when_unsatisfiable.as_str()) {
            "whenUnsatisfiable must be DoNotSchedule or ScheduleAnyway"
        } else if constraint.label_selector.is_some() {
            "constraint must not define a selector, as they are deduced for each pod"
        } else if !seen.insert((constraint.topology_key.clone(), constraint.when_unsatisfiable.clone())) {
            "topologyKey and whenUnsatisfiable are those of another constraint"
        } else {
            continue;
        };
        return Err(ProfileError::new(format!("{at}.defaultConstraints[{index}]"), what));
    }
    Ok(DefaultSpread {
        constraints: document.default_constraints,
        lenient: false,
    })
}
