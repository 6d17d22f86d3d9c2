//! Pods of a job.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod};
use kube::ResourceExt as _;

use super::count::{Counts, FINALIZER, INDEX, index, replaces_only_failed};
use super::policy;
use crate::shared::owner::controller_ref;
use crate::shared::pods::from_template;

const VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// Up to `count` new pods; with indexes, the lowest that are neither done nor given up nor running, and that `may` be
/// tried now.
pub(super) fn pods(job: &Job, counts: &Counts, count: usize, may: impl Fn(i32) -> bool) -> Vec<Pod> {
    let spec = job.spec.clone().unwrap_or_default();
    let indexed = spec.completion_mode.as_deref() == Some("Indexed");
    let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
    let plain = |prefix: &str| {
        let mut pod = from_template(&spec.template, &namespace, prefix, controller_ref(job));
        pod.finalizers_mut().push(FINALIZER.to_owned());
        pod
    };
    if !indexed {
        return (0..count).map(|_| plain(&name)).collect();
    }
    let mut busy: BTreeSet<i32> = counts.active.iter().filter_map(|pod| index(pod)).collect();
    if replaces_only_failed(job) {
        busy.extend(counts.terminating.iter().filter_map(|pod| index(pod)));
    }
    let taken = |i: &i32| counts.completed.contains(i) || counts.failed_indexes.contains(i) || busy.contains(i);
    let free = (0..spec.completions.unwrap_or_default()).filter(|i| !taken(i));
    free.take(count)
        .filter(|i| may(*i))
        .map(|i| {
            let mut pod = with_index(plain(&format!("{name}-{i}")), &name, i);
            if spec.backoff_limit_per_index.is_some() {
                let before = counts
                    .replaced
                    .get(&i)
                    .map(|failed| policy::failures_with(&spec, failed));
                let (failures, ignored) = before.unwrap_or_default();
                pod.annotations_mut()
                    .insert(policy::FAILURES.to_owned(), failures.to_string());
                if ignored > 0 {
                    pod.annotations_mut()
                        .insert(policy::IGNORED.to_owned(), ignored.to_string());
                }
            }
            pod
        })
        .collect()
}

fn with_index(mut pod: Pod, name: &str, index: i32) -> Pod {
    pod.annotations_mut().insert(INDEX.to_owned(), index.to_string());
    pod.labels_mut().insert(INDEX.to_owned(), index.to_string());
    if let Some(spec) = &mut pod.spec {
        spec.hostname = Some(format!("{name}-{index}"));
        for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
            let env = container.env.get_or_insert_default();
            if env.iter().any(|variable| variable.name == VARIABLE) {
                continue;
            }
            let field = ObjectFieldSelector {
                field_path: format!("metadata.labels['{INDEX}']"),
                ..Default::default()
            };
            env.push(EnvVar {
                name: VARIABLE.to_owned(),
                value_from: Some(EnvVarSource {
                    field_ref: Some(field),
                    ..EnvVarSource::default()
                }),
                ..EnvVar::default()
            });
        }
    }
    pod
}
