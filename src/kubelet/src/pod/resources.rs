//! Requests and limits: QoS class, cgroup parents, and what a container's cgroup is given.

use std::collections::BTreeMap;

use cri::v1;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::quantity::{milli, units};

const MIN_SHARES: i64 = 2;
const MAX_SHARES: i64 = 262_144;
const SHARES_PER_CORE: i64 = 1024;
/// Microseconds.
pub(super) const QUOTA_PERIOD: i64 = 100_000;
const MIN_QUOTA: i64 = 1000;

/// Quality-of-service class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl Qos {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

type Amounts = BTreeMap<String, Quantity>;

fn amounts(field: Option<&Amounts>, name: &str) -> Option<Quantity> {
    field.and_then(|amounts| amounts.get(name)).cloned()
}

fn request(resources: Option<&ResourceRequirements>, name: &str) -> Option<Quantity> {
    amounts(resources?.requests.as_ref(), name)
}

fn limit(resources: Option<&ResourceRequirements>, name: &str) -> Option<Quantity> {
    amounts(resources?.limits.as_ref(), name)
}

fn all_containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten())
}

/// The class by which the pod's cgroup is placed and its OOM score set.
pub(crate) fn qos(spec: &PodSpec) -> Qos {
    let positive = |quantity: &Quantity| milli(quantity) > 0;
    let mut any = false;
    let mut guaranteed = true;
    // Resources of the pod as a whole, where given, stand for those of its containers.
    let levels: Vec<Option<&ResourceRequirements>> = match &spec.resources {
        Some(whole) if whole.requests.is_some() || whole.limits.is_some() => vec![Some(whole)],
        _ => all_containers(spec)
            .map(|container| container.resources.as_ref())
            .collect(),
    };
    for resources in levels {
        for name in ["cpu", "memory"] {
            let limit = limit(resources, name).filter(positive);
            let request = request(resources, name).filter(positive);
            any |= limit.is_some() || request.is_some();
            guaranteed &= match (&limit, &request) {
                (Some(limit), Some(request)) => milli(limit) == milli(request),
                (Some(_), None) => true,
                (None, _) => false,
            };
        }
    }
    match (any, guaranteed) {
        (false, _) => Qos::BestEffort,
        (true, true) => Qos::Guaranteed,
        (true, false) => Qos::Burstable,
    }
}

/// The pod's cgroup, relative to the node's root.
pub(crate) fn cgroup_parent(pod: &Pod) -> String {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    match pod.spec.as_ref().map_or(Qos::BestEffort, qos) {
        Qos::Guaranteed => format!("/kubepods/pod{uid}"),
        Qos::Burstable => format!("/kubepods/burstable/pod{uid}"),
        Qos::BestEffort => format!("/kubepods/besteffort/pod{uid}"),
    }
}

pub(super) fn shares(milli_cpu: i64) -> i64 {
    (milli_cpu * SHARES_PER_CORE / 1000).clamp(MIN_SHARES, MAX_SHARES)
}

pub(super) fn quota(milli_cpu: i64) -> i64 {
    if milli_cpu == 0 {
        0
    } else {
        (milli_cpu * QUOTA_PERIOD / 1000).max(MIN_QUOTA)
    }
}

/// The cgroup values of one container.
pub(crate) fn of_container(pod: &Pod, container: &Container, node_memory: i64) -> v1::LinuxContainerResources {
    let resources = container.resources.as_ref();
    let cpu_limit = limit(resources, "cpu")
        .map(|quantity| milli(&quantity))
        .unwrap_or_default();
    let cpu_request = request(resources, "cpu").map_or(cpu_limit, |quantity| milli(&quantity));
    v1::LinuxContainerResources {
        cpu_period: QUOTA_PERIOD,
        cpu_quota: quota(cpu_limit),
        cpu_shares: shares(cpu_request),
        memory_limit_in_bytes: limit(resources, "memory")
            .map(|quantity| units(&quantity))
            .unwrap_or_default(),
        oom_score_adj: oom_score(pod, container, node_memory),
        hugepage_limits: hugepages(resources),
        ..Default::default()
    }
}

fn hugepages(resources: Option<&ResourceRequirements>) -> Vec<v1::HugepageLimit> {
    let limits = resources
        .and_then(|resources| resources.limits.as_ref())
        .into_iter()
        .flatten();
    let pages = limits.filter_map(|(name, quantity)| {
        let page_size = name
            .strip_prefix("hugepages-")?
            .replace("Ki", "KB")
            .replace("Mi", "MB")
            .replace("Gi", "GB");
        Some(v1::HugepageLimit {
            page_size,
            limit: units(quantity) as u64,
        })
    });
    pages.collect()
}

/// How early the kernel kills the container when the node runs out of memory.
fn oom_score(pod: &Pod, container: &Container, node_memory: i64) -> i64 {
    const GUARANTEED: i64 = -997;
    const BEST_EFFORT: i64 = 1000;
    let Some(spec) = &pod.spec else { return BEST_EFFORT };
    let critical = spec.priority.is_some_and(|priority| priority >= 2_000_000_000);
    if critical {
        return GUARANTEED;
    }
    match qos(spec) {
        Qos::Guaranteed => GUARANTEED,
        Qos::BestEffort => BEST_EFFORT,
        Qos::Burstable => {
            let resources = container.resources.as_ref();
            let memory = request(resources, "memory").or_else(|| limit(resources, "memory"));
            let share = memory.map(|quantity| units(&quantity)).unwrap_or_default();
            let score = 1000 - share.saturating_mul(1000) / node_memory.max(1);
            // Above every guaranteed container and below every best-effort one.
            score.clamp(1000 + GUARANTEED, BEST_EFFORT - 1)
        }
    }
}

/// Totals for the pod's own cgroup: cpu shares, cpu quota (0: none), memory limit (0: none).
pub(crate) fn of_pod(spec: &PodSpec) -> (i64, i64, i64) {
    let effective = |name: &str, limits: bool| -> Option<i64> {
        let value = |resources: Option<&ResourceRequirements>| {
            let quantity = if limits {
                limit(resources, name)
            } else {
                request(resources, name).or_else(|| limit(resources, name))
            };
            quantity.map(|quantity| {
                if name == "cpu" {
                    milli(&quantity)
                } else {
                    units(&quantity)
                }
            })
        };
        if let Some(whole) = spec.resources.as_ref().and_then(|whole| value(Some(whole))) {
            return Some(whole);
        }
        let mut sum = 0;
        for container in &spec.containers {
            match value(container.resources.as_ref()) {
                Some(one) => sum += one,
                None if limits => return None,
                None => {}
            }
        }
        let (mut sidecars, mut peak) = (0, 0);
        for container in spec.init_containers.iter().flatten() {
            let one = match value(container.resources.as_ref()) {
                Some(one) => one,
                None if limits => return None,
                None => 0,
            };
            if container.restart_policy.as_deref() == Some("Always") {
                sidecars += one;
                peak = peak.max(sidecars);
            } else {
                peak = peak.max(sidecars + one);
            }
        }
        let overhead = spec.overhead.as_ref().and_then(|overhead| overhead.get(name));
        let overhead = overhead.map(|quantity| {
            if name == "cpu" {
                milli(quantity)
            } else {
                units(quantity)
            }
        });
        Some(peak.max(sum + sidecars) + overhead.unwrap_or_default())
    };
    let cpu = shares(effective("cpu", false).unwrap_or_default());
    (
        cpu,
        effective("cpu", true).map(quota).unwrap_or_default(),
        effective("memory", true).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(resources: serde_json::Value) -> PodSpec {
        serde_json::from_value(json!({ "containers": [{ "name": "a", "resources": resources }] })).unwrap()
    }

    #[test]
    fn classes_follow_requests_and_limits() {
        assert_eq!(qos(&spec(json!({}))), Qos::BestEffort);
        assert_eq!(qos(&spec(json!({ "requests": { "cpu": "1" } }))), Qos::Burstable);
        assert_eq!(
            qos(&spec(json!({ "limits": { "cpu": "1", "memory": "1Gi" } }))),
            Qos::Guaranteed
        );
        let unequal = json!({ "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "500m" } });
        assert_eq!(qos(&spec(unequal)), Qos::Burstable);
    }

    #[test]
    fn cpu_becomes_shares_and_quota() {
        assert_eq!((shares(0), shares(100), shares(1000)), (2, 102, 1024));
        assert_eq!((quota(0), quota(5), quota(500)), (0, 1000, 50_000));
    }

    #[test]
    fn a_pod_without_a_limit_in_every_container_has_no_limit() {
        let spec: PodSpec = serde_json::from_value(json!({ "containers": [
            { "name": "a", "resources": { "limits": { "memory": "1Mi" } } }, { "name": "b" }
        ]}))
        .unwrap();
        assert_eq!(of_pod(&spec).2, 0);
    }
}
