//! What the objects of a namespace use of one quota.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use machinery::quantity::{Format, Quantity};
use machinery::quota::{self, ObjectKind, tracked, usage};
use machinery::resources::{self, ResourceList};
use serde_json::Value;

use crate::shared::error::code;
use crate::shared::{Error, Result};

/// Core kinds that quotas may be about by other names than `count/…`.
const CORE: &[(&str, &str)] = &[
    ("configmaps", "ConfigMap"),
    ("persistentvolumeclaims", "PersistentVolumeClaim"),
    ("pods", "Pod"),
    ("replicationcontrollers", "ReplicationController"),
    ("resourcequotas", "ResourceQuota"),
    ("secrets", "Secret"),
    ("services", "Service"),
];

/// Amounts used, for all names that the quota bounds.
pub(super) async fn used(client: &Client, quota: &ResourceQuota) -> Result<BTreeMap<String, ApiQuantity>> {
    let namespace = quota.namespace().unwrap_or_default();
    let whole = serde_json::to_value(quota)?;
    let hard = resources::list(&whole["spec"]["hard"]);
    let nothing = Quantity::new(0, Format::DecimalSi);
    let mut sum: ResourceList = hard.keys().map(|name| (name.clone(), nothing.clone())).collect();
    for resource in kinds(client, &hard).await? {
        let kind = ObjectKind {
            group: &resource.group,
            plural: &resource.plural,
        };
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
        let objects = match api.list(&ListParams::default()).await {
            Ok(list) => list.items,
            Err(error) if code(&error) == 404 => continue,
            Err(error) => return Err(error.into()),
        };
        for object in objects {
            let object = serde_json::to_value(object)?;
            if quota::matches(&whole, kind, &object) {
                let used = usage(kind, &object, is_alive(&object, Timestamp::now()));
                resources::add(&mut sum, &quota::mask(&used, &hard));
            }
        }
    }
    let amounts = sum
        .into_iter()
        .map(|(name, amount)| (name, ApiQuantity(amount.to_string())));
    Ok(amounts.collect())
}

/// Finished pods, and pods that should be gone by now, use nothing.
fn is_alive(object: &Value, now: Timestamp) -> bool {
    let finished = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let deleted: Option<Timestamp> = object["metadata"]["deletionTimestamp"]
        .as_str()
        .and_then(|time| time.parse().ok());
    let grace = SignedDuration::from_secs(
        object["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or_default(),
    );
    !finished && deleted.is_none_or(|deleted| now < deleted + grace)
}

/// The kinds of objects that the names are about.
async fn kinds(client: &Client, hard: &ResourceList) -> Result<Vec<ApiResource>> {
    let core = CORE.iter().filter(|(plural, _)| {
        let kind = ObjectKind { group: "", plural };
        hard.keys().any(|name| tracked(kind, name))
    });
    let mut out: Vec<ApiResource> = core
        .map(|(plural, kind)| ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", kind), plural))
        .collect();
    for name in hard.keys().filter_map(|name| name.strip_prefix("count/")) {
        let (plural, group) = name.split_once('.').unwrap_or((name, ""));
        if out.iter().any(|known| known.plural == plural && known.group == group) {
            continue;
        }
        out.extend(discover(client, group, plural).await?);
    }
    Ok(out)
}

/// What discovery says of a counted kind; nothing if nobody serves it.
async fn discover(client: &Client, group: &str, plural: &str) -> Result<Option<ApiResource>> {
    let found = if group.is_empty() {
        let list = client.list_core_api_resources("v1").await?;
        list.resources
            .into_iter()
            .find(|resource| resource.name == plural)
            .map(|resource| GroupVersionKind::gvk("", "v1", &resource.kind))
    } else {
        match kube::discovery::group(client, group).await {
            Ok(found) => found
                .recommended_resources()
                .into_iter()
                .find(|(resource, _)| resource.plural == plural)
                .map(|(resource, _)| GroupVersionKind::gvk(group, &resource.version, &resource.kind)),
            Err(kube::Error::Discovery(_)) => None,
            Err(error) => return Err(Error::from(error)),
        }
    };
    Ok(found.map(|gvk| ApiResource::from_gvk_with_plural(&gvk, plural)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_that_are_finished_or_overdue_use_nothing() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().expect("time");
        assert!(is_alive(&json!({"status": {"phase": "Running"}}), now));
        assert!(!is_alive(&json!({"status": {"phase": "Failed"}}), now));
        let deleted = |time: &str| json!({"metadata": {"deletionTimestamp": time, "deletionGracePeriodSeconds": 30}});
        assert!(is_alive(&deleted("2026-01-01T00:00:40Z"), now));
        assert!(!is_alive(&deleted("2026-01-01T00:00:20Z"), now));
    }
}
