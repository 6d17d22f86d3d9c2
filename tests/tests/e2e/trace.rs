//! `rkube trace`: what became of a command's requests.

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Output, Run as _, until};
use serde_json::Value;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "trace::a_deployment_is_followed_to_its_containers",
        a_deployment_is_followed_to_its_containers,
    ),
    (
        "trace::a_refusal_names_the_missing_right",
        a_refusal_names_the_missing_right,
    ),
    (
        "trace::wrong_fields_are_named_without_their_values",
        wrong_fields_are_named_without_their_values,
    ),
];

/// Runs a kubectl command under `rkube trace`; gives its exit code and the story.
fn trace(cluster: &Cluster, command: &[&str]) -> anyhow::Result<(Output, Value)> {
    let mut all = vec!["--output", "json", "trace", "--"];
    all.extend(command);
    let output = cluster.rkube(&all)?;
    let story = serde_json::from_str(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output, story))
}

/// The entries of a type.
fn entries<'a>(story: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = story["entries"].as_array().into_iter().flatten();
    all.filter(move |entry| entry["what"]["type"] == kind)
}

fn a_deployment_is_followed_to_its_containers(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("traced")?;
    let create = [
        "kubectl",
        "-n",
        "traced",
        "create",
        "deployment",
        "web",
        "--image=rkube.test/nginx:1",
        "--replicas=2",
    ];
    let (output, story) = trace(cluster, &create)?;
    ensure!(output.code == 0, "{output:?}");
    let written = |kind: &str| {
        entries(&story, "write")
            .filter(|entry| entry["what"]["object"]["kind"] == kind && entry["what"]["change"] == "created")
            .map(|entry| entry["actor"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    ensure!(written("ReplicaSet") == ["controller-deployment"], "{story:#}");
    ensure!(written("Pod") == ["controller-replicaset"; 2], "{story:#}");
    let decisions: Vec<&Value> = entries(&story, "decision").map(|entry| &entry["what"]).collect();
    ensure!(decisions.len() == 2, "{decisions:#?}");
    for decision in decisions {
        ensure!(decision["count"] == 2 && decision["chosen"].is_string(), "{decision:#}");
        let named = |verdict: &Value| verdict["scores"].to_string().contains("NodeResourcesFit");
        ensure!(
            decision["nodes"]
                .as_array()
                .is_some_and(|nodes| nodes.iter().all(named)),
            "{decision:#}"
        );
    }
    // both pods, on whichever nodes
    for step in ["Volumes", "Sandbox", "ImagePresent", "Created", "Started", "Ready"] {
        let count = entries(&story, "step")
            .filter(|entry| entry["what"]["step"] == step)
            .count();
        ensure!(count == 2, "{step}: {count} times in {story:#}");
    }
    let settled = story["pods"]
        .as_array()
        .is_some_and(|pods| pods.len() == 2 && pods.iter().all(|pod| pod["settled"] == true));
    ensure!(settled, "{}", story["pods"]);
    let revision = entries(&story, "request")
        .next()
        .map(|entry| &entry["what"]["revision"]);
    ensure!(
        revision.and_then(Value::as_u64).is_some_and(|revision| revision > 0),
        "{story:#}"
    );

    // for people, and once more from what the cluster remembers
    let id = story["id"].as_str().context("an id")?;
    let shown = cluster.rkube(&["trace", "--explain", "--show", id])?.ok()?;
    for words in [
        "authorization: system:masters",
        "stored as revision",
        "container started",
        "# who is asking?",
    ] {
        ensure!(shown.contains(words), "no {words:?} in\n{shown}");
    }
    let list = cluster.rkube(&["trace"])?.ok()?;
    ensure!(list.contains(id), "{list}");
    objects(cluster, &story)?;

    // the way back: owner after owner, down to the kubelets
    let (_, story) = trace(cluster, &["kubectl", "-n", "traced", "delete", "deployment", "web"])?;
    let stopped = entries(&story, "step")
        .filter(|entry| entry["what"]["step"] == "Killing")
        .count();
    ensure!(stopped == 2, "{story:#}");
    cluster.kubectl(&["delete", "namespace", "traced", "--timeout=300s"])?;
    Ok(())
}

/// The same by an object's name: what led to it and came of it, without its siblings; of what no trace tells, what is left.
fn objects(cluster: &Cluster, story: &Value) -> anyhow::Result<()> {
    let pod = story["pods"][0]["name"].as_str().context("a pod")?;
    let (_, pod) = pod.split_once('/').context("a namespace")?;
    let shown = cluster.rkube(&["trace", &format!("po/{pod}"), "-n", "traced"])?.ok()?;
    for words in [
        "create /apis/apps/v1/namespaces/traced/deployments",
        "container started",
        &format!("Pod traced/{pod}"),
    ] {
        ensure!(shown.contains(words), "no {words:?} in\n{shown}");
    }
    let sibling = story["pods"][1]["name"].as_str().context("a second pod")?;
    ensure!(!shown.contains(sibling), "{sibling} in\n{shown}");
    let whole = cluster.rkube(&["trace", "deployment.apps/web", "-n", "traced"])?.ok()?;
    ensure!(whole.contains(sibling), "no {sibling} in\n{whole}");

    // made before anybody traced
    let told = cluster.rkube(&["--output", "json", "trace", "node/nothing"])?;
    ensure!(told.stderr.contains("K8S_OBJECT_NOT_FOUND"), "{told:?}");
    let old = cluster.rkube(&["trace", "ns/kube-public"])?.ok()?;
    ensure!(
        old.contains("No trace tells of Namespace kube-public") && old.contains("created"),
        "{old}"
    );
    let unknown = cluster.rkube(&["trace", "deploymnt/web"])?;
    ensure!(unknown.stderr.contains("did you mean deployments"), "{unknown:?}");
    let command = cluster.rkube(&["trace", "kubectl", "get", "pods"])?;
    ensure!(command.stderr.contains("rkube trace -- kubectl"), "{command:?}");
    Ok(())
}

fn a_refusal_names_the_missing_right(cluster: &Cluster) -> anyhow::Result<()> {
    let (output, story) = trace(cluster, &["kubectl", "--as=jane", "create", "configmap", "hers"])?;
    ensure!(output.code == 1, "the exit code is kubectl's: {output:?}");
    let refused = entries(&story, "phase").find(|entry| entry["what"]["outcome"] == "refused");
    let refused = &refused.context("no refusal")?["what"];
    ensure!(refused["name"] == "authorization", "{refused}");
    let detail = refused["detail"].as_str().unwrap_or_default();
    ensure!(
        detail.contains("User \"jane\" cannot create resource \"configmaps\""),
        "{detail}"
    );

    // a reader of traces that may not read the objects learns nothing of them
    cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        "traces-of-jane",
        "--clusterrole=rkube:trace-reader",
        "--user=jane",
    ])?;
    let (_, story) = trace(cluster, &["kubectl", "create", "configmap", "secretive"])?;
    let path = format!("/traces/{}", story["id"].as_str().context("an id")?);
    let seen = until("jane to read traces", 10, || {
        cluster.kubectl(&["--as=jane", "get", "--raw", &path])
    })?;
    let seen: Value = serde_json::from_str(&seen)?;
    ensure!(
        seen["withheld"] == 1 && !seen.to_string().contains("secretive"),
        "{seen:#}"
    );
    cluster.kubectl(&["delete", "clusterrolebinding", "traces-of-jane"])?;
    cluster.kubectl(&["delete", "configmap", "secretive"])?;
    let nobody = cluster
        .kubectl_command(&["--as=jane", "get", "--raw", "/traces"])
        .run()?;
    ensure!(nobody.stderr.contains("forbidden"), "{nobody:?}");
    Ok(())
}

fn wrong_fields_are_named_without_their_values(cluster: &Cluster) -> anyhow::Result<()> {
    let wrong = "apiVersion: v1\nkind: Service\nmetadata: {name: wrong}\nspec: {ports: [{port: 123456}]}\n";
    let file = cluster.sandbox.file("wrong.yaml", wrong)?;
    let (output, story) = trace(cluster, &["kubectl", "apply", "-f", &file.to_string_lossy()])?;
    ensure!(output.code == 1, "{output:?}");
    let invalid = entries(&story, "request").find(|entry| entry["what"]["code"] == 422);
    let fields = &invalid.with_context(|| format!("{story:#}"))?["what"]["fields"];
    ensure!(
        fields.to_string().contains("spec.ports[0].port: FieldValueInvalid"),
        "{fields}"
    );
    ensure!(!story.to_string().contains("123456"), "{story:#}");

    // what is no command, and a trace that nobody knows
    let nothing = cluster.rkube(&["trace", "--", "true"])?;
    ensure!(nothing.stderr.contains("asked nothing of cluster"), "{nothing:?}");
    let unknown = cluster.rkube(&["trace", "--show", &"a".repeat(32)])?;
    ensure!(unknown.stderr.contains("K8S_TRACE_NOT_FOUND"), "{unknown:?}");
    let malformed = cluster.rkube(&["trace", "--show", "xyz"])?;
    ensure!(
        malformed.stderr.contains("expected 32 hexadecimal digits"),
        "{malformed:?}"
    );
    Ok(())
}
