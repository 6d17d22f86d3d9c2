//! The arithmetic of rollouts.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Wanted replicas of a set.
pub(super) fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

pub(super) fn available(set: &ReplicaSet) -> i32 {
    set.status
        .as_ref()
        .and_then(|status| status.available_replicas)
        .unwrap_or_default()
}

/// A number, or a share of `total`.
pub(crate) fn scaled(value: &IntOrString, total: i32, up: bool) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            let product = percent * i64::from(total);
            let share = if up {
                (product + 99).div_euclid(100)
            } else {
                product.div_euclid(100)
            };
            i32::try_from(share).unwrap_or(i32::MAX)
        }
    }
}

/// How many pods there may be too many and too few in a rolling update; never none of both.
fn fence_posts(deployment: &Deployment) -> Option<(i32, i32)> {
    let spec = deployment.spec.as_ref()?;
    let strategy = spec.strategy.clone().unwrap_or_default();
    if strategy.type_.as_deref().is_some_and(|ty| ty != "RollingUpdate") {
        return None;
    }
    let rolling = strategy.rolling_update.unwrap_or_default();
    let total = spec.replicas.unwrap_or(1);
    let quarter = IntOrString::String("25%".to_owned());
    let surge = scaled(rolling.max_surge.as_ref().unwrap_or(&quarter), total, true);
    let unavailable = scaled(rolling.max_unavailable.as_ref().unwrap_or(&quarter), total, false);
    Some(if surge == 0 && unavailable == 0 {
        (0, 1)
    } else {
        (surge, unavailable)
    })
}

pub(super) fn max_surge(deployment: &Deployment) -> i32 {
    fence_posts(deployment).map_or(0, |(surge, _)| surge)
}

pub(super) fn max_unavailable(deployment: &Deployment) -> i32 {
    let total = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    fence_posts(deployment).map_or(0, |(_, unavailable)| unavailable.min(total))
}

/// How large the new set may be, given `all` replicas wanted of all sets.
pub(super) fn new_set_size(deployment: &Deployment, all: i32, new: i32) -> i32 {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if fence_posts(deployment).is_none() {
        return wanted;
    }
    let most = wanted + max_surge(deployment);
    if all >= most {
        new
    } else {
        new + (most - all).min(wanted - new)
    }
}

/// By how much a set grows or shrinks if the deployment as a whole does by `to_add`, of which `added` are given out.
pub(super) fn proportion(size: i32, most_before: i32, deployment: &Deployment, to_add: i32, added: i32) -> i32 {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if size == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let fraction = if wanted == 0 {
        -size
    } else if most_before == 0 {
        0
    } else {
        let most = f64::from(wanted + max_surge(deployment));
        let new = f64::from(size) * most / f64::from(most_before);
        new.round() as i32 - size
    };
    let allowed = to_add - added;
    if to_add > 0 {
        fraction.min(allowed)
    } else {
        fraction.max(allowed)
    }
}
