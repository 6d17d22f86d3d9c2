//! ClusterRoles that are the sum of others.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/clusterroleaggregation`.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use machinery::selector::LabelSelector;

use crate::shared::error::Tolerate as _;
use crate::shared::owner::selector;
use crate::shared::{Ctx, Key, Queue, Result, work};

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.cluster_roles.on(move |_, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        // Any role may be a part of any sum.
        let sums = ctx
            .cluster_roles
            .list()
            .into_iter()
            .chain(new.cloned())
            .filter(|role| role.aggregation_rule.is_some());
        sums.for_each(|role| queue.add(Key::of(role.as_ref())));
        true
    });
    ctx.cluster_roles.synced().await;
    work("clusterrole", &queue, 1, |key: Key| {
        let ctx = ctx.clone();
        async move { sync(&ctx, &key).await }
    })
    .await
}

async fn sync(ctx: &Ctx, key: &Key) -> Result<()> {
    let Some(role) = ctx.cluster_roles.get(key) else {
        return Ok(());
    };
    let Some(rule) = &role.aggregation_rule else {
        return Ok(());
    };
    let selectors: Vec<LabelSelector> = rule
        .cluster_role_selectors
        .iter()
        .flatten()
        .map(selector)
        .collect::<Result<_>>()?;
    let rules = sum(&ctx.cluster_roles.list(), &key.name, &selectors);
    if role.rules.as_deref().unwrap_or_default() == rules {
        return Ok(());
    }
    let mut new = role.as_ref().clone();
    new.rules = Some(rules);
    let api: Api<ClusterRole> = Api::all(ctx.client.clone());
    api.replace(&key.name, &PostParams::default(), &new)
        .await
        .unless_gone()?;
    Ok(())
}

/// Rules of all selected roles, each once, by the roles' names.
fn sum(all: &[Arc<ClusterRole>], own: &str, selectors: &[LabelSelector]) -> Vec<PolicyRule> {
    let mut parts: Vec<&Arc<ClusterRole>> = all
        .iter()
        .filter(|role| role.name_any() != own && selectors.iter().any(|selector| selector.matches(role.labels())))
        .collect();
    parts.sort_by_key(|role| role.name_any());
    let mut out: Vec<PolicyRule> = Vec::new();
    for rule in parts.into_iter().flat_map(|role| role.rules.iter().flatten()) {
        if !out.contains(rule) {
            out.push(rule.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sums_have_each_rule_once_in_order_of_names() {
        let role = |name: &str, label: &str, verb: &str| {
            let object = json!({"metadata": {"name": name, "labels": {"to": label}}, "rules": [{"verbs": [verb]}]});
            Arc::new(serde_json::from_value::<ClusterRole>(object).expect("role"))
        };
        let all = [
            role("c", "view", "get"),
            role("b", "view", "list"),
            role("a", "edit", "create"),
            role("d", "view", "get"),
        ];
        let selectors = [LabelSelector::parse("to=view").expect("selector")];
        let verbs: Vec<_> = sum(&all, "own", &selectors)
            .into_iter()
            .flat_map(|rule| rule.verbs)
            .collect();
        assert_eq!(verbs, ["list", "get"]);
    }
}
