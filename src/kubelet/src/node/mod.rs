//! The Node object: registration, status, lease.

mod capacity;
mod conditions;
mod info;
mod lease;
mod register;

pub(crate) use capacity::{capacity, memory};

use std::sync::Arc;
use std::time::Duration;

use follow::Soon;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Node, NodeStatus};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use serde_json::json;
use tokio::time::Instant;

use crate::context::Context;
use crate::events::Kind;

/// Conditions are looked at this often; the API hears of it only when something has changed.
const CHECK: Duration = Duration::from_secs(10);
const CHECK_UNREADY: Duration = Duration::from_millis(200);
/// An unchanged status is written again after this long, as upstream's `nodeStatusReportFrequency`.
const REPORT: Duration = Duration::from_mins(5);
const RETRY: Duration = Duration::from_millis(500);

/// Registers the node and keeps its status for ever.
pub(crate) async fn keep(context: Arc<Context>) {
    let api: Api<Node> = Api::all(context.client.clone());
    loop {
        match register::ensure(&context, &api).await {
            Ok(node) => {
                context
                    .recorder
                    .node(&node, Kind::Normal, "Starting", "Starting kubelet.");
                break;
            }
            Err(error) => {
                tracing::debug!(%error, "node not registered; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    context.group.spawn("node-lease", lease::renew(context.clone()));
    let mut present = watch_object(api.clone(), &context.options.node_name)
        .backoff(Soon::default())
        .boxed();
    let mut in_use = context.csi.attachments.in_use();
    let mut next = Duration::ZERO;
    let mut written: Option<(NodeStatus, Instant)> = None;
    let mut node: Option<Node> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            // pods wait until the API knows of it; the sender lives as long as the context
            _ = in_use.changed() => {}
            seen = present.next() => match seen {
                Some(Ok(Some(seen))) => {
                    context.csi.attachments.seen(&seen);
                    node = Some(seen);
                }
                // Somebody deleted the node: as upstream, a restart registers it again, and so does this.
                Some(Ok(None)) => {
                    if let Err(error) = register::ensure(&context, &api).await {
                        tracing::debug!(%error, "node not registered");
                    }
                    // the new one has no status yet
                    (node, written) = (None, None);
                    next = Duration::ZERO;
                    continue;
                }
                _ => continue,
            },
        }
        let Some(node) = &node else { continue };
        let status = status(&context, node, written.as_ref().map(|(status, _)| status)).await;
        // At boot the runtime needs a moment to see its network's configuration; pods wait for this.
        next = if ready(&status) { CHECK } else { CHECK_UNREADY };
        let due = match &written {
            Some((last, at)) => at.elapsed() > REPORT || !same(last, &status),
            None => true,
        };
        if due {
            let was_ready = written.as_ref().map(|(status, _)| ready(status));
            match write(&api, &context, &status).await {
                Ok(()) => {
                    let in_use = status.volumes_in_use.as_deref();
                    context.csi.attachments.reported(in_use.unwrap_or_default());
                    if was_ready != Some(ready(&status)) {
                        let (reason, word) = if ready(&status) {
                            ("NodeReady", "NodeReady")
                        } else {
                            ("NodeNotReady", "NodeNotReady")
                        };
                        let message = format!("Node {} status is now: {word}", context.options.node_name);
                        context.recorder.node(node, Kind::Normal, reason, message);
                    }
                    written = Some((status, Instant::now()));
                }
                Err(error) => tracing::debug!(%error, "node status not written; trying again"),
            }
        }
    }
}

fn ready(status: &NodeStatus) -> bool {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// True if nothing but heartbeat times differs.
fn same(a: &NodeStatus, b: &NodeStatus) -> bool {
    let still = |status: &NodeStatus| {
        let mut status = status.clone();
        for condition in status.conditions.iter_mut().flatten() {
            condition.last_heartbeat_time = None;
        }
        status
    };
    still(a) == still(b)
}

async fn status(context: &Context, node: &Node, last: Option<&NodeStatus>) -> NodeStatus {
    let images = info::images(context).await;
    let in_use: Vec<String> = context.csi.attachments.in_use().borrow().iter().cloned().collect();
    let shown = last
        .or(node.status.as_ref())
        .and_then(|status| status.volumes_in_use.as_ref());
    let shows_any = shown.is_some_and(|names| !names.is_empty());
    let old = last
        .or(node.status.as_ref())
        .and_then(|status| status.conditions.clone())
        .unwrap_or_default();
    NodeStatus {
        addresses: Some(info::addresses(&context.options)),
        allocatable: Some(context.capacity.clone()),
        capacity: Some(context.capacity.clone()),
        conditions: Some(conditions::all(context, &old).await),
        daemon_endpoints: Some(info::endpoints(&context.options)),
        images: Some(images).filter(|images| !images.is_empty()),
        node_info: Some(info::system(context).await),
        // what is no longer there must be taken back, and what never was need not be said
        volumes_in_use: (shows_any || !in_use.is_empty()).then_some(in_use),
        ..Default::default()
    }
}

async fn write(api: &Api<Node>, context: &Context, status: &NodeStatus) -> kube::Result<()> {
    let mut patch = json!({ "status": status });
    // The lists of a status are replaced, not merged: addresses and images that are gone must go.
    if let Some(addresses) = patch["status"]["addresses"].as_array_mut() {
        addresses.insert(0, json!({ "$patch": "replace" }));
    }
    api.patch_status(
        &context.options.node_name,
        &PatchParams::default(),
        &Patch::Strategic(patch),
    )
    .await
    .map(drop)
}
