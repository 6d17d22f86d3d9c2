//! The status socket: health of every component as JSON over HTTP/1.1 on a Unix socket.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::{Router, routing::get};
use nodespec::{NodeConfig, paths};
use serde::Serialize;
use tasks::Supervisor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeStatus {
    version: &'static str,
    node: String,
    cluster: String,
    components: BTreeMap<&'static str, Component>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    running: bool,
    restarts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// Serves the status as a component of `supervisor`.
pub(super) fn start(supervisor: &Supervisor, config: &Arc<NodeConfig>) {
    let (watched, config) = (supervisor.clone(), config.clone());
    supervisor.run("status", move || serve(watched.clone(), config.clone()));
}

async fn serve(supervisor: Supervisor, config: Arc<NodeConfig>) -> io::Result<()> {
    // A socket left by an earlier process refuses connections and the bind alike.
    let _ = fs_err::remove_file(paths::STATUS_SOCKET);
    let listener = UnixListener::bind(paths::STATUS_SOCKET)?;
    let cancel = supervisor.group().token().clone();
    let answer = move || async move {
        let text = serde_json::to_string(&describe(&supervisor, &config)).unwrap_or_default();
        ([(CONTENT_TYPE, "application/json")], text)
    };
    axum::serve(listener, Router::new().route("/status", get(answer)))
        .with_graceful_shutdown(cancel.cancelled_owned())
        .await
}

fn describe(supervisor: &Supervisor, config: &NodeConfig) -> NodeStatus {
    let components = supervisor.health().into_iter().map(|(name, health)| {
        (
            name,
            Component {
                running: health.running,
                restarts: health.restarts,
                last_error: health.last_error,
            },
        )
    });
    NodeStatus {
        version: env!("CARGO_PKG_VERSION"),
        node: config.name.clone(),
        cluster: config.cluster.clone(),
        components: components.collect(),
    }
}

/// Asks the running agent; returns the JSON it answered.
pub async fn fetch() -> io::Result<String> {
    let mut stream = UnixStream::connect(paths::STATUS_SOCKET).await?;
    stream
        .write_all(b"GET /status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (_, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| io::Error::other("the agent's answer has no body"))?;
    Ok(body.to_owned())
}
