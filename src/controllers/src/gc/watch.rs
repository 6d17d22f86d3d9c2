//! Following the metadata of everything that can be deleted; the set of kinds follows the CRDs.

use std::sync::Arc;
use std::time::Duration;

use follow::{Change, changes};
use futures::StreamExt as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};
use tasks::{CancellationToken, Group};
use tokio::sync::mpsc;

use super::graph::Object;
use super::{Collector, Resource};
use crate::shared::{Error, Key, Result};

/// Changes of CRDs come in crowds.
const SETTLE: Duration = Duration::from_millis(500);

/// Keeps one watch per kind running, until CRDs cannot be watched any more.
pub(super) async fn follow(collector: &Arc<Collector>, group: &Group) -> Result<()> {
    let mut running: Vec<(Arc<Resource>, CancellationToken)> = Vec::new();
    let crds: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(collector.client.clone());
    let mut of_crds = changes(crds, watcher::Config::default());
    // what was there before the first discovery has been found by it
    let mut listed = false;
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
            match of_crds.next().await {
                Some(Change::Listed) => listed = true,
                Some(Change::Set(_) | Change::Gone(_)) if listed => break,
                Some(_) => {}
                None => return Err(Error::WatchEnded("customresourcedefinitions".to_owned())),
            }
        }
        let _ = tokio::time::timeout(SETTLE, async { while of_crds.next().await.is_some() {} }).await;
    }
}

/// Everything that can be listed, watched and deleted, but events.
async fn resources(client: &Client) -> Result<Vec<Resource>> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut out = Vec::new();
    for group in discovery.groups() {
        for (api, capabilities) in group.resources_by_stability() {
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
    let mut changes = changes(api, watcher::Config::default());
    while let Some(change) = changes.next().await {
        let tasks = match change {
            Change::Set(object) => {
                collector.changes.tell(&resource.api, &Key::of(&object));
                put(collector, resource, &object)
            }
            Change::Gone(identity) => {
                let tasks = collector.graph().remove(&identity.uid);
                let key = Key::new(identity.namespace, identity.name);
                collector.changes.tell(&resource.api, &key);
                tasks
            }
            Change::Listed => {
                ready.take();
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
