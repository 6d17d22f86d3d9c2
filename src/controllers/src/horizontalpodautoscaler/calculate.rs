//! From metrics to a number of replicas. Pure.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/podautoscaler/replica_calculator.go`. Amounts are thousandths.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::groups::Groups;

/// How far from the target use may be before anything is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerances {
    pub(super) down: f64,
    pub(super) up: f64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self { down: 0.1, up: 0.1 }
    }
}

impl Tolerances {
    fn cover(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// What one pod uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metric {
    pub(super) at: Timestamp,
    pub(super) window: SignedDuration,
    pub(super) value: i64,
}

/// By pod.
pub(super) type Metrics = BTreeMap<String, i64>;

/// What use is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Percent of what pods have requested.
    Utilization { percent: i32, requests: Metrics },
    /// An amount for each pod.
    Average(i64),
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) replicas: i32,
    /// Percent of what is requested.
    pub(super) utilization: Option<i32>,
    /// Use now: of each pod, or of all if the target is a single amount.
    pub(super) usage: i64,
}

/// Why there is no proposal.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub(super) enum CalculationError {
    #[error("no pods returned by selector while calculating replica count")]
    Unselected,
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    Unmeasured,
    #[error("no metrics returned matched known pods")]
    Unmatched,
    #[error("missing request for {resource} in container {container} of Pod {pod}")]
    RequestMissing {
        resource: String,
        container: String,
        pod: String,
    },
    #[error("container {container} not found in Pod {pod}")]
    ContainerMissing { container: String, pod: String },
}

struct Ratio {
    /// To the target.
    of_target: f64,
    utilization: Option<i32>,
    usage: i64,
}

impl Target {
    fn ratio(&self, metrics: &Metrics) -> Result<Ratio, CalculationError> {
        match self {
            Self::Average(target) => {
                let total: i64 = metrics.values().sum();
                let usage = total / i64::try_from(metrics.len().max(1)).unwrap_or(i64::MAX);
                Ok(Ratio {
                    of_target: usage as f64 / *target as f64,
                    utilization: None,
                    usage,
                })
            }
            Self::Utilization { percent, requests } => {
                let known = metrics
                    .iter()
                    .filter_map(|(pod, value)| Some((*value, *requests.get(pod)?)));
                let (total, requested, count) = known
                    .fold((0, 0, 0_i64), |(total, requested, count), (used, request)| {
                        (total + used, requested + request, count + 1)
                    });
                if requested == 0 {
                    return Err(CalculationError::Unmatched);
                }
                let utilization = (total * 100 / requested) as i32;
                Ok(Ratio {
                    of_target: f64::from(utilization) / f64::from(*percent),
                    utilization: Some(utilization),
                    usage: total / count,
                })
            }
        }
    }

    /// What a pod without metrics is taken to use where that keeps pods from being removed.
    fn at_most(&self, pod: &str) -> i64 {
        match self {
            Self::Average(target) => *target,
            Self::Utilization { percent, requests } => {
                requests.get(pod).copied().unwrap_or_default() * i64::from((*percent).max(100)) / 100
            }
        }
    }
}

/// Of a metric that each pod has. Pods not ready and pods without metrics are given the benefit of the doubt: they
/// neither add pods nor take any away.
pub(super) fn of_pods(
    groups: &Groups,
    mut metrics: Metrics,
    current: i32,
    tolerances: Tolerances,
    target: &Target,
) -> Result<Proposal, CalculationError> {
    metrics.retain(|pod, _| !groups.ignored.contains(pod) && !groups.unready.contains(pod));
    if metrics.is_empty() {
        return Err(CalculationError::Unmeasured);
    }
    let first = target.ratio(&metrics)?;
    let propose = |replicas| {
        Ok(Proposal {
            replicas,
            utilization: first.utilization,
            usage: first.usage,
        })
    };
    let up_with_unready = !groups.unready.is_empty() && first.of_target > 1.0;
    if !up_with_unready && groups.missing.is_empty() {
        if tolerances.cover(first.of_target) {
            return propose(current);
        }
        return propose(ceil(first.of_target * groups.ready as f64));
    }
    for pod in &groups.missing {
        if first.of_target < 1.0 {
            metrics.insert(pod.clone(), target.at_most(pod));
        } else if first.of_target > 1.0 {
            metrics.insert(pod.clone(), 0);
        }
    }
    if up_with_unready {
        metrics.extend(groups.unready.iter().map(|pod| (pod.clone(), 0)));
    }
    let again = target.ratio(&metrics)?.of_target;
    let turned = (first.of_target < 1.0 && again > 1.0) || (first.of_target > 1.0 && again < 1.0);
    if tolerances.cover(again) || turned {
        return propose(current);
    }
    let replicas = ceil(again * metrics.len() as f64);
    if (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current) {
        return propose(current);
    }
    propose(replicas)
}

/// Of a single amount, held against a single target.
pub(super) fn of_value(
    usage: i64,
    target: i64,
    current: i32,
    tolerances: Tolerances,
    ready: impl FnOnce() -> Result<usize, CalculationError>,
) -> Result<Proposal, CalculationError> {
    let ratio = usage as f64 / target as f64;
    let replicas = if tolerances.cover(ratio) {
        current
    } else {
        ceil(ratio * ready()? as f64)
    };
    Ok(Proposal {
        replicas,
        utilization: None,
        usage,
    })
}

/// Of a single amount that all replicas share.
pub(super) fn of_shares(usage: i64, target: i64, replicas: i32, tolerances: Tolerances) -> Proposal {
    let ratio = usage as f64 / (target as f64 * f64::from(replicas));
    Proposal {
        replicas: if tolerances.cover(ratio) {
            replicas
        } else {
            ceil(usage as f64 / target as f64)
        },
        utilization: None,
        usage: (usage as f64 / f64::from(replicas)).ceil() as i64,
    }
}

/// Upwards; what is too large or no number saturates.
fn ceil(replicas: f64) -> i32 {
    replicas.ceil() as i32
}
