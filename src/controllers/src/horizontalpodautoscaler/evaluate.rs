//! One metric of an autoscaler: what it proposes, how that is called, and what the status shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, CrossVersionObjectReference, ExternalMetricSource, ExternalMetricStatus,
    MetricIdentifier, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, ObjectMetricSource,
    ObjectMetricStatus, PodsMetricSource, PodsMetricStatus, ResourceMetricStatus,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use machinery::quantity::{Format, Quantity};

use super::calculate::{self, CalculationError, Metric, Metrics, Proposal, Target, Tolerances};
use super::groups::{self, Groups, milli};
use super::source::{Source, SourceError};
use crate::shared::mapping::resource_of;
use crate::shared::owner::selector;

/// Why a metric proposes nothing: a reason for the condition, and words for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failed {
    pub(super) reason: &'static str,
    /// Of the cause alone, as event and condition have it.
    pub(super) cause: String,
    pub(super) message: String,
}

/// A proposal with its metric.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) replicas: i32,
    pub(super) name: String,
    pub(super) status: MetricStatus,
}

/// What a metric is evaluated for.
pub(super) struct Scene<'a> {
    pub(super) source: Source<'a>,
    pub(super) pods: Vec<Arc<Pod>>,
    /// Of pods, as text.
    pub(super) selector: String,
    /// As the target's spec and status have it.
    pub(super) wanted: i32,
    pub(super) present: i32,
    pub(super) tolerances: Tolerances,
    pub(super) now: Timestamp,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{what}: {source}")]
    Source { what: String, source: SourceError },
    #[error(transparent)]
    Calculation(#[from] CalculationError),
    #[error("{0}")]
    Spec(String),
}

type Result<T> = std::result::Result<T, Cause>;

impl Scene<'_> {
    pub(super) async fn evaluate(&self, spec: &MetricSpec) -> std::result::Result<Evaluated, Failed> {
        let missing = || Cause::Spec(format!("the metric's {} source is missing", spec.type_));
        let (reason, what, outcome) = match spec.type_.as_str() {
            "Resource" => {
                let source = spec.resource.as_ref();
                let name = source.map_or("", |source| &source.name);
                let outcome = match source {
                    Some(source) => self.resource(&source.name, "", &source.target).await,
                    None => Err(missing()),
                };
                (
                    "FailedGetResourceMetric",
                    format!("{name} resource metric value"),
                    outcome,
                )
            }
            "ContainerResource" => {
                let source = spec.container_resource.as_ref();
                let container = source.map_or("", |source| &source.container);
                let outcome = match source {
                    Some(source) => self.resource(&source.name, &source.container, &source.target).await,
                    None => Err(missing()),
                };
                (
                    "FailedGetContainerResourceMetric",
                    format!("{container} container metric value"),
                    outcome,
                )
            }
            "Pods" => {
                let outcome = match &spec.pods {
                    Some(source) => self.of_pods(source).await,
                    None => Err(missing()),
                };
                ("FailedGetPodsMetric", "pods metric value".to_owned(), outcome)
            }
            "Object" => {
                let outcome = match &spec.object {
                    Some(source) => self.of_object(source).await,
                    None => Err(missing()),
                };
                ("FailedGetObjectMetric", "object metric value".to_owned(), outcome)
            }
            "External" => {
                let name = spec.external.as_ref().map_or("", |source| &source.metric.name);
                let outcome = match &spec.external {
                    Some(source) => self.external(source).await,
                    None => Err(missing()),
                };
                (
                    "FailedGetExternalMetric",
                    format!("{name} external metric value"),
                    outcome,
                )
            }
            other => {
                let cause = Cause::Spec(format!("unknown metric source type {other:?}"));
                ("InvalidMetricSourceType", other.to_owned(), Err(cause))
            }
        };
        outcome.map_err(|cause| Failed {
            reason,
            cause: cause.to_string(),
            message: format!("failed to get {what}: {cause}"),
        })
    }

    async fn resource(&self, resource: &str, container: &str, target: &MetricTarget) -> Result<Evaluated> {
        let kind = if target.average_value.is_some() {
            "usage"
        } else {
            "utilization"
        };
        let metrics = self.source.resource(resource, container, &self.selector).await;
        let metrics = metrics.map_err(|source| Cause::Source {
            what: format!("failed to get {resource} {kind}: unable to get metrics for resource {resource}"),
            source,
        })?;
        let (target, name) = if let Some(average) = &target.average_value {
            (Target::Average(milli(&average.0)), format!("{resource} resource"))
        } else if let Some(percent) = target.average_utilization {
            let requests = groups::requests(&self.pods, container, resource)?;
            let of = if container.is_empty() { "" } else { "container " };
            (
                Target::Utilization { percent, requests },
                format!("{resource} {of}resource utilization (percentage of request)"),
            )
        } else {
            return Err(Cause::Spec(
                "invalid resource metric source: neither an average utilization target nor an average value (usage) \
                 target was set"
                    .to_owned(),
            ));
        };
        let proposal = self.calculate(&metrics, resource == "cpu", &target)?;
        let format = if resource == "memory" {
            Format::BinarySi
        } else {
            Format::DecimalSi
        };
        let current = MetricValueStatus {
            average_utilization: proposal.utilization,
            average_value: Some(quantity(proposal.usage, format)),
            value: None,
        };
        let mut status = MetricStatus::default();
        if container.is_empty() {
            "Resource".clone_into(&mut status.type_);
            status.resource = Some(ResourceMetricStatus {
                name: resource.to_owned(),
                current,
            });
        } else {
            "ContainerResource".clone_into(&mut status.type_);
            status.container_resource = Some(ContainerResourceMetricStatus {
                name: resource.to_owned(),
                container: container.to_owned(),
                current,
            });
        }
        Ok(Evaluated {
            replicas: proposal.replicas,
            name,
            status,
        })
    }

    fn calculate(&self, metrics: &BTreeMap<String, Metric>, is_cpu: bool, target: &Target) -> Result<Proposal> {
        if self.pods.is_empty() {
            return Err(CalculationError::Unselected.into());
        }
        let groups = Groups::of(&self.pods, metrics, is_cpu, self.now);
        let values: Metrics = metrics
            .iter()
            .map(|(pod, metric)| (pod.clone(), metric.value))
            .collect();
        Ok(calculate::of_pods(
            &groups,
            values,
            self.wanted,
            self.tolerances,
            target,
        )?)
    }

    async fn of_pods(&self, source: &PodsMetricSource) -> Result<Evaluated> {
        let name = &source.metric.name;
        let Some(average) = &source.target.average_value else {
            return Err(Cause::Spec(
                "invalid pods metric source: no average value target was set".to_owned(),
            ));
        };
        let metric_selector = text(source.metric.selector.as_ref())?;
        let metrics = self.source.of_pods(name, &self.selector, &metric_selector).await;
        let metrics = metrics.map_err(|source| Cause::Source {
            what: format!("unable to get metric {name}"),
            source,
        })?;
        let proposal = self.calculate(&metrics, false, &Target::Average(milli(&average.0)))?;
        Ok(Evaluated {
            replicas: proposal.replicas,
            name: format!("pods metric {name}"),
            status: MetricStatus {
                type_: "Pods".to_owned(),
                pods: Some(PodsMetricStatus {
                    metric: source.metric.clone(),
                    current: average_of(&proposal),
                }),
                ..MetricStatus::default()
            },
        })
    }

    async fn of_object(&self, source: &ObjectMetricSource) -> Result<Evaluated> {
        let (name, object) = (&source.metric.name, &source.described_object);
        let metric_selector = text(source.metric.selector.as_ref())?;
        let resource = self.resource_of(object).await?;
        let usage = self.source.of_object(name, object, &resource, &metric_selector).await;
        let usage = usage.map_err(|error| Cause::Source {
            what: format!(
                "unable to get metric {name}: {} on {} {}",
                object.kind, self.source.namespace, object.name
            ),
            source: error,
        })?;
        let (proposal, current) = self.single(usage, &source.target, "object")?;
        Ok(Evaluated {
            replicas: proposal.replicas,
            name: format!("{} metric {name}", object.kind),
            status: MetricStatus {
                type_: "Object".to_owned(),
                object: Some(ObjectMetricStatus {
                    current,
                    described_object: object.clone(),
                    metric: source.metric.clone(),
                }),
                ..MetricStatus::default()
            },
        })
    }

    async fn resource_of(&self, object: &CrossVersionObjectReference) -> Result<String> {
        if object.kind == "Namespace" {
            return Ok("namespaces".to_owned());
        }
        let api_version = object.api_version.as_deref().unwrap_or("v1");
        let found = resource_of(self.source.client, api_version, &object.kind).await;
        let (found, _) = found.map_err(|error| Cause::Spec(format!("unable to find {}: {error}", object.kind)))?;
        Ok(if found.group.is_empty() {
            found.plural
        } else {
            format!("{}.{}", found.plural, found.group)
        })
    }

    async fn external(&self, source: &ExternalMetricSource) -> Result<Evaluated> {
        let MetricIdentifier { name, selector } = &source.metric;
        let metric_selector = text(selector.as_ref())?;
        let usage = self.source.external(name, &metric_selector).await;
        let usage = usage.map_err(|error| Cause::Source {
            what: format!(
                "unable to get external metric {}/{name}/{metric_selector}",
                self.source.namespace
            ),
            source: error,
        })?;
        let (proposal, current) = self.single(usage, &source.target, "external")?;
        Ok(Evaluated {
            replicas: proposal.replicas,
            name: format!("external metric {name}({metric_selector})"),
            status: MetricStatus {
                type_: "External".to_owned(),
                external: Some(ExternalMetricStatus {
                    current,
                    metric: source.metric.clone(),
                }),
                ..MetricStatus::default()
            },
        })
    }

    /// Of a single amount: for all replicas together, or divided among them.
    fn single(&self, usage: i64, target: &MetricTarget, kind: &str) -> Result<(Proposal, MetricValueStatus)> {
        if let Some(average) = &target.average_value {
            let proposal = calculate::of_shares(usage, milli(&average.0), self.present, self.tolerances);
            return Ok((proposal, average_of(&proposal)));
        }
        if let Some(value) = &target.value {
            let ready = || groups::count_ready(&self.pods);
            let proposal = calculate::of_value(usage, milli(&value.0), self.wanted, self.tolerances, ready)?;
            let current = MetricValueStatus {
                value: Some(quantity(proposal.usage, Format::DecimalSi)),
                ..MetricValueStatus::default()
            };
            return Ok((proposal, current));
        }
        Err(Cause::Spec(format!(
            "invalid {kind} metric source: neither a value target nor an average value target was set"
        )))
    }
}

fn average_of(proposal: &Proposal) -> MetricValueStatus {
    MetricValueStatus {
        average_value: Some(quantity(proposal.usage, Format::DecimalSi)),
        ..MetricValueStatus::default()
    }
}

fn quantity(milli: i64, format: Format) -> ApiQuantity {
    ApiQuantity(Quantity::from_milli(milli, format).to_string())
}

fn text(of: Option<&ApiSelector>) -> Result<String> {
    let Some(of) = of else { return Ok(String::new()) };
    selector(of)
        .map(|selector| selector.to_string())
        .map_err(|error| Cause::Spec(error.to_string()))
}
