//! What controllers do with objects that other tests do not make: jobs made of CronJobs and jobs that clean up after themselves,
//! hand-written Endpoints, ranges of services' addresses, aggregated roles, claims of resources, and pods' names used anew.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, until};
use serde_json::{Value, json};

use crate::Shared;
use crate::network::nodes;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "controllers::a_job_made_of_a_cron_job_is_its",
        a_job_made_of_a_cron_job_is_its,
    ),
    (
        "controllers::a_finished_job_cleans_up_after_itself",
        a_finished_job_cleans_up_after_itself,
    ),
    (
        "controllers::hand_written_endpoints_answer",
        hand_written_endpoints_answer,
    ),
    (
        "controllers::a_second_range_of_service_addresses",
        a_second_range_of_service_addresses,
    ),
    (
        "controllers::an_aggregated_role_follows_its_parts",
        an_aggregated_role_follows_its_parts,
    ),
    (
        "controllers::a_resource_claim_is_made_and_goes_with_its_pod",
        a_resource_claim_is_made_and_goes_with_its_pod,
    ),
    ("controllers::a_name_is_used_anew_at_once", a_name_is_used_anew_at_once),
    (
        "controllers::each_node_has_a_range_of_its_own",
        each_node_has_a_range_of_its_own,
    ),
];

/// Generous, because these tests share two cores with whatever else the machine does.
const LONG: u64 = 120;

/// Waits until kubectl's output, in the test's own namespace, is as wanted.
fn says(cluster: &Cluster, what: &str, args: &[&str], wanted: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    until(what, LONG, || {
        let said = cluster.kubectl(args)?;
        ensure!(wanted(&said), "{said:?}");
        Ok(said)
    })
}

fn a_job_made_of_a_cron_job_is_its(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("cron")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "cron"], args].concat());
    let image = "--image=rkube.test/busybox:1";
    // it will not run by itself in the time of this test, unless that begins with a year
    let schedule = "--schedule=0 0 1 1 *";
    kubectl(&["create", "cronjob", "tick", image, schedule, "--", "echo", "tick"])?;
    kubectl(&["create", "job", "once", "--from=cronjob/tick"])?;
    kubectl(&["wait", "--for=condition=complete", "job/once", "--timeout=120s"])?;
    ensure!(kubectl(&["logs", "job/once"])? == "tick\n");
    let cron = cluster.get(&["-n", "cron", "cronjob", "tick"])?;
    let job = cluster.get(&["-n", "cron", "job", "once"])?;
    let owner = &job["metadata"]["ownerReferences"][0];
    ensure!(
        owner["uid"] == cron["metadata"]["uid"] && owner["kind"] == "CronJob",
        "{owner}"
    );
    kubectl(&["delete", "cronjob", "tick"])?;
    let left = ["-n", "cron", "get", "jobs,pods", "-o", "name"];
    says(
        cluster,
        "the job and its pod to go with their owner",
        &left,
        str::is_empty,
    )?;
    cluster.kubectl(&["delete", "namespace", "cron", "--timeout=120s"])?;
    Ok(())
}

fn a_finished_job_cleans_up_after_itself(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("tidy")?;
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "short"},
        "spec": {"ttlSecondsAfterFinished": 1, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "rkube.test/busybox:1", "command": ["true"]}]}}},
    });
    cluster.kubectl_with(&["-n", "tidy", "create", "-f", "-"], &job.to_string())?;
    let told = "--field-selector=involvedObject.kind=Job,reason=Completed";
    let completed = ["-n", "tidy", "get", "events", told, "-o", "name"];
    says(cluster, "the job's end", &completed, |said| !said.is_empty())?;
    let left = ["-n", "tidy", "get", "jobs,pods", "-o", "name"];
    says(cluster, "the job and its pod to go", &left, str::is_empty)?;
    cluster.kubectl(&["delete", "namespace", "tidy", "--timeout=120s"])?;
    Ok(())
}

/// A web server that answers with its own name; gives its address.
fn server(cluster: &Cluster, namespace: &str, name: &str) -> anyhow::Result<String> {
    let script = "mkdir /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www";
    pod(cluster, namespace, name, &["sh", "-c", script])?;
    let ip = ["-n", namespace, "get", "pod", name, "-o", "jsonpath={.status.podIP}"];
    cluster.kubectl(&ip)
}

/// A pod that ends at once when it is deleted; gives it when it is ready.
fn pod(cluster: &Cluster, namespace: &str, name: &str, command: &[&str]) -> anyhow::Result<()> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "rkube.test/busybox:1", "command": command}]},
    });
    cluster.kubectl_with(&["-n", namespace, "create", "-f", "-"], &pod.to_string())?;
    cluster.pod_ready(namespace, name)
}

/// Waits until a service answers to a pod in the name of a server.
fn answers(cluster: &Cluster, namespace: &str, address: &str, server: &str) -> anyhow::Result<()> {
    let url = format!("http://{address}/");
    let get = [
        "-n", namespace, "exec", "client", "--", "wget", "-q", "-T", "3", "-O", "-", &url,
    ];
    let what = format!("{address} to answer as {server}");
    says(cluster, &what, &get, |said| said.trim() == server).map(drop)
}

fn hand_written_endpoints_answer(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("written")?;
    let apply = |object: &Value| cluster.kubectl_with(&["-n", "written", "apply", "-f", "-"], &object.to_string());
    let [one, other] = ["one", "other"].map(|name| server(cluster, "written", name));
    let (one, other) = (one?, other?);
    pod(cluster, "written", "client", &["sleep", "3600"])?;
    apply(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 1}]},
    }))?;
    let spec = cluster.get(&["-n", "written", "service", "outside"])?["spec"].take();
    let address = spec["clusterIP"].as_str().context("no address")?;
    let mirror = "jsonpath={.items[*].endpoints[*].addresses[*]}:{.items[*].ports[*].port}";
    let of_service = "--selector=kubernetes.io/service-name=outside";
    let slices = ["-n", "written", "get", "endpointslices", of_service, "-o", mirror];
    for (ip, name) in [(&one, "one"), (&other, "other")] {
        apply(&json!({
            "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "outside"},
            "subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "http", "port": 8080}]}],
        }))?;
        says(cluster, "the mirrored slice", &slices, |said| {
            said == format!("{ip}:8080")
        })?;
        answers(cluster, "written", address, name)?;
    }
    cluster.kubectl(&["-n", "written", "delete", "endpoints", "outside"])?;
    says(cluster, "the slice to go", &slices, |said| said == ":")?;
    cluster.kubectl(&["delete", "namespace", "written", "--timeout=120s"])?;
    Ok(())
}

fn a_second_range_of_service_addresses(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("ranges")?;
    let create = |object: &Value| cluster.kubectl_with(&["-n", "ranges", "create", "-f", "-"], &object.to_string());
    create(&json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"},
        "spec": {"cidrs": ["10.99.7.0/24"]},
    }))?;
    cluster.kubectl(&["wait", "--for=condition=Ready", "servicecidr/more", "--timeout=120s"])?;
    server(cluster, "ranges", "server")?;
    pod(cluster, "ranges", "client", &["sleep", "3600"])?;
    create(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"},
        "spec": {"clusterIP": "10.99.7.9", "selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }))?;
    answers(cluster, "ranges", "10.99.7.9", "server")?;

    cluster.kubectl(&["delete", "servicecidr", "more", "--wait=false"])?;
    let ready = "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
    let ready = ["get", "servicecidr", "more", "-o", ready];
    says(cluster, "the range to wait", &ready, |said| said == "Terminating")?;
    answers(cluster, "ranges", "10.99.7.9", "server")?;
    // nobody new moves in
    let late = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "late"},
        "spec": {"clusterIP": "10.99.7.10", "ports": [{"port": 80}]},
    });
    let late = cluster
        .kubectl_command(&["-n", "ranges", "create", "-f", "-"])
        .run_with(&late.to_string())?
        .failed(1)?;
    ensure!(late.contains("10.99.7.10"), "{late}");
    cluster.kubectl(&["-n", "ranges", "delete", "service", "server"])?;
    cluster.kubectl(&["wait", "--for=delete", "servicecidr/more", "--timeout=120s"])?;
    cluster.kubectl(&["delete", "namespace", "ranges", "--timeout=120s"])?;
    Ok(())
}

fn an_aggregated_role_follows_its_parts(cluster: &Cluster) -> anyhow::Result<()> {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "e2e-whole"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"e2e.rkube.io/part": "yes"}}]},
    });
    cluster.kubectl_with(&["create", "-f", "-"], &role.to_string())?;
    let to = "--user=e2e-whole";
    cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        "e2e-whole",
        "--clusterrole=e2e-whole",
        to,
    ])?;
    let may = |wanted: &str| {
        until(&format!("an answer of {wanted}"), LONG, || {
            // exit code 1 is a no, too
            let said = cluster
                .kubectl_command(&["auth", "can-i", "list", "configmaps", "-A", "--as=e2e-whole"])
                .run()?;
            ensure!(said.stdout.trim() == wanted, "{said:?}");
            Ok(())
        })
    };
    may("no")?;
    let part = ["e2e-part", "--verb=list", "--resource=configmaps"];
    cluster.kubectl(&[&["create", "clusterrole"], &part[..]].concat())?;
    cluster.kubectl(&["label", "clusterrole", "e2e-part", "e2e.rkube.io/part=yes"])?;
    may("yes")?;
    cluster.kubectl(&["delete", "clusterrole", "e2e-part"])?;
    may("no")?;
    cluster.kubectl(&["delete", "clusterrolebinding,clusterrole", "e2e-whole"])?;
    Ok(())
}

/// Devices are not allocated (README), so the pod waits; what it waits for is made, and goes with it.
fn a_resource_claim_is_made_and_goes_with_its_pod(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("devices")?;
    let create = |object: &Value| cluster.kubectl_with(&["-n", "devices", "create", "-f", "-"], &object.to_string());
    create(&json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": "device"},
        "spec": {"spec": {"devices": {"requests": [{"name": "one", "exactly": {"deviceClassName": "none.rkube.io"}}]}}},
    }))?;
    create(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"},
        "spec": {
            "resourceClaims": [{"name": "device", "resourceClaimTemplateName": "device"}],
            "containers": [{"name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"],
                "resources": {"claims": [{"name": "device"}]}}],
        },
    }))?;
    let claim = until("the claim", LONG, || {
        let status = cluster.get(&["-n", "devices", "pod", "user"])?["status"].take();
        let name = status["resourceClaimStatuses"][0]["resourceClaimName"].as_str();
        name.map(ToOwned::to_owned).with_context(|| status.to_string())
    })?;
    let pod = cluster.get(&["-n", "devices", "pod", "user"])?;
    let made = cluster.get(&["-n", "devices", "resourceclaim", &claim])?;
    let owner = &made["metadata"]["ownerReferences"][0];
    ensure!(
        owner["uid"] == pod["metadata"]["uid"] && owner["controller"] == true,
        "{owner}"
    );
    let scheduled = "jsonpath={.status.conditions[?(@.type==\"PodScheduled\")].status}";
    let scheduled = ["-n", "devices", "get", "pod", "user", "-o", scheduled];
    says(cluster, "the pod to wait", &scheduled, |said| said == "False")?;
    cluster.kubectl(&["-n", "devices", "delete", "pod", "user"])?;
    let claims = ["-n", "devices", "get", "resourceclaims", "-o", "name"];
    says(cluster, "the claim to go with its pod", &claims, str::is_empty)?;
    cluster.kubectl(&["delete", "namespace", "devices", "--timeout=120s"])?;
    Ok(())
}

/// A pod that is forced away and made again at once: nothing of the first is left, nothing of the second is taken for it.
fn a_name_is_used_anew_at_once(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("anew")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "anew"], args].concat());
    let node = nodes(cluster)?.pop().context("no node")?.0;
    let place = format!("--overrides={}", json!({"spec": {"nodeName": node}}));
    // as first process of its namespace it heeds no SIGTERM
    let run = |marker: &str| {
        let image = "--image=rkube.test/busybox:1";
        kubectl(&["run", "same", image, &place, "--command", "--", "sleep", marker])
    };
    let running = || {
        until("the pod to run", LONG, || {
            let pod = cluster.get(&["-n", "anew", "pod", "same"])?;
            let state = &pod["status"]["containerStatuses"][0]["state"];
            ensure!(
                pod["status"]["phase"] == "Running" && state["running"].is_object(),
                "{}",
                pod["status"]
            );
            Ok(pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
        })
    };
    // how many processes of the node have an argument
    let processes = |marker: &str| -> anyhow::Result<usize> {
        let all = cluster.in_node(&node, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true")?;
        Ok(all.matches(&format!("sleep {marker} ")).count())
    };
    let mut before = String::new();
    let mut old = "";
    let force_away = || kubectl(&["delete", "pod", "same", "--force", "--grace-period=0"]);
    for marker in ["7300101", "7300202", "7300303"] {
        if !old.is_empty() {
            force_away()?;
        }
        run(marker)?;
        let now = running()?;
        ensure!(now != before, "{now} is the pod that was deleted");
        until("only the new pod's process", LONG, || {
            let count = (processes(marker)?, if old.is_empty() { 0 } else { processes(old)? });
            if count == (1, 0) {
                Ok(())
            } else {
                bail!("(new, old): {count:?}")
            }
        })?;
        ensure!(running()? == now, "another pod than {now}");
        (before, old) = (now, marker);
    }
    force_away()?;
    cluster.kubectl(&["delete", "namespace", "anew", "--timeout=120s"])?;
    Ok(())
}

fn each_node_has_a_range_of_its_own(cluster: &Cluster) -> anyhow::Result<()> {
    let ranges = ["get", "nodes", "-o", "jsonpath={.items[*].spec.podCIDR}"];
    let ranges = says(cluster, "two ranges", &ranges, |said| said.split(' ').count() == 2)?;
    let (one, other) = ranges.split_once(' ').context("one range")?;
    ensure!(one != other && one.contains('/') && other.contains('/'), "{ranges}");
    let (range_of, list) = (
        |line: &Value| line["spec"]["podCIDRs"][0].clone(),
        cluster.get(&["nodes"])?,
    );
    for node in list["items"].as_array().context("items")? {
        ensure!(range_of(node) == node["spec"]["podCIDR"], "{}", node["spec"]);
    }
    Ok(())
}
