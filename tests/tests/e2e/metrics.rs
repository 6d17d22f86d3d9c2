//! What nodes and pods use: told by kubelets, gathered by the metrics server behind the aggregation layer, acted upon by
//! horizontal autoscalers.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, until};
use serde_json::Value;

use crate::Shared;
use crate::network::nodes;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("metrics::kubelets_tell_what_is_used", kubelets_tell_what_is_used),
    (
        "metrics::an_api_service_that_leads_nowhere_says_so",
        an_api_service_that_leads_nowhere_says_so,
    ),
    ("metrics::kubectl_top_works", kubectl_top_works),
    ("metrics::a_load_scales_up_and_down", a_load_scales_up_and_down),
    (
        "metrics::a_server_that_is_gone_is_noticed",
        a_server_that_is_gone_is_noticed,
    ),
];

fn kubelets_tell_what_is_used(cluster: &Cluster) -> anyhow::Result<()> {
    for (node, _) in nodes(cluster)? {
        let below = format!("/api/v1/nodes/{node}/proxy");
        let summary = cluster.kubectl(&["get", "--raw", &format!("{below}/stats/summary")])?;
        let summary: Value = serde_json::from_str(&summary)?;
        ensure!(summary["node"]["nodeName"] == *node, "{summary}");
        for (part, field) in [
            ("memory", "workingSetBytes"),
            ("cpu", "usageCoreNanoSeconds"),
            ("fs", "capacityBytes"),
        ] {
            ensure!(
                summary["node"][part][field].as_u64().is_some_and(|amount| amount > 0),
                "{summary}"
            );
        }
        let resource = cluster.kubectl(&["get", "--raw", &format!("{below}/metrics/resource")])?;
        ensure!(resource.contains("\nnode_memory_working_set_bytes ") && resource.contains("resource_scrape_error 0"));
        let cadvisor = cluster.kubectl(&["get", "--raw", &format!("{below}/metrics/cadvisor")])?;
        ensure!(
            cadvisor.contains("machine_memory_bytes ") && cadvisor.contains("container_network_receive_bytes_total{")
        );
        // only for who may
        let path = format!("{below}/metrics/resource");
        let refused = cluster
            .kubectl_command(&["get", "--raw", &path, "--as=system:serviceaccount:default:default"])
            .run()?;
        ensure!(refused.stderr.contains("Forbidden"), "{}", refused.stderr);
    }
    Ok(())
}

const NOWHERE: &str = "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.nowhere.example.com}
spec:
  group: nowhere.example.com
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 10
  insecureSkipTLSVerify: true
  service: {namespace: default, name: no-such-service}
";

fn condition(cluster: &Cluster, name: &str) -> anyhow::Result<(String, String)> {
    let object = cluster.get(&["apiservice", name])?;
    let conditions = object["status"]["conditions"].as_array().context("no conditions yet")?;
    let found = conditions
        .iter()
        .find(|one| one["type"] == "Available")
        .context("not checked yet")?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Ok((text("status"), text("reason")))
}

fn an_api_service_that_leads_nowhere_says_so(cluster: &Cluster) -> anyhow::Result<()> {
    ensure!(condition(cluster, "v1.apps")? == ("True".to_owned(), "Local".to_owned()));
    cluster.kubectl_with(&["apply", "-f", "-"], NOWHERE)?;
    until("its condition", 20, || {
        let seen = condition(cluster, "v1.nowhere.example.com")?;
        ensure!(seen == ("False".to_owned(), "ServiceNotFound".to_owned()), "{seen:?}");
        Ok(())
    })?;
    let refused = cluster
        .kubectl_command(&["get", "--raw", "/apis/nowhere.example.com/v1/things"])
        .run()?;
    ensure!(
        refused.code != 0
            && refused
                .stderr
                .contains("service/no-such-service in \"default\" is not present"),
        "{}",
        refused.stderr
    );
    // everything else goes on
    cluster.kubectl(&["get", "nodes"])?;
    cluster.kubectl(&["delete", "apiservice", "v1.nowhere.example.com"])?;
    Ok(())
}

fn kubectl_top_works(cluster: &Cluster) -> anyhow::Result<()> {
    cluster
        .rkube(&["addons", "configure", "metrics-server", "metricResolution=5"])?
        .ok()?;
    cluster.rkube(&["addons", "enable", "metrics-server"])?.ok()?;
    let all = nodes(cluster)?;
    until("every node's use", 40, || {
        let top = cluster.kubectl(&["top", "node", "--no-headers"])?;
        let known = all.iter().all(|(node, _)| {
            let mut lines = top.lines();
            lines.any(|line| line.starts_with(node.as_str()) && line.contains("Mi") && !line.contains("<unknown>"))
        });
        ensure!(known, "{top}");
        Ok(())
    })?;
    until("the containers' use", 40, || {
        let top = cluster.kubectl(&["top", "pod", "-n", "kube-system", "--containers"])?;
        let rows = ["kube-dns-", "metrics-server-"].map(|pod| top.lines().any(|line| line.starts_with(pod)));
        ensure!(rows == [true, true], "{top}");
        Ok(())
    })?;
    let labelled = cluster.kubectl(&[
        "top",
        "pod",
        "-n",
        "kube-system",
        "-l",
        "k8s-app=kube-dns",
        "--no-headers",
    ])?;
    ensure!(labelled.lines().count() == 1, "{labelled}");
    let table = cluster.kubectl(&["get", "podmetrics", "-n", "kube-system"])?;
    ensure!(table.contains("CPU") && table.contains("WINDOW"), "{table}");
    let missing = cluster.kubectl_command(&["get", "podmetrics", "no-such-pod"]).run()?;
    ensure!(missing.stderr.contains("NotFound"), "{}", missing.stderr);
    let resources = cluster.kubectl(&["api-resources", "--api-group=metrics.k8s.io"])?;
    ensure!(
        resources.contains("PodMetrics") && resources.contains("NodeMetrics"),
        "{resources}"
    );
    // in a pod of the cluster, without the front proxy's certificate, nothing is told
    let direct = cluster.kubectl(&[
        "get",
        "--raw",
        "/api/v1/namespaces/kube-system/services/https:metrics-server:443/proxy/apis/metrics.k8s.io/v1beta1/nodes",
    ]);
    ensure!(direct.is_err(), "{direct:?}");
    Ok(())
}

/// One replica is busy as long as its file is there; the others idle.
const WORKER: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, namespace: scaling}
spec:
  replicas: 1
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: worker
          image: rkube.test/busybox:1
          command: [sh, -c, 'touch /load; while true; do if [ -e /load ]; then i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; else sleep 1; fi; done']
          resources: {requests: {cpu: 50m}, limits: {cpu: 200m}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: worker, namespace: scaling}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: worker}
  minReplicas: 1
  maxReplicas: 3
  metrics:
    - type: ContainerResource
      containerResource: {name: cpu, container: worker, target: {type: Utilization, averageUtilization: 100}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 0}
";

fn a_load_scales_up_and_down(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("scaling")?;
    cluster.kubectl_with(&["apply", "-f", "-"], WORKER)?;
    let replicas = |wanted: &[i64]| -> anyhow::Result<()> {
        let hpa = cluster.get(&["-n", "scaling", "hpa", "worker"])?;
        let deployment = cluster.get(&["-n", "scaling", "deployment", "worker"])?;
        match deployment["spec"]["replicas"].as_i64() {
            Some(count) if wanted.contains(&count) => Ok(()),
            count => bail!("{count:?}: {}", hpa["status"]),
        }
    };
    until("more replicas", 120, || replicas(&[2, 3]))?;
    until("the reason why", 20, || {
        let rescaled = "--field-selector=reason=SuccessfulRescale";
        let events = cluster.kubectl(&["-n", "scaling", "get", "events", rescaled])?;
        let why = "cpu container resource utilization (percentage of request) above target";
        ensure!(events.contains(why), "{events}");
        Ok(())
    })?;
    let old = cluster.kubectl(&[
        "-n",
        "scaling",
        "get",
        "horizontalpodautoscalers.v1.autoscaling",
        "worker",
        "-o",
        "jsonpath={.apiVersion}",
    ])?;
    ensure!(old == "autoscaling/v1", "{old}");
    until("every pod's load to end", 30, || {
        let pods = cluster.kubectl(&["-n", "scaling", "get", "pods", "-o", "name"])?;
        for pod in pods.lines() {
            cluster.kubectl(&["-n", "scaling", "exec", pod, "--", "rm", "-f", "/load"])?;
        }
        Ok(())
    })?;
    until("one replica", 120, || {
        // a pod that came late is busy too
        if let Ok(pods) = cluster.kubectl(&["-n", "scaling", "get", "pods", "-o", "name"]) {
            for pod in pods.lines() {
                drop(cluster.kubectl(&["-n", "scaling", "exec", pod, "--", "rm", "-f", "/load"]));
            }
        }
        replicas(&[1])
    })?;
    let hpa = cluster.get(&["-n", "scaling", "hpa", "worker"])?;
    let conditions = hpa["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let holds = |kind: &str| {
        conditions
            .iter()
            .any(|one| one["type"] == kind && one["status"] == "True")
    };
    ensure!(holds("AbleToScale") && holds("ScalingActive"), "{conditions:?}");
    cluster.kubectl(&["delete", "namespace", "scaling", "--wait=false"])?;
    Ok(())
}

fn a_server_that_is_gone_is_noticed(cluster: &Cluster) -> anyhow::Result<()> {
    let name = "v1beta1.metrics.k8s.io";
    let scale = |count: &str| {
        let replicas = format!("--replicas={count}");
        cluster.kubectl(&["-n", "kube-system", "scale", "deployment", "metrics-server", &replicas])
    };
    scale("0")?;
    until("the condition", 30, || {
        let seen = condition(cluster, name)?;
        ensure!(seen.0 == "False" && seen.1 == "MissingEndpoints", "{seen:?}");
        Ok(())
    })?;
    let refused = cluster.kubectl_command(&["top", "node"]).run()?;
    ensure!(refused.code != 0, "{}", refused.stdout);
    scale("1")?;
    until("the server to be back", 60, || {
        let seen = condition(cluster, name)?;
        ensure!(seen.0 == "True", "{seen:?}");
        cluster.kubectl(&["top", "node"])
    })?;
    cluster.rkube(&["addons", "disable", "metrics-server"])?.ok()?;
    until("the APIService to go", 20, || {
        let left = cluster.kubectl(&["get", "apiservice", name, "--ignore-not-found", "-o", "name"])?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
}
