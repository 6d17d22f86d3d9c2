//! One pass over one autoscaler.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus, MetricStatus,
};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use machinery::quantity::Quantity;
use machinery::selector::LabelSelector;

use super::Known;
use super::behavior::{Outcome, Range};
use super::calculate::Tolerances;
use super::evaluate::{Failed, Scene};
use super::source::Source;
use super::target::Scalable;
use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Result};

/// A pass over an autoscaler, whose status grows as it goes.
pub(super) struct Pass<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) events: &'a Events,
    pub(super) known: &'a Known,
    pub(super) key: &'a Key,
    pub(super) hpa: Arc<HorizontalPodAutoscaler>,
    pub(super) status: HorizontalPodAutoscalerStatus,
    pub(super) now: Timestamp,
}

/// What metrics say together.
struct Found {
    replicas: i32,
    name: String,
    statuses: Vec<MetricStatus>,
    /// Of the first metric that failed, if others did not.
    failed: Option<String>,
}

impl Pass<'_> {
    /// Scales if need be, and writes the status if it has changed.
    pub(super) async fn run(mut self) -> Result<()> {
        let outcome = self.reconcile().await;
        let written = self.write().await;
        outcome.and(written)
    }

    async fn reconcile(&mut self) -> Result<()> {
        let hpa = Arc::clone(&self.hpa);
        let spec = &hpa.spec;
        let found = Scalable::find(&self.ctx.client, &self.key.namespace, &spec.scale_target_ref).await;
        let target = match found {
            Ok(target) => target,
            Err(error) => {
                self.events.warning(&*hpa, "FailedGetScale", error.to_string()).await;
                let message = format!("the HPA controller was unable to get the target's current scale: {error}");
                self.condition("AbleToScale", false, "FailedGetScale", message);
                return Err(Error::Again(error.to_string()));
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        self.condition("AbleToScale", true, "SucceededGetScale", message.to_owned());
        let current = target.wanted;
        self.known.with(self.key, |history| history.begin(current, self.now));
        self.status.current_replicas = Some(current);
        let range = Range {
            min: spec.min_replicas.unwrap_or(1),
            max: spec.max_replicas,
            current,
        };
        if current == 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.condition("ScalingActive", false, "ScalingDisabled", message.to_owned());
            self.status.desired_replicas = 0;
            self.status.current_metrics = None;
            return Ok(());
        }
        let mut failed = None;
        let (desired, why) = if current > range.max {
            (
                range.max,
                "Current number of replicas above Spec.MaxReplicas".to_owned(),
            )
        } else if current < range.min {
            (
                range.min,
                "Current number of replicas below Spec.MinReplicas".to_owned(),
            )
        } else {
            let found = self.measure(spec, &target).await?;
            self.status.current_metrics = Some(found.statuses).filter(|statuses| !statuses.is_empty());
            failed = found.failed;
            let why = if found.replicas > current {
                format!("{} above target", found.name)
            } else {
                "All metrics below target".to_owned()
            };
            (self.bound(spec, range, found.replicas), why)
        };
        self.status.desired_replicas = desired;
        if desired != current {
            self.rescale(&target, desired, &why).await?;
        }
        failed.map_or(Ok(()), |message| Err(Error::Again(message)))
    }

    /// Asks for all metrics; the highest proposal counts. Down it goes only if all of them answer.
    async fn measure(&mut self, spec: &HorizontalPodAutoscalerSpec, target: &Scalable) -> Result<Found> {
        let hpa = Arc::clone(&self.hpa);
        let pods = self.select(target).await?;
        let scene = Scene {
            source: Source {
                client: &self.ctx.client,
                namespace: &self.key.namespace,
            },
            pods,
            selector: target.selector.clone(),
            wanted: target.wanted,
            present: target.present,
            tolerances: tolerances(spec),
            now: self.now,
        };
        let mut found = Found {
            replicas: 0,
            name: String::new(),
            statuses: Vec::new(),
            failed: None,
        };
        let metrics = spec.metrics.as_deref().unwrap_or_default();
        let mut failures: Vec<Failed> = Vec::new();
        for metric in metrics {
            match scene.evaluate(metric).await {
                Ok(evaluated) => {
                    if found.replicas == 0 || evaluated.replicas > found.replicas {
                        (found.replicas, found.name) = (evaluated.replicas, evaluated.name);
                    }
                    found.statuses.push(evaluated.status);
                }
                Err(failure) => {
                    self.events.warning(&*hpa, failure.reason, failure.cause.clone()).await;
                    failures.push(failure);
                    // statuses are read by the places of their metrics
                    found.statuses.push(MetricStatus {
                        type_: metric.type_.clone(),
                        ..MetricStatus::default()
                    });
                }
            }
        }
        let count = failures.len();
        if let Some(first) = failures.into_iter().next() {
            let message = format!(
                "invalid metrics ({count} invalid out of {}), first error is: {first}",
                metrics.len()
            );
            if count >= metrics.len() || found.replicas < target.wanted {
                let why = format!("the HPA was unable to compute the replica count: {}", first.cause);
                self.condition("ScalingActive", false, first.reason, why);
                self.status.current_metrics = Some(found.statuses).filter(|statuses| !statuses.is_empty());
                self.events
                    .warning(&*hpa, "FailedComputeMetricsReplicas", message.clone())
                    .await;
                return Err(Error::Again(message));
            }
            found.failed = Some(message);
        }
        let message = format!(
            "the HPA was able to successfully calculate a replica count from {}",
            found.name
        );
        self.condition("ScalingActive", true, "ValidMetricFound", message);
        Ok(found)
    }

    /// The target's pods, if they are nobody else's too.
    async fn select(&mut self, target: &Scalable) -> Result<Vec<Arc<Pod>>> {
        let hpa = Arc::clone(&self.hpa);
        if target.selector.is_empty() {
            self.events
                .warning(&*hpa, "SelectorRequired", "selector is required".to_owned())
                .await;
            let message = "the HPA target's scale is missing a selector".to_owned();
            self.condition("ScalingActive", false, "InvalidSelector", message);
            return Err(Error::Again("selector is required".to_owned()));
        }
        let selector = LabelSelector::parse(&target.selector)?;
        let in_namespace = self.ctx.pods.in_namespace(&self.key.namespace);
        let pods: Vec<_> = in_namespace
            .into_iter()
            .filter(|pod| selector.matches(pod.labels()))
            .collect();
        let rivals = self.known.claim(self.key, selector, &pods);
        if rivals.len() > 1 {
            let names = rivals.join(" ");
            let message = format!(
                "pods by selector {} are controlled by multiple HPAs: [{names}]",
                target.selector
            );
            self.events.warning(&*hpa, "AmbiguousSelector", message.clone()).await;
            self.condition("ScalingActive", false, "AmbiguousSelector", message.clone());
            return Err(Error::Again(message));
        }
        Ok(pods)
    }

    fn bound(&mut self, spec: &HorizontalPodAutoscalerSpec, range: Range, proposed: i32) -> i32 {
        let now = self.now;
        let Outcome {
            replicas,
            able,
            limited,
        } = self.known.with(self.key, |history| {
            history.normalize(spec.behavior.as_ref(), range, proposed, now)
        });
        self.condition("AbleToScale", able.0, able.1, able.2.to_owned());
        self.condition("ScalingLimited", limited.0, limited.1, limited.2.to_owned());
        replicas
    }

    async fn rescale(&mut self, target: &Scalable, desired: i32, why: &str) -> Result<()> {
        let hpa = Arc::clone(&self.hpa);
        if let Err(error) = target.scale(desired).await {
            let note = format!("New size: {desired}; reason: {why}; error: {error}");
            self.events.warning(&*hpa, "FailedRescale", note).await;
            let message = format!("the HPA controller was unable to update the target scale: {error}");
            self.condition("AbleToScale", false, "FailedUpdateScale", message);
            return Err(error);
        }
        let message = format!("the HPA controller was able to update the target scale to {desired}");
        self.condition("AbleToScale", true, "SucceededRescale", message);
        let note = format!("New size: {desired}; reason: {why}");
        self.events.normal(&*hpa, "SuccessfulRescale", note).await;
        if let Some(behavior) = &hpa.spec.behavior {
            let (from, now) = (target.wanted, self.now);
            self.known
                .with(self.key, |history| history.scaled(from, desired, behavior, now));
        }
        self.status.last_scale_time = Some(Time(self.now));
        Ok(())
    }

    fn condition(&mut self, kind: &str, status: bool, reason: &str, message: String) {
        let status = if status { "True" } else { "False" };
        let conditions = self.status.conditions.get_or_insert_default();
        let index = conditions.iter().position(|one| one.type_ == kind).unwrap_or_else(|| {
            conditions.push(HorizontalPodAutoscalerCondition {
                type_: kind.to_owned(),
                ..HorizontalPodAutoscalerCondition::default()
            });
            conditions.len() - 1
        });
        let condition = &mut conditions[index];
        if condition.status != status {
            condition.last_transition_time = Some(Time(self.now));
        }
        status.clone_into(&mut condition.status);
        condition.reason = Some(reason.to_owned());
        condition.message = Some(message);
    }

    async fn write(self) -> Result<()> {
        if self.hpa.status.as_ref() == Some(&self.status) {
            return Ok(());
        }
        let mut new = HorizontalPodAutoscaler::clone(&self.hpa);
        new.status = Some(self.status);
        let api: Api<HorizontalPodAutoscaler> = Api::namespaced(self.ctx.client.clone(), &self.key.namespace);
        api.replace_status(&self.key.name, &PostParams::default(), &new)
            .await
            .unless_gone()?;
        Ok(())
    }
}

fn tolerances(spec: &HorizontalPodAutoscalerSpec) -> Tolerances {
    let general = Tolerances::default();
    let Some(behavior) = &spec.behavior else { return general };
    let of = |rules: Option<&HPAScalingRules>, general: f64| {
        let own = rules.and_then(|rules| rules.tolerance.as_ref());
        own.and_then(|own| own.0.parse::<Quantity>().ok())
            .map_or(general, |own| own.as_f64())
    };
    Tolerances {
        down: of(behavior.scale_down.as_ref(), general.down),
        up: of(behavior.scale_up.as_ref(), general.up),
    }
}
