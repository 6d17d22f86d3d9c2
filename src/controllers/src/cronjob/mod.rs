//! Jobs by the clock.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/cronjob`.

mod schedule;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, ObjectMeta, PostParams, PropagationPolicy};
use kube::{Api, ResourceExt as _};

use crate::shared::error::{Tolerate as _, code};
use crate::shared::owner::{controller_of, controller_ref};
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, work};

use schedule::Schedule;

const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// Missed times are looked for this far back.
const LOOK_BACK: i64 = 60 * 60 * 24 * 40;
/// More missed times than these are worth a warning.
const MANY: usize = 100;

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.cron_jobs.feed(&queue);
    ctx.jobs.feed_owners(&queue, "CronJob");
    ctx.cron_jobs.synced().await;
    ctx.jobs.synced().await;
    let events = Events::new(ctx.client.clone(), "cronjob-controller");
    work("cronjob", &queue, 5, |key: Key| {
        let (ctx, events, queue) = (ctx.clone(), events.clone(), queue.clone());
        async move {
            if let Some(wait) = Box::pin(sync(&ctx, &events, &key)).await? {
                queue.add_after(key, wait);
            }
            Ok(())
        }
    })
    .await
}

/// How the job ended: true if well. None if it has not.
fn ended(job: &Job) -> Option<bool> {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ends = conditions.filter(|condition| condition.status == "True");
    ends.find_map(|condition| match condition.type_.as_str() {
        "Complete" => Some(true),
        "Failed" => Some(false),
        _ => None,
    })
}

/// Until the next time.
async fn sync(ctx: &Ctx, events: &Events, key: &Key) -> Result<Option<Duration>> {
    let Some(cron) = ctx.cron_jobs.get(key) else {
        return Ok(None);
    };
    let spec = cron.spec.clone();
    let uid = cron.uid().unwrap_or_default();
    let own = |job: &Arc<Job>| controller_of(&job.metadata).is_some_and(|owner| owner.uid == uid);
    let jobs: Vec<Arc<Job>> = ctx.jobs.in_namespace(&key.namespace).into_iter().filter(own).collect();
    let mut new = cron.as_ref().clone();
    let status = new.status.get_or_insert_default();
    let running: Vec<&Arc<Job>> = jobs.iter().filter(|job| ended(job).is_none()).collect();
    let mut active: Vec<ObjectReference> = running.iter().map(|job| reference(job)).collect();
    // A job made a moment ago may not be in view yet.
    for known in status.active.iter().flatten() {
        let name = known.name.clone().unwrap_or_default();
        match jobs.iter().find(|job| job.uid() == known.uid) {
            Some(job) => {
                if let Some(well) = ended(job) {
                    let condition = if well { "Complete" } else { "Failed" };
                    let note = format!("Saw completed job: {name}, condition: {condition}");
                    events.normal(cron.as_ref(), "SawCompletedJob", note).await;
                }
            }
            None if exists(ctx, &key.namespace, known).await? => active.push(known.clone()),
            None => {
                let note = format!("Active job went missing: {name}");
                events.normal(cron.as_ref(), "MissingJob", note).await;
            }
        }
    }
    let successes = jobs.iter().filter(|job| ended(job) == Some(true));
    let last_success = successes
        .filter_map(|job| job.status.as_ref()?.completion_time.clone())
        .max();
    if last_success > status.last_successful_time {
        status.last_successful_time = last_success;
    }
    for (well, limit) in [
        (true, spec.successful_jobs_history_limit.unwrap_or(3)),
        (false, spec.failed_jobs_history_limit.unwrap_or(1)),
    ] {
        clean_up(ctx, events, &cron, &jobs, well, limit).await?;
    }
    let now = Timestamp::now();
    let Some((schedule, zone)) = clock(events, &cron).await else {
        return Ok(None);
    };
    let mut wait = None;
    if cron.metadata.deletion_timestamp.is_none() && spec.suspend != Some(true) {
        let (due, missed) = most_recent(&cron, &schedule, &zone, now);
        if missed > MANY {
            let note = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            events
                .warning(cron.as_ref(), "TooManyMissedTimes", note.to_owned())
                .await;
        }
        if let Some(due) = due {
            // in a view from before the last start the same time is due again, and its job would be made or replaced twice
            let api: Api<CronJob> = Api::namespaced(ctx.client.clone(), &key.namespace);
            let live = api.get_opt(&key.name).await?;
            if live.and_then(|live| live.resource_version()) != cron.resource_version() {
                return Err(Error::Again("the CronJob has changed meanwhile".to_owned()));
            }
            let deadline = spec.starting_deadline_seconds;
            let late = deadline.is_some_and(|deadline| now.duration_since(due).as_secs() > deadline);
            let busy = spec.concurrency_policy.as_deref() == Some("Forbid") && !active.is_empty();
            if late {
                let note = format!("Missed scheduled time to start a job: {due}");
                events.warning(cron.as_ref(), "MissSchedule", note).await;
            } else if busy {
                let note = "Not starting job because prior execution is running and concurrency policy is Forbid";
                events.normal(cron.as_ref(), "JobAlreadyActive", note.to_owned()).await;
            } else {
                if spec.concurrency_policy.as_deref() == Some("Replace") {
                    for old in std::mem::take(&mut active) {
                        delete(ctx, events, &cron, &old.name.unwrap_or_default()).await?;
                    }
                }
                if let Some(made) = start(ctx, events, &cron, due, &zone).await? {
                    active.push(reference(&made));
                }
                status.last_schedule_time = Some(Time(due));
            }
        }
        let next = schedule.next(now, &zone);
        wait = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
    }
    active.sort_by(|a, b| a.name.cmp(&b.name));
    active.dedup_by(|a, b| a.uid == b.uid);
    status.active = (!active.is_empty()).then_some(active);
    if new.status.as_ref() != cron.status.as_ref() && new.status != Some(Default::default()) {
        let api: Api<CronJob> = Api::namespaced(ctx.client.clone(), &key.namespace);
        api.replace_status(&key.name, &PostParams::default(), &new)
            .await
            .unless_gone()?;
    }
    // A moment late is better than a moment early.
    Ok(wait.map(|wait| wait + Duration::from_millis(100)))
}

/// When its jobs are due. None, which is told, if nobody knows.
async fn clock(events: &Events, cron: &CronJob) -> Option<(Schedule, TimeZone)> {
    let spec = &cron.spec;
    let (reason, note) = match spec.time_zone.as_deref().map_or(Ok(TimeZone::UTC), TimeZone::get) {
        Err(error) => {
            let named = spec.time_zone.as_deref().unwrap_or_default();
            ("UnknownTimeZone", format!("invalid timeZone: {named:?}: {error}"))
        }
        Ok(zone) => match Schedule::parse(&spec.schedule) {
            Some(schedule) => return Some((schedule, zone)),
            None => (
                "UnparseableSchedule",
                format!("unparseable schedule: {:?}", spec.schedule),
            ),
        },
    };
    events.warning(cron, reason, note).await;
    None
}

/// The latest time that has passed since the last start, and how many have.
fn most_recent(cron: &CronJob, schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> (Option<Timestamp>, usize) {
    let last = cron
        .status
        .as_ref()
        .and_then(|status| status.last_schedule_time.as_ref())
        .map(|time| time.0);
    let created = cron.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let Some(mut earliest) = last.or(created) else {
        return (None, 0);
    };
    let deadline = cron.spec.starting_deadline_seconds.unwrap_or(LOOK_BACK);
    let oldest = now - jiff::SignedDuration::from_secs(deadline.min(LOOK_BACK));
    earliest = earliest.max(oldest);
    let (mut found, mut passed) = (None, 0);
    while let Some(next) = schedule.next(earliest, zone).filter(|next| *next <= now) {
        found = Some(next);
        passed += 1;
        earliest = next;
    }
    (found, passed)
}

fn reference(job: &Job) -> ObjectReference {
    ObjectReference {
        api_version: Some("batch/v1".to_owned()),
        kind: Some("Job".to_owned()),
        name: Some(job.name_any()),
        namespace: job.namespace(),
        uid: job.uid(),
        resource_version: job.resource_version(),
        ..ObjectReference::default()
    }
}

async fn exists(ctx: &Ctx, namespace: &str, reference: &ObjectReference) -> Result<bool> {
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), namespace);
    let live = api.get_opt(reference.name.as_deref().unwrap_or_default()).await?;
    Ok(live.is_some_and(|job| job.uid() == reference.uid && ended(&job).is_none()))
}

async fn delete(ctx: &Ctx, events: &Events, cron: &CronJob, name: &str) -> Result<()> {
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), &cron.namespace().unwrap_or_default());
    match api.delete(name, &params).await {
        Ok(_) => {
            let note = format!("Deleted job {name}");
            events.normal(cron, "SuccessfulDelete", note).await;
            Ok(())
        }
        Err(error) if code(&error) == 404 => Ok(()),
        Err(error) => {
            let note = format!("Deleted job: {error}");
            events.warning(cron, "FailedDelete", note).await;
            Err(error.into())
        }
    }
}

/// Deletes the oldest jobs that ended this way beyond `limit`.
async fn clean_up(ctx: &Ctx, events: &Events, cron: &CronJob, jobs: &[Arc<Job>], well: bool, limit: i32) -> Result<()> {
    let mut all: Vec<&Arc<Job>> = jobs.iter().filter(|job| ended(job) == Some(well)).collect();
    all.sort_by_key(|job| {
        (
            job.status.as_ref().and_then(|status| status.start_time.clone()),
            job.name_any(),
        )
    });
    let surplus = all.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for job in all.into_iter().take(surplus) {
        delete(ctx, events, cron, &job.name_any()).await?;
    }
    Ok(())
}

/// The job of a time. None if it was made before.
async fn start(ctx: &Ctx, events: &Events, cron: &CronJob, due: Timestamp, zone: &TimeZone) -> Result<Option<Job>> {
    let template = cron.spec.job_template.clone();
    let meta = template.metadata.unwrap_or_default();
    let mut annotations = meta.annotations.unwrap_or_default();
    let stamp = due.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    annotations.insert(SCHEDULED.to_owned(), stamp.replace("+00:00", "Z"));
    let job = Job {
        metadata: ObjectMeta {
            name: Some(format!("{}-{}", cron.name_any(), due.as_second() / 60)),
            namespace: cron.namespace(),
            labels: meta.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![controller_ref(cron)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    };
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), &cron.namespace().unwrap_or_default());
    match api.create(&PostParams::default(), &job).await {
        Ok(made) => {
            events
                .normal(cron, "SuccessfulCreate", format!("Created job {}", made.name_any()))
                .await;
            Ok(Some(made))
        }
        Err(error) if code(&error) == 409 => Ok(None),
        Err(error) if crate::replicaset::is_terminating_namespace(&error) => Ok(None),
        Err(error) => {
            events
                .warning(cron, "FailedCreate", format!("Error creating job: {error}"))
                .await;
            Err(error.into())
        }
    }
}
