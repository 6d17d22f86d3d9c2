//! `delete`: containers, volumes, network, kubeconfig entries and the profile, in that order.

use std::time::Duration;

use crate::engine::Whose;
use crate::profile::ProfileStore;
use crate::{ClusterError, Engine, kubeconfig};

/// How often what the engine refused to remove is tried again, and after how long.
const AGAIN: usize = 5;
const PAUSE: Duration = Duration::from_millis(400);

/// Removes all that exists of a cluster; fine if nothing does. False if there was nothing.
pub async fn delete(engine: &Engine, store: &ProfileStore, name: &str) -> Result<bool, ClusterError> {
    let there = store.names()?.iter().any(|known| known == name)
        || !engine.nodes(Some(name)).await?.is_empty()
        || !engine.volumes(name, Whose::Anybodys).await?.is_empty();
    remove_everything(engine, store, name, Whose::Anybodys).await?;
    Ok(there)
}

/// Names of all clusters here: those with a profile, and those of which only containers are left. Clusters that were made for
/// profiles elsewhere, by other users of the engine, are none of them.
pub async fn all_clusters(engine: &Engine, store: &ProfileStore) -> Result<Vec<String>, ClusterError> {
    let mut names = store.names()?;
    let own = engine.with_home(store.root()).own_nodes().await?;
    names.extend(own.into_iter().map(|node| node.cluster));
    names.sort();
    names.dedup();
    Ok(names)
}

/// What the engine has. One that stays does not keep the others from going.
async fn remove_made(engine: &Engine, name: &str, whose: Whose) -> Result<(), ClusterError> {
    engine.remove_nodes(name, whose).await?;
    let (volumes, networks) = tokio::join!(engine.remove_volumes(name, whose), engine.remove_networks(name, whose));
    volumes.and(networks)
}

/// All that exists of a cluster, or all of it that was made for the profiles here.
pub(crate) async fn remove_everything(
    engine: &Engine,
    store: &ProfileStore,
    name: &str,
    whose: Whose,
) -> Result<(), ClusterError> {
    let mut again = AGAIN;
    loop {
        match remove_made(engine, name, whose).await {
            Ok(()) => break,
            // an engine that is busy with one of them refuses, and a moment later does not
            Err(error) if again > 0 => tracing::info!(%error, "not everything is gone yet"),
            Err(error) => return Err(error),
        }
        again -= 1;
        tokio::time::sleep(PAUSE).await;
    }
    // a profile that cannot be read must not keep the rest from being removed
    if let Ok(Some(profile)) = store.read(name) {
        kubeconfig::remove(&profile.kubeconfig, name, profile.previous_context.as_deref())?;
    }
    store.remove(name)
}
