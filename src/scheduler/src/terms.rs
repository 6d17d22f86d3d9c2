//! What pods say about other pods: affinity terms and spread constraints, with their selectors read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{Affinity, PodAffinityTerm, PodSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use machinery::selector::{LabelSelector, Operator, Requirement};
use serde_json::json;

use crate::pod::PodInfo;

/// Labels by name.
pub(crate) type Labels = BTreeMap<String, String>;
/// Labels of namespaces by name.
pub(crate) type Namespaces = HashMap<String, Labels>;

/// A selector that may want some of the pod's own labels, too.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    selector: LabelSelector,
    own: Vec<Requirement>,
}

impl Wanted {
    /// `same` and `other` are labels that must be as the pod's own, or must not; those that the pod does not have say
    /// nothing.
    fn new(selector: Option<&ApiSelector>, labels: &Labels, same: &[String], other: &[String]) -> Self {
        // a selector that is missing, or that the API would not have taken, selects nothing
        let selector = selector
            .and_then(|selector| serde_json::to_value(selector).ok())
            .and_then(|value| LabelSelector::from_object(&value).ok())
            .unwrap_or_else(LabelSelector::nothing);
        let requirement = |key: &String, operator| {
            let values = vec![labels.get(key)?.clone()];
            Some(Requirement {
                key: key.clone(),
                operator,
                values,
            })
        };
        let same = same.iter().filter_map(|key| requirement(key, Operator::In));
        let other = other.iter().filter_map(|key| requirement(key, Operator::NotIn));
        Self {
            own: same.chain(other).collect(),
            selector,
        }
    }

    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.selector.matches(labels) && self.own.iter().all(|requirement| requirement.matches(labels))
    }
}

/// One term of a pod's affinity or anti-affinity.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    /// The node label whose value tells domains apart.
    pub(crate) key: String,
    wanted: Wanted,
    namespaces: BTreeSet<String>,
    namespace_selector: Option<LabelSelector>,
}

impl Term {
    fn new(term: &PodAffinityTerm, namespace: &str, labels: &Labels) -> Self {
        let mut namespaces: BTreeSet<String> = term.namespaces.iter().flatten().cloned().collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.insert(namespace.to_owned());
        }
        let read = |selector: &ApiSelector| LabelSelector::from_object(&serde_json::to_value(selector).ok()?).ok();
        Self {
            key: term.topology_key.clone(),
            wanted: Wanted::new(
                term.label_selector.as_ref(),
                labels,
                term.match_label_keys.as_deref().unwrap_or_default(),
                term.mismatch_label_keys.as_deref().unwrap_or_default(),
            ),
            namespaces,
            namespace_selector: term.namespace_selector.as_ref().and_then(read),
        }
    }

    pub(crate) fn matches(&self, pod: &PodInfo, namespaces: &Namespaces) -> bool {
        let place = || {
            self.namespaces.contains(&pod.namespace)
                || self.namespace_selector.as_ref().is_some_and(|selector| {
                    selector.is_everything()
                        || namespaces
                            .get(&pod.namespace)
                            .is_some_and(|labels| selector.matches(labels))
                })
        };
        self.wanted.matches(&pod.labels) && place()
    }
}

/// What a pod says about pods near it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) near: Vec<Term>,
    pub(crate) apart: Vec<Term>,
    /// With their weight.
    pub(crate) rather_near: Vec<(Term, i64)>,
    pub(crate) rather_apart: Vec<(Term, i64)>,
}

impl Terms {
    pub(crate) fn of(affinity: Option<&Affinity>, namespace: &str, labels: &Labels) -> Self {
        let near = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
        let apart = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
        let required = |terms: Option<&Vec<PodAffinityTerm>>| {
            let terms = terms.into_iter().flatten();
            terms.map(|term| Term::new(term, namespace, labels)).collect()
        };
        let weighted = |weight: i32, term: &PodAffinityTerm| (Term::new(term, namespace, labels), i64::from(weight));
        Self {
            near: required(near.and_then(|near| near.required_during_scheduling_ignored_during_execution.as_ref())),
            apart: required(apart.and_then(|apart| apart.required_during_scheduling_ignored_during_execution.as_ref())),
            rather_near: near
                .and_then(|near| near.preferred_during_scheduling_ignored_during_execution.as_ref())
                .into_iter()
                .flatten()
                .map(|one| weighted(one.weight, &one.pod_affinity_term))
                .collect(),
            rather_apart: apart
                .and_then(|apart| apart.preferred_during_scheduling_ignored_during_execution.as_ref())
                .into_iter()
                .flatten()
                .map(|one| weighted(one.weight, &one.pod_affinity_term))
                .collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.near.is_empty() && self.apart.is_empty() && self.rather_near.is_empty() && self.rather_apart.is_empty()
    }
}

/// One constraint on how evenly pods are spread.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    pub(crate) max_skew: i64,
    /// The node label whose value tells domains apart.
    pub(crate) key: String,
    /// Must hold; otherwise it only makes nodes better or worse.
    pub(crate) hard: bool,
    wanted: Wanted,
    /// Only pods of this owner count.
    owner: Option<String>,
    pub(crate) min_domains: usize,
    /// Only nodes that the pod's node selector and affinity allow count.
    pub(crate) honor_affinity: bool,
    /// Only nodes whose taints the pod tolerates count.
    pub(crate) honor_taints: bool,
}

impl Spread {
    fn new(constraint: &TopologySpreadConstraint, labels: &Labels) -> Self {
        let same = constraint.match_label_keys.as_deref().unwrap_or_default();
        Self {
            max_skew: i64::from(constraint.max_skew),
            key: constraint.topology_key.clone(),
            hard: constraint.when_unsatisfiable == "DoNotSchedule",
            wanted: Wanted::new(constraint.label_selector.as_ref(), labels, same, &[]),
            owner: None,
            min_domains: constraint
                .min_domains
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(1),
            honor_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honor_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
        }
    }

    /// One of a profile's defaults, for the pods of `owner` that all `services` select.
    pub(crate) fn by_default(
        constraint: &TopologySpreadConstraint,
        labels: &Labels,
        owner: Option<&String>,
        services: &Labels,
    ) -> Self {
        let mut spread = Self::new(constraint, labels);
        let selector = json!({ "matchLabels": services });
        spread.wanted.selector = LabelSelector::from_object(&selector).unwrap_or_else(|_| LabelSelector::nothing());
        spread.owner = owner.cloned();
        spread
    }

    /// Whether the constraint is about the pod.
    pub(crate) fn matches(&self, pod: &PodInfo) -> bool {
        self.owner
            .as_ref()
            .is_none_or(|owner| pod.owner.as_ref() == Some(owner))
            && self.wanted.matches(&pod.labels)
    }

    pub(crate) fn all(spec: &PodSpec, labels: &Labels) -> Vec<Self> {
        let constraints = spec.topology_spread_constraints.iter().flatten();
        constraints.map(|constraint| Self::new(constraint, labels)).collect()
    }
}
