//! `pause` and `unpause`: the control plane's process is frozen where it stands; containerd and all pods go on.

use crate::profile::Profile;
use crate::{ClusterError, Engine};

const PAUSE: &str = "pause";
const UNPAUSE: &str = "unpause";

/// Freezes the control plane.
pub async fn pause(engine: &Engine, profile: &Profile) -> Result<(), ClusterError> {
    let node = running_control_plane(engine, profile).await?;
    in_node(engine, &node, PAUSE).await.map(drop)
}

/// Lets the control plane go on. Fine if it was not frozen.
pub async fn unpause(engine: &Engine, profile: &Profile) -> Result<(), ClusterError> {
    let node = running_control_plane(engine, profile).await?;
    resume(engine, &node).await.map(drop)
}

/// Lets a node's process go on; true if it was frozen.
pub(crate) async fn resume(engine: &Engine, node: &str) -> Result<bool, ClusterError> {
    in_node(engine, node, UNPAUSE)
        .await
        .map(|output| output.trim() == "resumed")
}

/// Whether a node's process is frozen.
pub async fn is_paused(engine: &Engine, node: &str) -> Result<bool, ClusterError> {
    in_node(engine, node, "paused")
        .await
        .map(|output| output.trim() == "true")
}

async fn in_node(engine: &Engine, node: &str, verb: &'static str) -> Result<String, ClusterError> {
    let output = engine.exec(node, &["/usr/bin/rkube", "node", verb]).await?;
    if output.code == 0 {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ClusterError::InNode {
        what: verb,
        node: node.to_owned(),
        reason,
    })
}

async fn running_control_plane(engine: &Engine, profile: &Profile) -> Result<String, ClusterError> {
    let nodes = engine.nodes(Some(&profile.name)).await?;
    let name = profile
        .control_plane()
        .map(|node| node.name.clone())
        .unwrap_or_default();
    let running = nodes.iter().any(|node| node.name == name && node.running());
    if running {
        Ok(name)
    } else {
        Err(ClusterError::NotRunning {
            name: profile.name.clone(),
        })
    }
}
