//! kube-rs, from outside: its configuration, typed calls, a reflector, server-side apply.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use e2e::Cluster;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::{WatchStreamExt as _, wait, watcher};
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::json;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("kube_rs::reads_and_writes", |cluster| with(cluster, reads_and_writes)),
    ("kube_rs::runs_a_pod", |cluster| with(cluster, runs_a_pod)),
];

const NAMESPACE: &str = "kube-rs";
const PATIENCE: Duration = Duration::from_secs(240);

/// Runs an asynchronous test with a client, in a namespace of its own.
fn with<F>(cluster: &Cluster, test: fn(Client) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    cluster.namespace(NAMESPACE)?;
    let kubeconfig = Kubeconfig::read_from(cluster.sandbox.path("kubeconfig"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        tokio::time::timeout(PATIENCE, test(client)).await?
    })?;
    cluster.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=300s"])?;
    Ok(())
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    let mut map = ConfigMap {
        data: Some(BTreeMap::from([("key".to_owned(), value.to_owned())])),
        ..ConfigMap::default()
    };
    map.metadata.name = Some(name.to_owned());
    map
}

async fn reads_and_writes(client: Client) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let (store, writer) = reflector::store();
    let stream = watcher(maps.clone(), watcher::Config::default().streaming_lists())
        .default_backoff()
        .reflect(writer);
    let changes = stream.try_filter_map(async |event| match event {
        watcher::Event::Apply(map) => Ok(Some(format!("applied {}", map.name_any()))),
        watcher::Event::Delete(map) => Ok(Some(format!("deleted {}", map.name_any()))),
        watcher::Event::InitDone => Ok(Some("ready".to_owned())),
        watcher::Event::Init | watcher::Event::InitApply(_) => Ok(None),
    });
    let mut events = std::pin::pin!(changes);
    let mut next = async || {
        events
            .next()
            .await
            .context("the watch ended")?
            .map_err(anyhow::Error::from)
    };
    ensure!(next().await? == "ready");

    let made = maps.create(&PostParams::default(), &config_map("a", "1")).await?;
    ensure!(made.uid().is_some(), "{made:?}");
    ensure!(next().await? == "applied a");
    let twice = maps.create(&PostParams::default(), &config_map("a", "2")).await;
    ensure!(
        matches!(&twice, Err(kube::Error::Api(status)) if status.code == 409),
        "{twice:?}"
    );

    let apply = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": value}});
    let conflict = maps
        .patch("a", &PatchParams::apply("kube-rs"), &Patch::Apply(apply("3")))
        .await;
    ensure!(
        matches!(&conflict, Err(kube::Error::Api(status)) if status.message.contains("conflict")),
        "{conflict:?}"
    );
    let force = PatchParams::apply("kube-rs").force();
    let applied = maps.patch("a", &force, &Patch::Apply(apply("3"))).await?;
    ensure!(
        applied
            .managed_fields()
            .iter()
            .any(|fields| fields.manager.as_deref() == Some("kube-rs"))
    );
    ensure!(next().await? == "applied a");
    let merged = maps
        .patch(
            "a",
            &PatchParams::default(),
            &Patch::Merge(json!({"data": {"more": "4"}})),
        )
        .await?;
    ensure!(merged.data.as_ref().is_some_and(|data| data.len() == 2), "{merged:?}");
    ensure!(next().await? == "applied a");
    let seen = store
        .get(&ObjectRef::new("a").within(NAMESPACE))
        .context("not in the store")?;
    ensure!(seen.data == merged.data, "{seen:?}");

    maps.delete("a", &DeleteParams::default()).await?;
    ensure!(next().await? == "deleted a");
    ensure!(maps.get_opt("a").await?.is_none());
    let list = maps.list(&ListParams::default().labels("none=such")).await?;
    ensure!(list.items.is_empty() && list.metadata.resource_version.is_some());
    Ok(())
}

async fn runs_a_pod(client: Client) -> anyhow::Result<()> {
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "talker"},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "rkube.test/busybox:1", "command": ["echo", "said"]}]},
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    let ended = |pod: Option<&Pod>| {
        let phase = pod.and_then(|pod| pod.status.as_ref()?.phase.clone());
        phase.is_some_and(|phase| phase == "Succeeded")
    };
    wait::await_condition(pods.clone(), "talker", ended).await?;
    ensure!(pods.logs("talker", &LogParams::default()).await? == "said\n");
    let version = pods.get("talker").await?.resource_version().context("no version")?;
    let mut changes = pods.watch(&WatchParams::default().timeout(30), &version).await?.boxed();
    pods.delete("talker", &DeleteParams::default()).await?;
    while let Some(event) = changes.try_next().await? {
        if matches!(event, WatchEvent::Deleted(_)) {
            return Ok(());
        }
    }
    anyhow::bail!("no deletion seen")
}
