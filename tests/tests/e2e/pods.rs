//! What a pod's specification promises of its containers: order, probes, hooks, limits, logs.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "pods::init_containers_and_sidecars_keep_their_order",
        init_containers_and_sidecars_keep_their_order,
    ),
    (
        "pods::probes_decide_readiness_and_restarts",
        probes_decide_readiness_and_restarts,
    ),
    ("pods::hooks_and_grace_end_a_pod", hooks_and_grace_end_a_pod),
    ("pods::limits_reach_the_cgroup", limits_reach_the_cgroup),
    (
        "pods::volumes_are_shared_and_projected",
        volumes_are_shared_and_projected,
    ),
    ("pods::logs_rotate", logs_rotate),
    ("pods::a_static_pod_follows_its_file", a_static_pod_follows_its_file),
];

const NAMESPACE: &str = "pods";

/// Runs `test` in the namespace of these tests, which is made and removed around it.
fn in_namespace(cluster: &Cluster, test: impl FnOnce(&Kubectl<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    cluster.namespace(NAMESPACE)?;
    test(&Kubectl(cluster))?;
    cluster.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=300s"])?;
    Ok(())
}

/// kubectl in the namespace of these tests.
struct Kubectl<'a>(&'a Cluster);

impl Kubectl<'_> {
    fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        self.0.kubectl(&[&["-n", NAMESPACE], args].concat())
    }

    fn apply(&self, manifest: &str) -> anyhow::Result<()> {
        self.0.kubectl_with(&["-n", NAMESPACE, "apply", "-f", "-"], manifest)?;
        Ok(())
    }

    fn field(&self, pod: &str, path: &str) -> anyhow::Result<String> {
        self.run(&["get", "pod", pod, "-o", &format!("jsonpath={{{path}}}")])
    }

    fn becomes(&self, pod: &str, path: &str, wanted: &str) -> anyhow::Result<()> {
        until(&format!("{path} of pod {pod} to be {wanted:?}"), 60, || {
            let seen = self.field(pod, path)?;
            if seen == wanted { Ok(()) } else { bail!("{seen:?}") }
        })
    }
}

const ORDER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: order}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  volumes: [{name: notes, emptyDir: {}}]
  initContainers:
  - name: first
    image: rkube.test/busybox:1
    command: [sh, -c, "sleep 1; echo first >> /notes/order"]
    volumeMounts: [{name: notes, mountPath: /notes}]
  - name: sidecar
    image: rkube.test/busybox:1
    restartPolicy: Always
    command: [sh, -c, "echo sidecar >> /notes/order; touch /notes/up; exec sleep 3600"]
    startupProbe: {exec: {command: [test, -f, /notes/up]}, periodSeconds: 1, timeoutSeconds: 10}
    volumeMounts: [{name: notes, mountPath: /notes}]
  - name: second
    image: rkube.test/busybox:1
    command: [sh, -c, "echo second >> /notes/order"]
    volumeMounts: [{name: notes, mountPath: /notes}]
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [cat, /notes/order]
    volumeMounts: [{name: notes, mountPath: /notes}]
"#;

fn init_containers_and_sidecars_keep_their_order(cluster: &Cluster) -> anyhow::Result<()> {
    in_namespace(cluster, |kubectl| {
        kubectl.apply(ORDER)?;
        // a sidecar does not keep a pod from completing
        kubectl.becomes("order", ".status.phase", "Succeeded")?;
        let order = kubectl.run(&["logs", "order", "-c", "main"])?;
        ensure!(order == "first\nsidecar\nsecond\n", "{order:?}");
        Ok(())
    })
}

const PROBES: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: probed}
spec:
  containers:
  - name: http
    image: rkube.test/nginx:1
    readinessProbe: {httpGet: {path: /ready, port: 80}, periodSeconds: 1, timeoutSeconds: 10}
    livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1, timeoutSeconds: 10}
  - name: exec
    image: rkube.test/busybox:1
    command: [sh, -c, 'touch /tmp/alive; exec sleep 3600']
    livenessProbe: {exec: {command: [test, -f, /tmp/alive]}, initialDelaySeconds: 5, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 2}
    terminationMessagePath: /dev/termination-log
  terminationGracePeriodSeconds: 1
---
apiVersion: v1
kind: Pod
metadata: {name: grpc}
spec:
  containers:
  - name: etcd
    image: rkube.test/etcd:1
    readinessProbe: {grpc: {port: 2379}, periodSeconds: 1}
  terminationGracePeriodSeconds: 1
---
apiVersion: v1
kind: Pod
metadata: {name: no-grpc}
spec:
  containers:
  - name: http
    image: rkube.test/nginx:1
    readinessProbe: {grpc: {port: 80}, periodSeconds: 1}
  terminationGracePeriodSeconds: 1
";

fn probes_decide_readiness_and_restarts(cluster: &Cluster) -> anyhow::Result<()> {
    in_namespace(cluster, |kubectl| {
        kubectl.apply(PROBES)?;
        let of = |name: &str, field: &str| format!(".status.containerStatuses[?(@.name==\"{name}\")].{field}");
        kubectl.becomes("probed", &of("exec", "ready"), "true")?;
        kubectl.becomes("probed", &of("http", "started"), "true")?;
        let ready = kubectl.field("probed", &of("http", "ready"))?;
        ensure!(ready == "false", "ready without /ready: {ready}");
        kubectl.run(&[
            "exec",
            "probed",
            "-c",
            "http",
            "--",
            "sh",
            "-c",
            ": > /var/www/html/ready",
        ])?;
        kubectl.becomes("probed", &of("http", "ready"), "true")?;

        kubectl.run(&["exec", "probed", "-c", "exec", "--", "rm", "/tmp/alive"])?;
        kubectl.becomes("probed", &of("exec", "restartCount"), "1")?;
        kubectl.becomes("probed", &of("exec", "ready"), "true")?;
        let untouched = kubectl.field("probed", &of("http", "restartCount"))?;
        ensure!(untouched == "0", "the other container restarted {untouched} times");
        let events = kubectl.run(&["events", "--for", "pod/probed"])?;
        ensure!(events.contains("Liveness probe failed"), "{events}");

        kubectl.becomes("grpc", ".status.containerStatuses[0].ready", "true")?;
        let other = kubectl.field("no-grpc", ".status.containerStatuses[0].ready")?;
        ensure!(other == "false", "a web server passed for a gRPC health service");
        Ok(())
    })
}

const HOOKS: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: hooked}
spec:
  terminationGracePeriodSeconds: 120
  volumes: [{name: notes, hostPath: {path: /var/tmp/e2e-hooks, type: DirectoryOrCreate}}]
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sh, -c, 'trap ''echo term >> /notes/said; exit 0'' TERM; while true; do sleep 0.1; done']
    lifecycle:
      postStart: {exec: {command: [sh, -c, 'echo start > /notes/said']}}
      preStop: {exec: {command: [sh, -c, 'sleep 1; echo stop >> /notes/said']}}
    volumeMounts: [{name: notes, mountPath: /notes}]
";

fn hooks_and_grace_end_a_pod(cluster: &Cluster) -> anyhow::Result<()> {
    in_namespace(cluster, |kubectl| {
        kubectl.apply(HOOKS)?;
        cluster.pod_ready(NAMESPACE, "hooked")?;
        let node = kubectl.field("hooked", ".spec.nodeName")?;
        // before its grace is over
        kubectl.run(&["delete", "pod", "hooked", "--timeout=300s"])?;
        let said = cluster.in_node(&node, "cat /var/tmp/e2e-hooks/said; rm -r /var/tmp/e2e-hooks")?;
        ensure!(said == "start\nstop\nterm\n", "{said:?}");
        Ok(())
    })
}

const LIMITS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: limited}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sleep, "3600"]
    resources:
      requests: {cpu: 100m, memory: 16Mi}
      limits: {cpu: 500m, memory: 32Mi}
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sh, -c, "x=$(yes | head -c 200000000)"]
    resources: {limits: {memory: 24Mi}}
"#;

fn limits_reach_the_cgroup(cluster: &Cluster) -> anyhow::Result<()> {
    in_namespace(cluster, |kubectl| {
        kubectl.apply(LIMITS)?;
        cluster.pod_ready(NAMESPACE, "limited")?;
        let (uid, node) = (
            kubectl.field("limited", ".metadata.uid")?,
            kubectl.field("limited", ".spec.nodeName")?,
        );
        let class = kubectl.field("limited", ".status.qosClass")?;
        ensure!(class == "Burstable", "{class}");
        // the container's own cgroup, on either version of the hierarchy
        let find = format!(
            "for d in /sys/fs/cgroup /sys/fs/cgroup/memory; do for f in $(find $d -path '*{uid}*' \
             \\( -name memory.max -o -name memory.limit_in_bytes \\)); do cat $f; done; done"
        );
        let limits = cluster.in_node(&node, &find)?;
        ensure!(
            limits.lines().any(|line| line == "33554432"),
            "no cgroup of 32Mi: {limits}"
        );
        kubectl.becomes("greedy", ".status.phase", "Failed")?;
        let reason = kubectl.field("greedy", ".status.containerStatuses[0].state.terminated.reason")?;
        ensure!(reason == "OOMKilled", "{reason}");
        Ok(())
    })
}

const VOLUMES: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: volumes, labels: {colour: "green"}}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  securityContext: {fsGroup: 2000, runAsUser: 1000}
  volumes:
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 8Mi}}
  - name: all
    projected:
      sources:
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
      - configMap: {name: kube-root-ca.crt}
      - serviceAccountToken: {path: token, expirationSeconds: 600, audience: somebody}
  containers:
  - name: writer
    image: rkube.test/busybox:1
    command: [sh, -c, "echo hi > /memory/note; exec sleep 3600"]
    volumeMounts: [{name: memory, mountPath: /memory}]
  - name: reader
    image: rkube.test/busybox:1
    command: [sh, -c, "exec sleep 3600"]
    volumeMounts: [{name: memory, mountPath: /memory, readOnly: true}, {name: all, mountPath: /all}]
"#;

fn volumes_are_shared_and_projected(cluster: &Cluster) -> anyhow::Result<()> {
    in_namespace(cluster, |kubectl| {
        kubectl.apply(VOLUMES)?;
        cluster.pod_ready(NAMESPACE, "volumes")?;
        let read = |command: &str| kubectl.run(&["exec", "volumes", "-c", "reader", "--", "sh", "-c", command]);
        let note = until("the other container's note", 10, || read("cat /memory/note"))?;
        ensure!(note == "hi\n", "{note:?}");
        ensure!(read("mount | grep ' /memory ' | grep -c tmpfs")?.trim() == "1");
        ensure!(
            read("echo no > /memory/note").is_err(),
            "written through a read-only mount"
        );
        ensure!(read("stat -c %g /memory")?.trim() == "2000", "fsGroup");
        ensure!(read("cat /all/labels")?.contains("colour=\"green\""));
        ensure!(read("cat /all/ca.crt")?.contains("BEGIN CERTIFICATE"));
        ensure!(read("cat /all/token")?.split('.').count() == 3);
        kubectl.run(&["label", "pod", "volumes", "colour=red", "--overwrite"])?;
        until("the new label in the volume", 90, || {
            let labels = read("cat /all/labels")?;
            if labels.contains("colour=\"red\"") {
                Ok(())
            } else {
                bail!("{labels}")
            }
        })
    })
}

fn logs_rotate(cluster: &Cluster) -> anyhow::Result<()> {
    in_namespace(cluster, |kubectl| {
        // about 30 MiB in lines of 1 KiB; the kubelet keeps files of 10 MiB
        let script = "l=$(yes 0123456 | tr -d '\\n' | head -c 1000); i=0; \
                      while [ $i -lt 30000 ]; do echo $i $l; i=$((i+1)); done; \
                      trap exit TERM; while true; do echo after; sleep 1; done";
        let image = "--image=rkube.test/busybox:1";
        kubectl.run(&["run", "talker", image, "--", "sh", "-c", script])?;
        cluster.pod_ready(NAMESPACE, "talker")?;
        let (uid, node) = (
            kubectl.field("talker", ".metadata.uid")?,
            kubectl.field("talker", ".spec.nodeName")?,
        );
        let folder = format!("/var/log/pods/{NAMESPACE}_talker_{uid}/talker");
        until("a rotated log", 60, || {
            let files = cluster.in_node(&node, &format!("ls {folder}"))?;
            if files.lines().count() > 1 {
                Ok(())
            } else {
                bail!("{files}")
            }
        })?;
        // the container writes into the new file
        until("a line after the rotation", 60, || {
            let last = kubectl.run(&["logs", "talker", "--tail=1"])?;
            ensure!(last == "after\n", "{}", last.get(..20).unwrap_or(&last));
            Ok(())
        })
    })
}

const STATIC: &str = "apiVersion: v1
kind: Pod
metadata: {name: fixed, namespace: default}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: 'rkube.test/busybox:1', command: [sleep, '3600']}]
";

fn a_static_pod_follows_its_file(cluster: &Cluster) -> anyhow::Result<()> {
    let file = "/etc/kubernetes/manifests/fixed.yaml";
    let pod = format!("fixed-{}", cluster.name);
    let encoded = STATIC.replace('\n', "\\n");
    cluster.in_node(
        &cluster.name,
        &format!("mkdir -p /etc/kubernetes/manifests; printf \"{encoded}\" > {file}"),
    )?;
    cluster.pod_ready("default", &pod)?;
    let source = cluster.get(&["pod", &pod])?;
    let source = source["metadata"]["annotations"]["kubernetes.io/config.source"]
        .as_str()
        .context("annotation kubernetes.io/config.source")?;
    ensure!(source == "file", "{source}");
    cluster.in_node(&cluster.name, &format!("rm {file}"))?;
    cluster.kubectl(&["wait", "--for=delete", &format!("pod/{pod}"), "--timeout=300s"])?;
    Ok(())
}
