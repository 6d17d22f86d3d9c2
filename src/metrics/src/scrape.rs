//! Turns: all kubelets are asked at once, then all wait for the next turn.

use std::sync::PoisonError;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::kubelet::Kubelets;
use crate::run::Shared;
use crate::storage::Reading;

/// Kubelets asked at once.
const AT_ONCE: usize = 64;
/// Two early turns make the first answers possible soon.
const SECOND: Duration = Duration::from_secs(3);

/// Takes turns for ever, once objects are known.
pub(crate) async fn keep(
    shared: &Shared,
    kubelets: &Kubelets,
    resolution: Duration,
    mut listed: watch::Receiver<bool>,
) {
    // the sender lives as long as the follower, which ends only with the whole server
    let _ = listed.wait_for(|listed| *listed).await;
    turn(shared, kubelets).await;
    tokio::time::sleep(SECOND.min(resolution)).await;
    let mut ticks = tokio::time::interval(resolution);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        turn(shared, kubelets).await;
    }
}

async fn turn(shared: &Shared, kubelets: &Kubelets) {
    let nodes: Vec<_> = shared.read(|objects, _| {
        let nodes = objects.nodes.iter();
        nodes
            .filter_map(|(name, node)| Some((name.clone(), node.kubelet?)))
            .collect()
    });
    let readings: Vec<(String, Reading)> = stream::iter(nodes)
        .map(|(name, address)| async move {
            match kubelets.read(address).await {
                Ok(reading) => Some((name, reading)),
                Err(error) => {
                    tracing::warn!(node = name, %error, "a kubelet told nothing");
                    None
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|reading| async move { reading })
        .collect()
        .await;
    let mut storage = shared.storage.write().unwrap_or_else(PoisonError::into_inner);
    storage.store(readings);
}
