//! Which pods count, and what they have requested. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;
use machinery::quantity::Quantity;

use super::calculate::{CalculationError, Metric, Metrics};
use crate::shared::pods;

/// A pod that began less than this ago may still be warming up.
const INITIALIZATION: SignedDuration = SignedDuration::from_mins(5);
/// A pod that became unready within this time of its beginning has never been ready.
const INITIAL_READINESS: SignedDuration = SignedDuration::from_secs(30);

/// Pods by what their metrics are worth.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) ready: usize,
    pub(super) unready: BTreeSet<String>,
    pub(super) missing: BTreeSet<String>,
    pub(super) ignored: BTreeSet<String>,
}

impl Groups {
    /// Only processor use says little while a pod is not ready.
    pub(super) fn of(pods: &[Arc<Pod>], metrics: &BTreeMap<String, Metric>, is_cpu: bool, now: Timestamp) -> Self {
        let mut groups = Self::default();
        for pod in pods {
            let name = pod.name_any();
            if pods::is_terminating(pod) || pods::phase(pod) == "Failed" {
                groups.ignored.insert(name);
            } else if pods::phase(pod) == "Pending" {
                groups.unready.insert(name);
            } else if let Some(metric) = metrics.get(&name) {
                if is_cpu && is_unready(pod, metric, now) {
                    groups.unready.insert(name);
                } else {
                    groups.ready += 1;
                }
            } else {
                groups.missing.insert(name);
            }
        }
        groups
    }
}

fn is_unready(pod: &Pod, metric: &Metric, now: Timestamp) -> bool {
    let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
    let (Some(ready), Some(started)) = (pods::condition(pod, "Ready"), started) else {
        return true;
    };
    let unready = ready.status == "False";
    let since = ready.last_transition_time.as_ref().map_or(started.0, |time| time.0);
    if started.0 + INITIALIZATION > now {
        // or the metric was taken in part before the pod became ready
        return unready || metric.at < since + metric.window;
    }
    unready && started.0 + INITIAL_READINESS > since
}

/// How many pods run and are ready.
pub(super) fn count_ready(pods: &[Arc<Pod>]) -> Result<usize, CalculationError> {
    if pods.is_empty() {
        return Err(CalculationError::Unselected);
    }
    let ready = pods
        .iter()
        .filter(|pod| pods::phase(pod) == "Running" && pods::is_ready(pod));
    Ok(ready.count())
}

/// What each pod has requested: for one of its containers, for itself, or for all its containers that keep running.
pub(super) fn requests(pods: &[Arc<Pod>], container: &str, resource: &str) -> Result<Metrics, CalculationError> {
    let of_pod = |pod: &Arc<Pod>| Ok((pod.name_any(), request(pod, container, resource)?));
    pods.iter().map(of_pod).collect()
}

fn request(pod: &Pod, container: &str, resource: &str) -> Result<i64, CalculationError> {
    let Some(spec) = &pod.spec else { return Ok(0) };
    let own = spec.resources.as_ref().and_then(|own| own.requests.as_ref());
    if let Some(own) = own.filter(|own| container.is_empty() && !own.is_empty()) {
        return own
            .get(resource)
            .map(|amount| milli(&amount.0))
            .ok_or_else(|| CalculationError::RequestMissing {
                resource: resource.to_owned(),
                container: "(pod level)".to_owned(),
                pod: pod.name_any(),
            });
    }
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|one| one.restart_policy.as_deref() == Some("Always"));
    let mut chosen = spec
        .containers
        .iter()
        .chain(sidecars)
        .filter(|one| container.is_empty() || one.name == container)
        .peekable();
    if chosen.peek().is_none() && !container.is_empty() {
        return Err(CalculationError::ContainerMissing {
            container: container.to_owned(),
            pod: pod.name_any(),
        });
    }
    let of_container = |one: &Container| {
        let requests = one.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        let amount = requests.and_then(|requests| requests.get(resource));
        amount
            .map(|amount| milli(&amount.0))
            .ok_or_else(|| CalculationError::RequestMissing {
                resource: resource.to_owned(),
                container: one.name.clone(),
                pod: pod.name_any(),
            })
    };
    chosen.map(of_container).sum()
}

/// Thousandths; validation has read the text before.
pub(super) fn milli(text: &str) -> i64 {
    text.parse::<Quantity>().map_or(0, |amount| amount.milli_value())
}
