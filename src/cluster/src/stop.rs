//! `stop`: all nodes at once; they keep their volumes and addresses.

use crate::profile::Profile;
use crate::{ClusterError, Engine};

/// Seconds that a node has to end its pods before it is killed.
const GRACE: i32 = 30;

/// Stops the cluster's nodes. Gives the names of those that ran.
pub async fn stop(engine: &Engine, profile: &Profile) -> Result<Vec<String>, ClusterError> {
    let nodes = engine.nodes(Some(&profile.name)).await?;
    let running: Vec<String> = nodes
        .into_iter()
        .filter(|node| node.running())
        .map(|node| node.name)
        .collect();
    let stop = |name: String| async move {
        // a frozen process takes no signal
        crate::pause::resume(engine, &name).await?;
        engine.stop_node(&name, GRACE).await?;
        engine.want_node(&name, false).await;
        Ok::<(), ClusterError>(())
    };
    futures::future::try_join_all(running.iter().cloned().map(stop)).await?;
    Ok(running)
}
