//! Following the metadata of everything that can be deleted; the set of kinds follows the CRDs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tasks::{CancellationToken, Group};
use tokio::sync::mpsc;

use super::graph::Object;
use super::{Collector, Resource};
use crate::shared::{Error, Result};

/// Changes of CRDs come in crowds.
const SETTLE: Duration = Duration::from_millis(500);

/// Keeps one watch per kind running, until CRDs cannot be watched any more.
pub(super) async fn follow(collector: &Arc<Collector>, group: &Group) -> Result<()> {
    let mut running: Vec<(Arc<Resource>, CancellationToken)> = Vec::new();
    let crds: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(collector.client.clone());
    let mut changes = std::pin::pin!(watcher(crds, watcher::Config::default()).default_backoff());
    loop {
        let wanted = match resources(&collector.client).await {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::warn!(%error, "discovery for garbage collection");
                tokio::time::sleep(SETTLE).await;
                continue;
            }
        };
        running.retain(|(resource, token)| {
            let keep = wanted.contains(resource);
            if !keep {
                token.cancel();
            }
            keep
        });
        let (ready, mut all_ready) = mpsc::channel(1);
        for resource in wanted {
            if running.iter().any(|(known, _)| **known == resource) {
                continue;
            }
            let resource = Arc::new(resource);
            let token = group.token().child_token();
            running.push((resource.clone(), token.clone()));
            let (collector, ready) = (collector.clone(), ready.clone());
            group.spawn("gc-watch", async move {
                tokio::select! {
                    () = token.cancelled() => {}
                    () = one(&collector, &resource, ready) => {}
                }
                let mut graph = collector.graph();
                let gone: Vec<String> = graph.of_resource(&resource);
                let tasks = gone.iter().flat_map(|uid| graph.remove(uid)).collect();
                drop(graph);
                collector.add(tasks);
            });
        }
        drop(ready);
        // Closed when every new watch has read its objects once.
        let _ = tokio::time::timeout(Duration::from_secs(30), all_ready.recv()).await;
        loop {
            match changes.next().await {
                Some(Ok(Event::Apply(_) | Event::Delete(_))) => break,
                Some(_) => {}
                None => return Err(Error::WatchEnded("customresourcedefinitions".to_owned())),
            }
        }
        let _ = tokio::time::timeout(SETTLE, async { while changes.next().await.is_some() {} }).await;
    }
}

/// Everything that can be listed, watched and deleted, but events.
async fn resources(client: &Client) -> Result<Vec<Resource>> {
    let discovery = Discovery::new(client.clone()).run().await?;
    let mut out = Vec::new();
    for group in discovery.groups() {
        for (api, capabilities) in group.recommended_resources() {
            let can = [verbs::LIST, verbs::WATCH, verbs::DELETE]
                .iter()
                .all(|verb| capabilities.supports_operation(verb));
            if can && api.plural != "events" {
                out.push(Resource {
                    api,
                    namespaced: capabilities.scope == Scope::Namespaced,
                });
            }
        }
    }
    Ok(out)
}

async fn one(collector: &Arc<Collector>, resource: &Arc<Resource>, ready: mpsc::Sender<()>) {
    let mut ready = Some(ready);
    let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(collector.client.clone(), &resource.api);
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        let tasks = match event {
            Ok(Event::Apply(object)) => put(collector, resource, &object),
            Ok(Event::Delete(object)) => collector.graph().remove(&object.uid().unwrap_or_default()),
            Ok(Event::Init) => {
                listed.clear();
                Vec::new()
            }
            Ok(Event::InitApply(object)) => {
                listed.extend(object.uid());
                put(collector, resource, &object)
            }
            Ok(Event::InitDone) => {
                ready.take();
                let mut graph = collector.graph();
                let gone = graph
                    .of_resource(resource)
                    .into_iter()
                    .filter(|uid| !listed.contains(uid));
                let gone: Vec<String> = gone.collect();
                gone.iter().flat_map(|uid| graph.remove(uid)).collect()
            }
            Err(error) => {
                tracing::debug!(%error, plural = resource.api.plural, "watching");
                Vec::new()
            }
        };
        collector.add(tasks);
    }
}

fn put(collector: &Collector, resource: &Arc<Resource>, object: &PartialObjectMeta<DynamicObject>) -> Vec<super::Task> {
    let uid = object.uid().unwrap_or_default();
    collector.graph().put(&uid, Object::new(resource, &object.metadata))
}
