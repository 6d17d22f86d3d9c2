//! NodeResourcesFit and NodeResourcesBalancedAllocation: room for what the pod requests.

use super::Refusal;
use crate::cache::NodeInfo;
use crate::pod::{Amounts, PodInfo};
use crate::profile::{Args, StrategyKind};

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo, args: &Args) -> Option<Refusal> {
    let (mut reasons, mut hopeless) = (Vec::new(), false);
    let allocatable = |name: &str| node.allocatable.get(name).copied().unwrap_or_default();
    if node.pods.len() as i64 + 1 > allocatable("pods") {
        reasons.push("Too many pods".to_owned());
    }
    let counts = |name: &str| match name.split_once('/') {
        None => true,
        Some((group, _)) => !args.ignored.contains(name) && !args.ignored_groups.contains(group),
    };
    for (name, wanted) in pod
        .requests
        .iter()
        .filter(|(name, wanted)| **wanted > 0 && counts(name))
    {
        let used = node.requested.get(name).copied().unwrap_or_default();
        if *wanted > allocatable(name) - used {
            reasons.push(format!("Insufficient {name}"));
            hopeless |= *wanted > allocatable(name);
        }
    }
    (!reasons.is_empty()).then_some(Refusal { reasons, hopeless })
}

/// How well the node is used with the pod on it, by the profile's strategy.
pub(super) fn score(pod: &PodInfo, node: &NodeInfo, args: &Args) -> i64 {
    let kind = &args.strategy.kind;
    let of = |used: i64, total: i64| match kind {
        StrategyKind::Least => (total - used).max(0) * 100 / total,
        StrategyKind::Most => used.min(total) * 100 / total,
        StrategyKind::Ratio(shape) => on_line(shape, if used > total { 100 } else { used * 100 / total }),
    };
    let (mut sum, mut weights) = (0, 0);
    for (name, weight) in &args.strategy.resources {
        let Some((used, total)) = used(node, name, &node.scored, &pod.scored) else {
            continue;
        };
        let score = of(used, total);
        // what the line gives nothing for counts for nothing
        if matches!(kind, StrategyKind::Ratio(_)) && score == 0 {
            continue;
        }
        sum += score * weight;
        weights += weight;
    }
    match (kind, weights) {
        (_, 0) => 0,
        (StrategyKind::Ratio(_), _) => (sum as f64 / weights as f64).round() as i64,
        _ => sum / weights,
    }
}

/// The value at `at` of the line through the points, which goes on level before the first and behind the last.
fn on_line(points: &[(i64, i64)], at: i64) -> i64 {
    let above = points.iter().position(|point| at <= point.0);
    let between = above.and_then(|above| Some((points.get(above.checked_sub(1)?)?, points.get(above)?)));
    if let Some((low, high)) = between {
        return low.1 + (high.1 - low.1) * (at - low.0) / (high.0 - low.0);
    }
    let level = if above.is_some() { points.first() } else { points.last() };
    level.map_or(0, |point| point.1)
}

/// How evenly resources are used, by what is really requested. A pod that requests nothing upsets no balance: it would follow others
/// of its kind to one node.
pub(super) fn balanced_allocation(pod: &PodInfo, node: &NodeInfo, args: &Args) -> i64 {
    let requested = |name: &String| pod.requests.get(name).is_some_and(|amount| *amount > 0);
    if !args.balanced.iter().any(requested) {
        return 0;
    }
    let shares: Vec<f64> = args
        .balanced
        .iter()
        .filter_map(|name| used(node, name, &node.requested, &pod.requests))
        .map(|(used, total)| (used as f64 / total as f64).min(1.0))
        .collect();
    let deviation = match shares.as_slice() {
        [first, second] => (first - second).abs() / 2.0,
        [] | [_] => 0.0,
        more => {
            let mean = more.iter().sum::<f64>() / more.len() as f64;
            let squares: f64 = more.iter().map(|share| (share - mean).powi(2)).sum();
            (squares / more.len() as f64).sqrt()
        }
    };
    ((1.0 - deviation) * 100.0) as i64
}

/// What is used with the pod's share on the node, and what there is. None of what the node has not, and of an extended resource that
/// the pod has no use for.
fn used(node: &NodeInfo, name: &str, before: &Amounts, more: &Amounts) -> Option<(i64, i64)> {
    let total = node.allocatable.get(name).copied().filter(|total| *total > 0)?;
    let more = more.get(name).copied().unwrap_or_default();
    let extended = name.contains('/') || name.starts_with("hugepages-");
    let used = before.get(name).copied().unwrap_or_default() + more;
    (more > 0 || !extended).then_some((used, total))
}

#[cfg(test)]
mod tests {
    use super::on_line;

    #[test]
    fn a_line_is_level_at_its_ends() {
        let points = [(20, 0), (60, 80), (100, 100)];
        let values = [0, 20, 40, 60, 80, 100].map(|at| on_line(&points, at));
        assert_eq!(values, [0, 0, 40, 80, 90, 100]);
        assert_eq!(on_line(&[(0, 100), (50, 0)], 90), 0);
    }
}
