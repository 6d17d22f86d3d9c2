//! Controllers that run by the clock or for objects of all namespaces, seen at work.

use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::rbac::v1::ClusterRole;

use super::*;

fn ago(days: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)
}

/// A CronJob whose last time was ten days ago, and whose next is weeks away. It does not run yet.
fn cron(name: &str, change: &Value) -> Value {
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]});
    let day = ago(10).to_zoned(jiff::tz::TimeZone::UTC).day();
    let mut cron = json!({"metadata": {"name": name}, "spec": {"schedule": format!("0 0 {day} * *"), "suspend": true,
        "jobTemplate": {"spec": {"template": {"spec": pod}}}}});
    for (key, value) in change.as_object().into_iter().flatten() {
        cron["spec"][key] = value.clone();
    }
    cron
}

/// Lets the CronJob have run before that day, and lets it run.
async fn turn_back(cluster: &Cluster, name: &str) {
    let api: Api<CronJob> = cluster.api();
    let status = Patch::Merge(json!({"status": {"lastScheduleTime": machinery::decode::format_time(ago(15))}}));
    let patched = api.patch_status(name, &PatchParams::default(), &status).await;
    patched.expect("turned back");
    suspend(cluster, name, false).await;
}

/// A test must not depend on whether a minute begins while it runs.
async fn suspend(cluster: &Cluster, name: &str, suspend: bool) {
    let api: Api<CronJob> = cluster.api();
    let change = Patch::Merge(json!({"spec": {"suspend": suspend}}));
    let patched = api.patch(name, &PatchParams::default(), &change).await;
    patched.expect("suspended");
}

async fn finish(cluster: &Cluster, name: &str) {
    let started = |jobs: Vec<Job>| {
        let job = jobs.into_iter().find(|job| job.name_any() == name)?;
        job.status?.start_time.map(drop)
    };
    cluster.until("its start", started).await;
    let api: Api<Job> = cluster.api();
    let now = machinery::decode::format_time(jiff::Timestamp::now());
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "lastProbeTime": now});
    let status = json!({"status": {"completionTime": now, "active": null, "ready": 0, "terminating": 0,
        "succeeded": 1, "uncountedTerminatedPods": {},
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]}});
    let patched = api
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await;
    patched.expect("finished");
}

fn names(jobs: &[Job]) -> Vec<String> {
    let mut names: Vec<String> = jobs.iter().map(|job| job.name_any()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_job_makes_jobs_and_keeps_as_many_as_it_is_told() {
    let cluster = Cluster::start().await;
    let limits = json!({"successfulJobsHistoryLimit": 1});
    let _: CronJob = cluster.create(cron("c", &limits)).await;
    turn_back(&cluster, "c").await;
    let first = cluster
        .until("a job", |jobs: Vec<Job>| names(&jobs).into_iter().next())
        .await;
    suspend(&cluster, "c", true).await;
    finish(&cluster, &first).await;
    let owned = cluster.api::<Job>().get(&first).await.expect("job");
    let owner = owned.owner_references().first().expect("owner");
    assert_eq!((&*owner.kind, &*owner.name), ("CronJob", "c"));
    let noted = |crons: Vec<CronJob>| {
        let status = crons.into_iter().next()?.status?;
        (status.active.is_none() && status.last_successful_time.is_some()).then_some(())
    };
    cluster.until("its success is noted", noted).await;
    // of two that are done the older one goes
    let job = json!({"metadata": {"name": "a-new-one", "ownerReferences": owned.metadata.owner_references},
        "spec": {"template": cron("x", &json!({}))["spec"]["jobTemplate"]["spec"]["template"]}});
    // starts are told by the second
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let _: Job = cluster.create(job).await;
    finish(&cluster, "a-new-one").await;
    let left = |jobs: Vec<Job>| (names(&jobs) == ["a-new-one"]).then_some(());
    cluster.until("one job is left", left).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_job_heeds_what_runs_as_its_policy_says() {
    let cluster = Cluster::start().await;
    for policy in ["Forbid", "Replace"] {
        let name = policy.to_lowercase();
        let made: CronJob = cluster.create(cron(&name, &json!({"concurrencyPolicy": policy}))).await;
        let of = |jobs: &[Job]| -> Vec<String> {
            let all = names(jobs);
            all.into_iter().filter(|job| job.starts_with(&name)).collect()
        };
        let api: Api<Job> = cluster.api();
        let running = json!({"metadata": {"name": format!("{name}-running"),
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": made.uid(), "controller": true}]},
            "spec": {"template": cron("x", &json!({}))["spec"]["jobTemplate"]["spec"]["template"]}});
        let _: Job = cluster.create(running).await;
        let active = |crons: Vec<CronJob>| {
            let cron = crons.into_iter().find(|cron| cron.name_any() == name)?;
            let active = cron.status?.active?;
            (active.len() == 1 && active[0].name.as_deref()?.ends_with("running")).then_some(())
        };
        cluster.until("one is active", active).await;
        turn_back(&cluster, &name).await;
        if policy == "Replace" {
            let replaced = |jobs: Vec<Job>| (of(&jobs).len() == 1 && !of(&jobs)[0].ends_with("running")).then_some(());
            cluster.until("it is replaced", replaced).await;
        } else {
            cluster
                .until("it is left alone", |events: Vec<k8s_openapi::api::core::v1::Event>| {
                    let mut reasons = events.into_iter().filter_map(|event| event.reason);
                    reasons.any(|reason| reason == "JobAlreadyActive").then_some(())
                })
                .await;
            let jobs = api.list(&ListParams::default()).await.expect("jobs").items;
            assert_eq!(of(&jobs), ["forbid-running"]);
        }
    }
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_goes_when_its_time_is_over() {
    let cluster = Cluster::start().await;
    let template = cron("x", &json!({}))["spec"]["jobTemplate"]["spec"]["template"].clone();
    let job = json!({"metadata": {"name": "j"}, "spec": {"ttlSecondsAfterFinished": 1, "template": template}});
    let _: Job = cluster.create(job).await;
    finish(&cluster, "j").await;
    cluster
        .until("its end", |jobs: Vec<Job>| jobs.is_empty().then_some(()))
        .await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_roles_are_summed_up() {
    let cluster = Cluster::start().await;
    let rule = |resource: &str| json!([{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}]);
    let labels = json!({"sum": "yes"});
    let sum = json!({"metadata": {"name": "sum"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]},
        "rules": []});
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    for role in [
        sum,
        json!({"metadata": {"name": "one", "labels": labels}, "rules": rule("pods")}),
        json!({"metadata": {"name": "two", "labels": labels}, "rules": rule("secrets")}),
    ] {
        let role: ClusterRole = serde_json::from_value(role).expect("role");
        roles.create(&PostParams::default(), &role).await.expect("created");
    }
    let summed = |count: usize| {
        move |roles: Vec<ClusterRole>| {
            let sum = roles.into_iter().find(|role| role.name_any() == "sum")?;
            (sum.rules?.len() == count).then_some(())
        }
    };
    until(&roles, "both", summed(2)).await;
    roles.delete("two", &DeleteParams::default()).await.expect("deleted");
    until(&roles, "one", summed(1)).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_somebody_writes_are_mirrored() {
    let cluster = Cluster::start().await;
    let service = json!({"metadata": {"name": "outside"}, "spec": {"ports": [{"port": 80}]}});
    let _: Service = cluster.create(service).await;
    let subsets = json!([{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 8080}]}]);
    let _: Endpoints = cluster
        .create(json!({"metadata": {"name": "outside"}, "subsets": subsets}))
        .await;
    let slice = |slices: Vec<EndpointSlice>| {
        let slice = slices.into_iter().find(|slice| {
            slice
                .labels()
                .get("kubernetes.io/service-name")
                .is_some_and(|name| name == "outside")
        })?;
        let manager = slice.labels().get("endpointslice.kubernetes.io/managed-by").cloned()?;
        (slice.endpoints.as_ref()?.first()?.addresses == ["192.0.2.7"]).then_some(manager)
    };
    let manager = cluster.until("a slice", slice).await;
    assert_eq!(manager, "endpointslicemirroring-controller.k8s.io");
    let endpoints: Api<Endpoints> = cluster.api();
    endpoints
        .delete("outside", &DeleteParams::default())
        .await
        .expect("deleted");
    let gone = |slices: Vec<EndpointSlice>| slice(slices).is_none().then_some(());
    cluster.until("its end", gone).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}
