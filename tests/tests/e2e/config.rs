//! ConfigMaps and Secrets in pods.

use anyhow::{bail, ensure};
use e2e::{Cluster, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[("config::appears_and_updates_in_a_pod", appears_and_updates_in_a_pod)];

const POD: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {app: reader}}
spec:
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
    until("the new value in the volume", 90, || {
        let seen = kubectl(&["exec", "reader", "--", "cat", "/settings/color"])?;
        if seen == "green" { Ok(()) } else { bail!("{seen}") }
    })?;
    cluster.kubectl(&["delete", "namespace", "config", "--timeout=60s"])?;
    Ok(())
}
