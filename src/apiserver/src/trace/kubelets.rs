//! The kubelets' part of a story, asked for when somebody reads it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Limited};
use traces::Step;

use crate::{Api, body, streams};

/// A kubelet that does not answer within this time has nothing to tell.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of one answer.
const LARGEST: usize = 1 << 20;
/// Pods that are asked about at once.
const PODS: usize = 100;

/// The steps for these pods, with the node that took them.
pub(super) async fn steps(api: &Arc<Api>, nodes: BTreeSet<String>, pods: &[String]) -> Vec<(String, Step)> {
    let query: Vec<String> = pods.iter().take(PODS).map(|uid| format!("uid={uid}")).collect();
    let path = format!("/traces?{}", query.join("&"));
    let asked = nodes.into_iter().map(|node| {
        let path = path.clone();
        async move {
            let answer = tokio::time::timeout(PATIENCE, ask(api, &node, &path)).await;
            let steps = answer.ok().flatten().unwrap_or_else(|| {
                tracing::debug!(node, "a kubelet tells no steps");
                Vec::new()
            });
            steps
                .into_iter()
                .map(move |step| (node.clone(), step))
                .collect::<Vec<_>>()
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn ask(api: &Arc<Api>, node: &str, path: &str) -> Option<Vec<Step>> {
    let request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .body(body::full(""))
        .ok()?;
    let answer = streams::ask_kubelet(api, node, request).await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let bytes = Limited::new(answer.into_body(), LARGEST)
        .collect()
        .await
        .ok()?
        .to_bytes();
    serde_json::from_slice(&bytes).ok()
}
