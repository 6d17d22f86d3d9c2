//! Resize in place: running containers are given what their spec asks for now.
//!
//! Semantics: KEP-1287. What a node cannot hold at all is not tried, and the status goes on showing what the containers
//! have.

use k8s_openapi::api::core::v1::{Container, ResourceRequirements};

use super::actor::Actor;
use super::plan::DEFINITION_CHANGED;
use super::restart::is_sidecar;
use super::{cgroup, resources};
use crate::events::Kind;
use crate::quantity::{milli, units};

/// What has to happen to a running container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Update,
    Restart,
}

fn amount(resources: &ResourceRequirements, name: &str) -> (Option<i64>, Option<i64>) {
    let number = |quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| {
        if name == "cpu" {
            milli(quantity)
        } else {
            units(quantity)
        }
    };
    let request = resources.requests.as_ref().and_then(|all| all.get(name)).map(number);
    let limit = resources.limits.as_ref().and_then(|all| all.get(name)).map(number);
    (request, limit)
}

/// Only cpu and memory can change; each says whether its change needs a restart.
fn step(container: &Container, has: &ResourceRequirements) -> Step {
    let wants = container.resources.clone().unwrap_or_default();
    let changed = |name: &&str| amount(&wants, name) != amount(has, name);
    let restarts = |name: &str| {
        let mut policies = container.resize_policy.iter().flatten();
        policies.any(|policy| policy.resource_name == name && policy.restart_policy == "RestartContainer")
    };
    let changes: Vec<&str> = ["cpu", "memory"].into_iter().filter(changed).collect();
    match changes.as_slice() {
        [] => Step::Nothing,
        some if some.iter().any(|name| restarts(name)) => Step::Restart,
        _ => Step::Update,
    }
}

impl Actor {
    /// Brings running containers to the resources of the spec.
    pub(super) async fn resize(&mut self) {
        let spec = self.spec();
        let lasting = spec
            .init_containers
            .iter()
            .flatten()
            .filter(|container| is_sidecar(container));
        let mut steps = Vec::new();
        for container in spec.containers.iter().chain(lasting) {
            let running = self.view.running().find(|held| held.name == container.name);
            let Some(id) = running
                .map(|held| held.id.clone())
                .filter(|id| !self.stopping.contains_key(id))
            else {
                continue;
            };
            // what a predecessor gave it is not known any more; it was the spec's then
            let has = self
                .applied
                .entry(id.clone())
                .or_insert_with(|| container.resources.clone().unwrap_or_default());
            match step(container, has) {
                Step::Nothing => {}
                step => steps.push((id, container.clone(), step)),
            }
        }
        if steps.is_empty() || !self.holds(&spec) {
            return;
        }
        // the pod's own limits give way first where they grow, and last where they shrink
        self.resize_pod();
        for (id, container, step) in steps {
            if step == Step::Restart {
                let reason = format!(
                    "Container {} resize requires restart, {DEFINITION_CHANGED}",
                    container.name
                );
                self.known.replace.insert(id.clone());
                self.stop_container(&id, &reason, None);
                continue;
            }
            let wanted = resources::of_container(&self.pod, &container, self.context.node_memory);
            match Box::pin(self.context.runtime.update_container(&id, wanted)).await {
                Ok(()) => drop(self.applied.insert(id, container.resources.unwrap_or_default())),
                Err(error) => {
                    let message = format!("resizing container {}: {error}", container.name);
                    let name = Some(container.name.as_str());
                    self.context
                        .recorder
                        .pod(&self.pod, name, Kind::Warning, "ResizeError", message);
                    self.wake_in(super::start::RETRY);
                }
            }
        }
        self.resize_pod();
    }

    fn resize_pod(&self) {
        if let Err(error) = cgroup::create(&self.pod) {
            tracing::warn!(pod = self.pod.metadata.name, %error, "pod cgroup not resized");
        }
    }

    /// Whether the empty node could hold the pod.
    fn holds(&self, spec: &k8s_openapi::api::core::v1::PodSpec) -> bool {
        let capacity = |name: &str| self.context.capacity.get(name);
        let sum = |name: &str| -> i64 {
            let requests = spec.containers.iter().filter_map(|container| {
                let (request, limit) = amount(container.resources.as_ref()?, name);
                request.or(limit)
            });
            requests.sum()
        };
        capacity("cpu").is_none_or(|cpu| sum("cpu") <= milli(cpu))
            && capacity("memory").is_none_or(|memory| sum("memory") <= units(memory))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn container(resources: &Value, policies: &Value) -> Container {
        let whole = json!({"name": "c", "resources": resources, "resizePolicy": policies});
        serde_json::from_value(whole).expect("container")
    }

    #[test]
    fn a_change_updates_unless_its_policy_restarts() {
        let has: ResourceRequirements =
            serde_json::from_value(json!({"requests": {"cpu": "100m", "memory": "1Gi"}})).expect("resources");
        let policies = json!([{"resourceName": "memory", "restartPolicy": "RestartContainer"},
            {"resourceName": "cpu", "restartPolicy": "NotRequired"}]);
        let wants =
            |cpu: &str, memory: &str| container(&json!({"requests": {"cpu": cpu, "memory": memory}}), &policies);
        assert_eq!(
            step(&wants("0.1", "1024Mi"), &has),
            Step::Nothing,
            "the same amounts in other words"
        );
        assert_eq!(step(&wants("200m", "1Gi"), &has), Step::Update);
        assert_eq!(step(&wants("200m", "2Gi"), &has), Step::Restart);
        let limited = container(
            &json!({"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "1"}}),
            &json!(null),
        );
        assert_eq!(step(&limited, &has), Step::Update);
    }
}
