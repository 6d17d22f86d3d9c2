//! The rolling update: which old pods go and which new ones come now.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;

use super::{ByNode, HASH, nodes};
use crate::deployment::scaled;
use crate::shared::pods::{is_available, is_terminating};

/// New pods that may stand beside old ones.
pub(super) fn surge(set: &DaemonSet, total: i32) -> i32 {
    rolling(set)
        .and_then(|(surge, _)| surge)
        .map_or(0, |surge| scaled(&surge, total, true))
}

type Bounds = (Option<IntOrString>, Option<IntOrString>);

fn rolling(set: &DaemonSet) -> Option<Bounds> {
    let strategy = set.spec.as_ref()?.update_strategy.as_ref()?.rolling_update.as_ref()?;
    Some((strategy.max_surge.clone(), strategy.max_unavailable.clone()))
}

/// Nodes that get a new pod, and pods to delete.
pub(super) fn plan(
    set: &DaemonSet,
    nodes: &[Arc<Node>],
    by_node: &ByNode,
    hash: &str,
    now: Timestamp,
) -> (Vec<String>, Vec<Arc<Pod>>) {
    let mut by_node = by_node.clone();
    let wanted: Vec<&Arc<Node>> = nodes.iter().filter(|node| nodes::should_run(node, set).0).collect();
    for node in &wanted {
        by_node.entry(node.name_any()).or_default();
    }
    let total = i32::try_from(wanted.len()).unwrap_or(i32::MAX);
    let surge = usize::try_from(surge(set, total)).unwrap_or_default();
    let unavailable = rolling(set)
        .and_then(|(_, unavailable)| unavailable)
        .map_or(1, |u| scaled(&u, total, true));
    let mut unavailable = usize::try_from(unavailable).unwrap_or_default();
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let min_ready = set
        .spec
        .as_ref()
        .and_then(|spec| spec.min_ready_seconds)
        .unwrap_or_default();
    let available = |pod: &Arc<Pod>| is_available(pod, min_ready, now);
    let is_wanted = |name: &str| wanted.iter().any(|node| node.name_any() == name);
    if surge == 0 {
        replace(&by_node, hash, unavailable, &available)
    } else {
        add(&by_node, hash, surge, &available, &is_wanted)
    }
}

/// The new and the old pod of a node.
type Pair = (Option<Arc<Pod>>, Option<Arc<Pod>>);

/// None if there are more.
fn pair(pods: &[Arc<Pod>], hash: &str) -> Option<Pair> {
    let live = pods.iter().filter(|pod| !is_terminating(pod));
    let (new, old): (Vec<_>, Vec<_>) = live
        .cloned()
        .partition(|pod| pod.labels().get(HASH).is_some_and(|own| own == hash));
    (new.len() <= 1 && old.len() <= 1).then(|| (new.into_iter().next(), old.into_iter().next()))
}

/// Old pods go, so that the next sync starts new ones in their place.
fn replace(
    by_node: &ByNode,
    hash: &str,
    most: usize,
    available: &dyn Fn(&Arc<Pod>) -> bool,
) -> (Vec<String>, Vec<Arc<Pod>>) {
    let (mut down, mut delete, mut candidates) = (0, Vec::new(), Vec::new());
    for pods in by_node.values() {
        match pair(pods, hash) {
            None | Some((None, None) | (Some(_), Some(_))) => down += 1,
            Some((Some(new), None)) => down += usize::from(!available(&new)),
            Some((None, Some(old))) if !available(&old) => {
                delete.push(old);
                down += 1;
            }
            Some((None, Some(old))) => candidates.push(old),
        }
    }
    delete.extend(candidates.into_iter().take(most.saturating_sub(down)));
    (Vec::new(), delete)
}

/// New pods come beside the old ones, which go when the new ones are available.
fn add(
    by_node: &ByNode,
    hash: &str,
    most: usize,
    available: &dyn Fn(&Arc<Pod>) -> bool,
    wanted: &dyn Fn(&str) -> bool,
) -> (Vec<String>, Vec<Arc<Pod>>) {
    let (mut surging, mut create, mut candidates, mut delete) = (0, Vec::new(), Vec::new(), Vec::new());
    for (name, pods) in by_node {
        match pair(pods, hash) {
            None => surging += 1,
            Some((None, Some(old))) if !wanted(name) => {
                if !available(&old) {
                    delete.push(old);
                }
            }
            Some((None, Some(old))) if !available(&old) => create.push(name.clone()),
            Some((None, Some(_))) => candidates.push(name.clone()),
            Some((Some(new), Some(_))) if !available(&new) => surging += 1,
            Some((Some(_), Some(old))) => delete.push(old),
            Some((_, None)) => {}
        }
    }
    create.extend(candidates.into_iter().take(most.saturating_sub(surging)));
    (create, delete)
}
