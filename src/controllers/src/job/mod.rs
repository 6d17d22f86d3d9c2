//! Pods that run to completion.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/job`.

mod backoff;
mod count;
mod indexes;
mod make;
mod outcome;
mod policy;
mod written;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::shared::error::Tolerate as _;
use crate::shared::expectations::Expectations;
use crate::shared::owner::{claim, controller_of, selector};
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

use backoff::Backoff;
use count::{Counts, FINALIZER, has_finalizer, is_settled, some};
use written::Written;

struct Controller {
    ctx: Arc<Ctx>,
    queue: Arc<Queue<Key>>,
    expectations: Arc<Expectations>,
    written: Written,
    events: Events,
    /// By job.
    failures: Mutex<HashMap<Key, Backoff>>,
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let expectations = Arc::new(Expectations::default());
    ctx.jobs.feed(&queue);
    let (weak, expected) = (Arc::downgrade(&queue), expectations.clone());
    ctx.pods.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        let owner = |pod: Option<&Arc<Pod>>| {
            let pod = pod?;
            let owner = controller_of(&pod.metadata).filter(|owner| owner.kind == "Job")?;
            Some(Key::new(pod.namespace().unwrap_or_default(), &*owner.name))
        };
        if let Some(key) = owner(new).filter(|_| old.is_none()) {
            expected.created(&key);
        }
        // Its former job may want it back.
        [owner(old), owner(new)]
            .into_iter()
            .flatten()
            .for_each(|key| queue.add(key));
        true
    });
    ctx.jobs.synced().await;
    ctx.pods.synced().await;
    let events = Events::new(ctx.client.clone(), "job-controller");
    let controller = Controller {
        ctx,
        queue: queue.clone(),
        expectations,
        written: Written::default(),
        events,
        failures: Mutex::default(),
    };
    work("job", &queue, 5, |key: Key| Box::pin(controller.sync(key))).await
}

impl Controller {
    async fn sync(&self, key: Key) -> Result<()> {
        self.let_orphans_go(&key).await?;
        let Some(job) = self.ctx.jobs.get(&key) else {
            self.expectations.forget(&key);
            self.written.forget(&key);
            self.failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
            return Ok(());
        };
        // The watch brings the newer one, and with it another sync.
        if self.written.is_stale(&job) {
            return Ok(());
        }
        let Some(spec) = &job.spec else { return Ok(()) };
        let Some(wanted) = &spec.selector else { return Ok(()) };
        // Another controller's job.
        if spec
            .managed_by
            .as_deref()
            .is_some_and(|by| by != "kubernetes.io/job-controller")
        {
            return Ok(());
        }
        let all = self.ctx.pods.in_namespace(&key.namespace);
        let all = claim(&self.ctx.client, job.as_ref(), &selector(wanted)?, all).await?;
        if outcome::finished(&job).is_some() || job.metadata.deletion_timestamp.is_some() {
            self.release(&all).await?;
            return self.expire(&key, &job).await;
        }
        if !self.expectations.met(&key) {
            return Ok(());
        }
        let now = Timestamp::now();
        let before = job.status.clone().unwrap_or_default();
        let mut status = before.clone();
        let suspended = spec.suspend == Some(true);
        if status.start_time.is_none() && !suspended {
            status.start_time = Some(Time(now));
        }
        let ending = outcome::is_ending(&status);
        let counts = count::count(&job, &mut status, &all, ending);
        self.note_failures(&key, &counts);
        let decision = outcome::decide(&job, &mut status, &counts, now);
        let result = match decision {
            outcome::Decision::Ended => self.delete(&counts.active, false).await,
            outcome::Decision::Suspended => self.delete(&counts.active, true).await,
            outcome::Decision::Run => self.manage(&key, &job, &counts, now).await,
        };
        let active = if decision == outcome::Decision::Run || result.is_err() {
            counts.active.len()
        } else {
            0
        };
        status.active = some(i32::try_from(active).unwrap_or(i32::MAX) + *result.as_ref().unwrap_or(&0));
        let ready = counts.active.iter().filter(|pod| pods::is_ready(pod)).count();
        status.ready = Some(i32::try_from(ready).unwrap_or(i32::MAX));
        status.terminating = Some(i32::try_from(counts.terminating.len()).unwrap_or(i32::MAX));
        let settled = is_settled(&status, &counts);
        outcome::conclude(&job, &mut status, &counts, settled, now);
        self.write(&job, &before, status).await?;
        self.release(&counts.release).await?;
        if let Some(wait) = outcome::next_deadline(&job, now) {
            self.queue.add_after(key, wait);
        }
        result.map(|_| ())
    }

    async fn write(&self, job: &Job, before: &JobStatus, status: JobStatus) -> Result<()> {
        if status == *before {
            return Ok(());
        }
        let ended = outcome::last(&status);
        let news = ended.filter(|ended| !before.conditions.iter().flatten().any(|old| old.type_ == ended.type_));
        if let Some(news) = news {
            let (reason, message) = (
                news.reason.clone().unwrap_or_default(),
                news.message.clone().unwrap_or_default(),
            );
            match news.type_.as_str() {
                "Complete" => self.events.normal(job, "Completed", "Job completed".to_owned()).await,
                "Failed" => self.events.warning(job, &reason, message).await,
                _ => {}
            }
        }
        let mut new = job.clone();
        new.status = Some(status);
        let api: Api<Job> = Api::namespaced(self.ctx.client.clone(), &job.namespace().unwrap_or_default());
        let written = api
            .replace_status(&job.name_any(), &PostParams::default(), &new)
            .await
            .unless_gone()?;
        if let Some(written) = written {
            self.written.note(&written);
        }
        Ok(())
    }

    /// Pods of a job that is gone have nobody to count them.
    async fn let_orphans_go(&self, key: &Key) -> Result<()> {
        let uid = self.ctx.jobs.get(key).and_then(|job| job.uid());
        let orphaned = |pod: &Arc<Pod>| {
            let owner = controller_of(&pod.metadata).filter(|owner| owner.kind == "Job" && owner.name == key.name);
            has_finalizer(pod) && owner.is_some_and(|owner| Some(&owner.uid) != uid.as_ref())
        };
        let all = self.ctx.pods.in_namespace(&key.namespace);
        let orphans: Vec<_> = all.into_iter().filter(orphaned).collect();
        self.release(&orphans).await
    }

    /// Lets counted pods go.
    async fn release(&self, all: &[Arc<Pod>]) -> Result<()> {
        for pod in all.iter().filter(|pod| has_finalizer(pod)) {
            let api: Api<Pod> = Api::namespaced(self.ctx.client.clone(), &pod.namespace().unwrap_or_default());
            let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
            api.patch(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch))
                .await
                .unless_gone()?;
        }
        Ok(())
    }

    /// Deletes pods; those of a suspended job do not count as failed.
    async fn delete(&self, active: &[Arc<Pod>], uncounted: bool) -> Result<i32> {
        if uncounted {
            self.release(active).await?;
        }
        for pod in active {
            let api: Api<Pod> = Api::namespaced(self.ctx.client.clone(), &pod.namespace().unwrap_or_default());
            api.delete(&pod.name_any(), &DeleteParams::default())
                .await
                .unless_gone()?;
        }
        Ok(0)
    }

    fn note_failures(&self, key: &Key, counts: &Counts) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.finished.is_empty() || failures.contains_key(key) {
            failures.entry(key.clone()).or_default().note(&counts.finished);
        }
    }

    /// Seconds to wait before more pods are made.
    fn backoff(&self, key: &Key, now: Timestamp) -> u64 {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(key).map_or(0, |backoff| backoff.remaining(now))
    }

    /// Makes or deletes pods; returns by how many the number of active ones changed.
    async fn manage(&self, key: &Key, job: &Arc<Job>, counts: &Counts, now: Timestamp) -> Result<i32> {
        let spec = job.spec.clone().unwrap_or_default();
        let active = i32::try_from(counts.active.len()).unwrap_or(i32::MAX);
        let parallelism = spec.parallelism.unwrap_or(1);
        let wanted = match spec.completions {
            None if counts.succeeded > 0 => active,
            None => parallelism,
            Some(completions) => (completions - counts.succeeded).clamp(0, parallelism),
        };
        if active > wanted {
            let surplus = usize::try_from(active - wanted).unwrap_or_default();
            let mut order = counts.active.clone();
            pods::by_deletion_order(&mut order, &|_| 0);
            order.truncate(surplus);
            self.delete(&order, true).await?;
            return Ok(wanted - active);
        }
        // those on their way out may count as failed only when they are
        let leaving = if count::replaces_only_failed(job) {
            i32::try_from(counts.terminating.len()).unwrap_or(i32::MAX)
        } else {
            0
        };
        let missing = usize::try_from(wanted - leaving - active).unwrap_or_default().min(500);
        if missing == 0 {
            return Ok(0);
        }
        let per_index = spec.backoff_limit_per_index.is_some();
        let wait = if per_index { 0 } else { self.backoff(key, now) };
        if wait > 0 {
            self.queue.add_after(key.clone(), Duration::from_secs(wait));
            return Ok(0);
        }
        let waits = |index: i32| {
            counts
                .replaced
                .get(&index)
                .map_or(0, |failed| backoff::of_index(&spec, failed, now))
        };
        let new = make::pods(job, counts, missing, |index| waits(index) == 0);
        if let Some(soonest) = counts
            .replaced
            .keys()
            .map(|index| waits(*index))
            .filter(|wait| *wait > 0)
            .min()
        {
            self.queue.add_after(key.clone(), Duration::from_secs(soonest));
        }
        let api: Api<Pod> = Api::namespaced(self.ctx.client.clone(), &key.namespace);
        self.expectations.expect_creations(key, new.len());
        let (made, result) = pods::slow_start(new.len(), |i| {
            let (api, pod, job) = (&api, &new[i], job.clone());
            async move {
                let made = api.create(&PostParams::default(), pod).await?;
                let note = format!("Created pod: {}", made.name_any());
                self.events.normal(job.as_ref(), "SuccessfulCreate", note).await;
                Ok(())
            }
        })
        .await;
        (made..new.len()).for_each(|_| self.expectations.created(key));
        if let Err(error) = result {
            self.events
                .warning(job.as_ref(), "FailedCreate", format!("Error creating: {error}"))
                .await;
            return Err(error);
        }
        Ok(i32::try_from(made).unwrap_or(i32::MAX))
    }

    /// Deletes a finished job when its time to live is over.
    async fn expire(&self, key: &Key, job: &Job) -> Result<()> {
        let ttl = job.spec.as_ref().and_then(|spec| spec.ttl_seconds_after_finished);
        let (Some(ttl), Some(finished)) = (ttl, outcome::finished(job)) else {
            return Ok(());
        };
        if job.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let left = i64::from(ttl) - Timestamp::now().duration_since(finished).as_secs();
        if left > 0 {
            self.queue.add_after(
                key.clone(),
                Duration::from_secs(u64::try_from(left).unwrap_or_default()),
            );
            return Ok(());
        }
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions {
                uid: job.uid(),
                resource_version: job.resource_version(),
            }),
            ..DeleteParams::default()
        };
        let api: Api<Job> = Api::namespaced(self.ctx.client.clone(), &key.namespace);
        api.delete(&key.name, &params).await.unless_gone()?;
        Ok(())
    }
}
