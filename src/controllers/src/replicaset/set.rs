//! What ReplicaSets and ReplicationControllers have in common: both are seen as a ReplicaSet.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::shared::{Ctx, Informer};

/// A set of alike pods.
pub(super) trait Set:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The controller's name in logs.
    const NAME: &'static str;
    /// The controller's name in events.
    const REPORTER: &'static str;

    fn informer(ctx: &Ctx) -> &Informer<Self>;
    fn view(&self) -> ReplicaSet;
    fn set_status(&mut self, status: ReplicaSetStatus);
}

impl Set for ReplicaSet {
    const NAME: &'static str = "replicaset";
    const REPORTER: &'static str = "replicaset-controller";

    fn informer(ctx: &Ctx) -> &Informer<Self> {
        &ctx.replica_sets
    }

    fn view(&self) -> ReplicaSet {
        self.clone()
    }

    fn set_status(&mut self, status: ReplicaSetStatus) {
        self.status = Some(status);
    }
}

impl Set for ReplicationController {
    const NAME: &'static str = "replicationcontroller";
    const REPORTER: &'static str = "replication-controller";

    fn informer(ctx: &Ctx) -> &Informer<Self> {
        &ctx.replication_controllers
    }

    fn view(&self) -> ReplicaSet {
        let spec = self.spec.clone().map(|spec| ReplicaSetSpec {
            min_ready_seconds: spec.min_ready_seconds,
            replicas: spec.replicas,
            selector: LabelSelector {
                match_labels: spec.selector,
                match_expressions: None,
            },
            template: spec.template,
        });
        let condition = |condition: ReplicationControllerCondition| ReplicaSetCondition {
            last_transition_time: condition.last_transition_time,
            message: condition.message,
            reason: condition.reason,
            status: condition.status,
            type_: condition.type_,
        };
        let status = self.status.clone().map(|status| ReplicaSetStatus {
            available_replicas: status.available_replicas,
            conditions: status.conditions.map(|all| all.into_iter().map(condition).collect()),
            fully_labeled_replicas: status.fully_labeled_replicas,
            observed_generation: status.observed_generation,
            ready_replicas: status.ready_replicas,
            replicas: status.replicas,
            terminating_replicas: None,
        });
        ReplicaSet {
            metadata: self.metadata.clone(),
            spec,
            status,
        }
    }

    fn set_status(&mut self, status: ReplicaSetStatus) {
        let condition = |condition: ReplicaSetCondition| ReplicationControllerCondition {
            last_transition_time: condition.last_transition_time,
            message: condition.message,
            reason: condition.reason,
            status: condition.status,
            type_: condition.type_,
        };
        self.status = Some(ReplicationControllerStatus {
            available_replicas: status.available_replicas,
            conditions: status.conditions.map(|all| all.into_iter().map(condition).collect()),
            fully_labeled_replicas: status.fully_labeled_replicas,
            observed_generation: status.observed_generation,
            ready_replicas: status.ready_replicas,
            replicas: status.replicas,
        });
    }
}
