//! Counting finished pods exactly once: a pod is noted by uid before its finalizer goes, and counted once it is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::indexes;
use super::policy::{self, Verdict};
use crate::shared::pods;

/// Keeps a pod until it is counted.
pub(super) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Numbers of a job's pods.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub succeeded: i32,
    pub failed: i32,
    pub active: Vec<Arc<Pod>>,
    /// Pods that have been deleted and still run.
    pub terminating: Vec<Arc<Pod>>,
    pub completed: BTreeSet<i32>,
    /// Pods whose finalizer can go once the status is written.
    pub release: Vec<Arc<Pod>>,
    /// Pods that finished and have a finalizer still.
    pub finished: Vec<Arc<Pod>>,
    /// Indexes that are given up; only of jobs with a limit per index.
    pub failed_indexes: BTreeSet<i32>,
    /// The last failed pod of indexes that are to be tried again: it tells its replacement how often they failed, and
    /// stays until that is there.
    pub replaced: BTreeMap<i32, Arc<Pod>>,
    /// Why the job's policy ends it.
    pub fatal: Option<String>,
}

pub(super) fn has_finalizer(pod: &Pod) -> bool {
    pod.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

pub(super) fn index(pod: &Pod) -> Option<i32> {
    pod.annotations().get(INDEX)?.parse().ok()
}

fn is_indexed(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.completion_mode.as_deref()) == Some("Indexed")
}

/// A deleted pod is replaced only when it has ended.
pub(super) fn replaces_only_failed(job: &Job) -> bool {
    let spec = job.spec.as_ref();
    spec.and_then(|spec| spec.pod_replacement_policy.as_deref()) == Some("Failed")
}

/// Deleted pods count as failed, unless only failed ones are to be replaced.
fn is_failed(job: &Job, pod: &Pod) -> bool {
    pods::phase(pod) == "Failed"
        || (!replaces_only_failed(job) && pods::is_terminating(pod) && pods::phase(pod) != "Succeeded")
}

/// The newest failed pod of each index that is neither done nor given up nor running again.
fn replaced(counts: &Counts, failed: &[&Arc<Pod>]) -> BTreeMap<i32, Arc<Pod>> {
    let mut out: BTreeMap<i32, Arc<Pod>> = BTreeMap::new();
    let running: BTreeSet<i32> = counts.active.iter().filter_map(|pod| index(pod)).collect();
    for pod in failed {
        let Some(at) = index(pod).filter(|at| {
            !counts.completed.contains(at) && !counts.failed_indexes.contains(at) && !running.contains(at)
        }) else {
            continue;
        };
        let newer = out
            .get(&at)
            .is_none_or(|kept| kept.creation_timestamp() <= pod.creation_timestamp());
        if newer {
            out.insert(at, Arc::clone(pod));
        }
    }
    out
}

/// Brings `status` up to date with the pods. A job that is `ending` replaces none.
pub(super) fn count(job: &Job, status: &mut JobStatus, all: &[Arc<Pod>], ending: bool) -> Counts {
    let mut out = Counts {
        completed: indexes::parse(status.completed_indexes.as_deref().unwrap_or_default()),
        failed_indexes: indexes::parse(status.failed_indexes.as_deref().unwrap_or_default()),
        ..Counts::default()
    };
    let spec = job.spec.clone().unwrap_or_default();
    let per_index = spec.backoff_limit_per_index.is_some();
    let mut failed: Vec<&Arc<Pod>> = Vec::new();
    let indexed = is_indexed(job);
    let held: BTreeSet<String> = all
        .iter()
        .filter(|pod| has_finalizer(pod))
        .filter_map(|pod| pod.uid())
        .collect();
    let mut uncounted = status.uncounted_terminated_pods.take().unwrap_or_default();
    let flush = |uids: &mut Option<Vec<String>>| {
        let before = uids.as_ref().map_or(0, Vec::len);
        if let Some(uids) = uids {
            uids.retain(|uid| held.contains(uid));
        }
        i32::try_from(before - uids.as_ref().map_or(0, Vec::len)).unwrap_or_default()
    };
    let gone = (flush(&mut uncounted.succeeded), flush(&mut uncounted.failed));
    if !indexed {
        status.succeeded = some(status.succeeded.unwrap_or_default() + gone.0);
    }
    status.failed = some(status.failed.unwrap_or_default() + gone.1);
    for pod in all {
        let uid = pod.uid().unwrap_or_default();
        let tracked = has_finalizer(pod);
        if pods::phase(pod) == "Succeeded" {
            if !tracked {
                continue;
            }
            out.finished.push(pod.clone());
            if indexed {
                out.completed.extend(index(pod));
            } else {
                let list = uncounted.succeeded.get_or_insert_default();
                if !list.contains(&uid) {
                    list.push(uid);
                }
            }
            out.release.push(pod.clone());
        } else if is_failed(job, pod) {
            if tracked {
                out.finished.push(pod.clone());
                let verdict = policy::judge(&spec, pod);
                if per_index && policy::exhausts_index(&spec, pod, &verdict) {
                    out.failed_indexes.extend(index(pod));
                }
                if let Verdict::JobFails(why) = verdict {
                    out.fatal.get_or_insert(why);
                }
                failed.push(pod);
            }
        } else if !pods::is_terminating(pod) {
            out.active.push(pod.clone());
        }
        if pods::is_terminating(pod) && !pods::is_finished(pod) {
            out.terminating.push(pod.clone());
        }
    }
    if per_index && !ending {
        out.replaced = replaced(&out, &failed);
    }
    for pod in failed {
        let uid = pod.uid().unwrap_or_default();
        if out.replaced.values().any(|kept| kept.uid() == pod.uid()) {
            continue;
        }
        let list = uncounted.failed.get_or_insert_default();
        if policy::judge(&spec, pod) != Verdict::Ignored && !list.contains(&uid) {
            list.push(uid);
        }
        out.release.push(pod.clone());
    }
    let pending = |uids: &Option<Vec<String>>| i32::try_from(uids.as_ref().map_or(0, Vec::len)).unwrap_or_default();
    if indexed {
        status.completed_indexes = Some(indexes::format(&out.completed)).filter(|text| !text.is_empty());
        status.succeeded = some(i32::try_from(out.completed.len()).unwrap_or(i32::MAX));
        out.succeeded = status.succeeded.unwrap_or_default();
    } else {
        out.succeeded = status.succeeded.unwrap_or_default() + pending(&uncounted.succeeded);
    }
    out.failed = status.failed.unwrap_or_default() + pending(&uncounted.failed);
    let waiting = out.replaced.values();
    let waiting = waiting.filter(|pod| policy::judge(&spec, pod) != Verdict::Ignored);
    out.failed += i32::try_from(waiting.count()).unwrap_or_default();
    if per_index {
        status.failed_indexes = Some(indexes::format(&out.failed_indexes));
    }
    for list in [&mut uncounted.succeeded, &mut uncounted.failed] {
        *list = list.take().filter(|list| !list.is_empty());
    }
    status.uncounted_terminated_pods = Some(uncounted);
    out
}

/// Whether every finished pod is counted.
pub(super) fn is_settled(status: &JobStatus, counts: &Counts) -> bool {
    let open = status.uncounted_terminated_pods.as_ref();
    counts.release.is_empty()
        && counts.replaced.is_empty()
        && open.is_none_or(|open| open.succeeded.is_none() && open.failed.is_none())
}

pub(super) fn some(count: i32) -> Option<i32> {
    (count != 0).then_some(count)
}
