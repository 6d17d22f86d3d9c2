//! ConfigMaps and Secrets in pods.

use anyhow::{bail, ensure};
use e2e::{Cluster, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("config::appears_and_updates_in_a_pod", appears_and_updates_in_a_pod),
    (
        "config::files_and_folders_named_by_variables",
        files_and_folders_named_by_variables,
    ),
];

const POD: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {app: reader}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: reader
    image: rkube.test/busybox:1
    command: [sleep, '3600']
    env:
    - name: COLOR
      valueFrom: {configMapKeyRef: {name: settings, key: color}}
    - name: WORD
      valueFrom: {secretKeyRef: {name: password, key: word}}
    - name: NODE
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: password, mountPath: /password}
  volumes:
  - name: settings
    configMap: {name: settings}
  - name: password
    secret: {secretName: password, defaultMode: 0400}
";

fn appears_and_updates_in_a_pod(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("config")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "config"], args].concat());
    kubectl(&["create", "configmap", "settings", "--from-literal=color=blue"])?;
    kubectl(&["create", "secret", "generic", "password", "--from-literal=word=xyzzy"])?;
    cluster.kubectl_with(&["-n", "config", "apply", "-f", "-"], POD)?;
    cluster.pod_ready("config", "reader")?;
    let seen = kubectl(&[
        "exec",
        "reader",
        "--",
        "sh",
        "-c",
        "echo $COLOR $WORD $NODE; cat /settings/color /password/word",
    ])?;
    ensure!(
        seen.starts_with(&format!("blue xyzzy {}", cluster.name)) && seen.ends_with("bluexyzzy"),
        "{seen}"
    );
    let mode = kubectl(&["exec", "reader", "--", "stat", "-L", "-c", "%a", "/password/word"])?;
    ensure!(mode.trim() == "400", "{mode}");
    kubectl(&[
        "patch",
        "configmap",
        "settings",
        "-p",
        "{\"data\":{\"color\":\"green\"}}",
    ])?;
    kubectl(&[
        "patch",
        "secret",
        "password",
        "-p",
        "{\"stringData\":{\"word\":\"plugh\"}}",
    ])?;
    for (file, expected) in [("/settings/color", "green"), ("/password/word", "plugh")] {
        until(&format!("the new value in {file}"), 90, || {
            let seen = kubectl(&["exec", "reader", "--", "cat", file])?;
            if seen == expected { Ok(()) } else { bail!("{seen}") }
        })?;
    }
    cluster.kubectl(&["delete", "namespace", "config", "--timeout=300s"])?;
    Ok(())
}

/// A first container writes variables into a file that the next one gets; a folder is named by a variable, or cannot be.
const VARIABLES: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: told}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: shared, emptyDir: {}}]
  initContainers:
  - name: first
    image: rkube.test/busybox:1
    command: [sh, -c, "echo \"WORD='xyzzy'\" > /shared/env; mkdir /shared/told; touch /shared/told/found"]
    volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
  - name: told
    image: rkube.test/busybox:1
    command: [sleep, '3600']
    env:
    - name: WORD
      valueFrom: {fileKeyRef: {volumeName: shared, path: env, key: WORD}}
    - name: NONE
      valueFrom: {fileKeyRef: {volumeName: shared, path: env, key: NONE, optional: true}}
    - name: POD
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    volumeMounts: [{name: shared, mountPath: /own, subPathExpr: $(POD)}]
  - name: untold
    image: rkube.test/busybox:1
    command: [sleep, '3600']
    volumeMounts: [{name: shared, mountPath: /own, subPathExpr: $(ZONE)}]
"#;

fn files_and_folders_named_by_variables(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("variables")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "variables"], args].concat());
    cluster.kubectl_with(&["-n", "variables", "apply", "-f", "-"], VARIABLES)?;
    let script = ["sh", "-c", "echo $WORD ${NONE-unset}; ls /own"];
    until("what the first container has written", 30, || {
        let seen = kubectl(&[&["exec", "told", "-c", "told", "--"], &script[..]].concat())?;
        ensure!(seen == "xyzzy unset\nfound\n", "{seen}");
        Ok(())
    })?;
    until("the refusal of a folder without a name", 30, || {
        let pod = cluster.get(&["-n", "variables", "pod", "told"])?;
        let statuses = pod["status"]["containerStatuses"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let untold = statuses.iter().find(|status| status["name"] == "untold");
        let waiting = untold.map(|status| &status["state"]["waiting"]);
        let message = waiting
            .and_then(|waiting| waiting["message"].as_str())
            .unwrap_or_default();
        ensure!(message.contains("missing value for ZONE"), "{pod}");
        Ok(())
    })?;
    cluster.kubectl(&["delete", "namespace", "variables", "--timeout=300s"])?;
    Ok(())
}
