//! What is left of a namespace that is being deleted, as its conditions say it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::NamespaceCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::ApiResource;

use crate::shared::error::Error;

/// Objects that are still there, and what keeps them.
#[derive(Debug, Default)]
pub(super) struct Left {
    by_resource: BTreeMap<String, usize>,
    by_finalizer: BTreeMap<String, usize>,
    /// What stopped the deletion of some kinds.
    failures: BTreeSet<String>,
    /// Groups whose kinds are not known, and why.
    undiscovered: BTreeMap<String, String>,
}

impl Left {
    pub(super) fn is_empty(&self) -> bool {
        self.by_resource.is_empty() && self.failures.is_empty() && self.undiscovered.is_empty()
    }

    /// Objects of a kind could not be listed or deleted.
    pub(super) fn failed(&mut self, error: &Error) {
        self.failures.insert(error.to_string());
    }

    /// What a group has could not be found out.
    pub(super) fn undiscovered(&mut self, group: &str, error: &Error) {
        self.undiscovered.insert(group.to_owned(), error.to_string());
    }

    pub(super) fn add(&mut self, resource: &ApiResource, objects: &[impl ResourceExt]) {
        if objects.is_empty() {
            return;
        }
        // as upstream writes it, with the dot behind the core group's resources
        let name = format!("{}.{}", resource.plural, resource.group);
        *self.by_resource.entry(name).or_default() += objects.len();
        for finalizer in objects.iter().flat_map(|object| object.finalizers()) {
            *self.by_finalizer.entry(finalizer.clone()).or_default() += 1;
        }
    }

    /// All conditions, whether something failed or not.
    pub(super) fn conditions(&self) -> Vec<NamespaceCondition> {
        let fine = |ty: &str, reason: &str, message: &str| condition(ty, "False", reason, message.to_owned());
        let said = |counts: &BTreeMap<String, usize>, word: &str| {
            let each = counts
                .iter()
                .map(|(name, count)| format!("{name} {word} {count} resource instances"));
            each.collect::<Vec<_>>().join(", ")
        };
        let remaining = if self.by_resource.is_empty() {
            fine(
                "NamespaceContentRemaining",
                "ContentRemoved",
                "All content successfully removed",
            )
        } else {
            let message = format!("Some resources are remaining: {}", said(&self.by_resource, "has"));
            condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", message)
        };
        let kept = if self.by_finalizer.is_empty() {
            let message = "All content-preserving finalizers finished";
            fine("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", message)
        } else {
            let message = format!(
                "Some content in the namespace has finalizers remaining: {}",
                said(&self.by_finalizer, "in")
            );
            condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", message)
        };
        vec![
            self.discovery(),
            fine(
                "NamespaceDeletionGroupVersionParsingFailure",
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            self.content(),
            remaining,
            kept,
        ]
    }
}

impl Left {
    fn discovery(&self) -> NamespaceCondition {
        const TYPE: &str = "NamespaceDeletionDiscoveryFailure";
        if self.undiscovered.is_empty() {
            let message = "All resources successfully discovered".to_owned();
            return condition(TYPE, "False", "ResourcesDiscovered", message);
        }
        let each = self.undiscovered.iter().map(|(group, why)| format!("{group}: {why}"));
        let message = format!(
            "Discovery failed for some groups, {} failing: unable to retrieve the complete list of server APIs: {}",
            self.undiscovered.len(),
            each.collect::<Vec<_>>().join(", ")
        );
        condition(TYPE, "True", "DiscoveryFailed", message)
    }

    fn content(&self) -> NamespaceCondition {
        const TYPE: &str = "NamespaceDeletionContentFailure";
        let all: Vec<&str> = self.failures.iter().map(String::as_str).collect();
        let message = match all.as_slice() {
            [] => {
                let message = "All content successfully deleted, may be waiting on finalization".to_owned();
                return condition(TYPE, "False", "ContentDeleted", message);
            }
            [only] => (*only).to_owned(),
            several => format!(
                "Failed to delete all resource types, {} remaining: {}",
                several.len(),
                several.join(", ")
            ),
        };
        condition(TYPE, "True", "ContentDeletionFailed", message)
    }
}

fn condition(ty: &str, status: &str, reason: &str, message: String) -> NamespaceCondition {
    NamespaceCondition {
        type_: ty.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(Time(Timestamp::now())),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;

    use super::*;

    #[test]
    fn conditions_name_what_is_left_and_what_keeps_it() {
        let pod: Pod =
            serde_json::from_value(serde_json::json!({"metadata": {"name": "p", "finalizers": ["a/b"]}})).expect("pod");
        let mut left = Left::default();
        left.add(&ApiResource::erase::<Pod>(&()), &[pod]);
        let messages: Vec<_> = left
            .conditions()
            .into_iter()
            .filter(|condition| condition.status == "True")
            .filter_map(|condition| condition.message)
            .collect();
        assert_eq!(
            messages,
            [
                "Some resources are remaining: pods. has 1 resource instances",
                "Some content in the namespace has finalizers remaining: a/b in 1 resource instances",
            ]
        );
        assert!(
            Left::default()
                .conditions()
                .iter()
                .all(|condition| condition.status == "False")
        );
    }

    #[test]
    fn failures_are_told_and_keep_the_namespace() {
        let mut left = Left::default();
        left.failed(&Error::Again("things.example.com is forbidden".to_owned()));
        left.undiscovered("metrics.k8s.io", &Error::Again("no answer".to_owned()));
        assert!(!left.is_empty());
        let told: Vec<_> = left
            .conditions()
            .into_iter()
            .filter(|condition| condition.status == "True")
            .map(|condition| {
                (
                    condition.reason.unwrap_or_default(),
                    condition.message.unwrap_or_default(),
                )
            })
            .collect();
        let discovery = "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: \
                         metrics.k8s.io: no answer";
        let expected = [
            ("DiscoveryFailed", discovery),
            ("ContentDeletionFailed", "things.example.com is forbidden"),
        ];
        assert_eq!(
            told,
            expected.map(|(reason, message)| (reason.to_owned(), message.to_owned()))
        );
    }
}
