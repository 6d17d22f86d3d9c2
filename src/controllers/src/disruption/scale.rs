//! How many pods the controllers of some pods want together.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DynamicObject;
use kube::{Api, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::mapping::resource_of;
use crate::shared::owner::controller_of;
use crate::shared::{Ctx, Error, Key, Result};

/// What is known of some pods' controllers.
#[derive(Debug, Default)]
pub(super) struct Scale {
    pub(super) replicas: i32,
    /// Pods without a controller.
    pub(super) unmanaged: Vec<String>,
}

/// A controller and the pods that it wants.
type Found = Option<(String, i32)>;

/// An error if a pod has a controller that does not say.
pub(super) async fn of(ctx: &Ctx, namespace: &str, selected: &[Arc<Pod>]) -> Result<Scale> {
    // controllers by their own UID and by that of whom pods name
    let (mut scales, mut seen) = (BTreeMap::new(), Vec::new());
    let mut unmanaged = Vec::new();
    for pod in selected {
        let Some(owner) = controller_of(&pod.metadata) else {
            unmanaged.push(pod.name_any());
            continue;
        };
        if seen.contains(&owner.uid) {
            continue;
        }
        let found = match known(ctx, namespace, owner) {
            None => asked(ctx, namespace, owner).await?,
            found => found,
        };
        let Some((uid, replicas)) = found else {
            return Err(Error::Again(format!(
                "found no controllers for pod \"{}\"",
                pod.name_any()
            )));
        };
        seen.push(owner.uid.clone());
        scales.insert(uid, replicas);
    }
    Ok(Scale {
        replicas: scales
            .values()
            .fold(0_i32, |sum, replicas: &i32| sum.saturating_add(*replicas)),
        unmanaged,
    })
}

/// Of the controllers that this program has itself.
fn known(ctx: &Ctx, namespace: &str, owner: &OwnerReference) -> Found {
    let key = Key::new(namespace, &*owner.name);
    let ours = |uid: Option<String>| uid.filter(|uid| *uid == owner.uid);
    match (owner.api_version.split('/').next()?, &*owner.kind) {
        ("apps", "ReplicaSet") => {
            let set = ctx.replica_sets.get(&key)?;
            let uid = ours(set.uid())?;
            let parent = controller_of(&set.metadata).filter(|parent| parent.kind == "Deployment");
            let Some(parent) = parent else {
                return Some((uid, set.spec.as_ref()?.replicas.unwrap_or(1)));
            };
            let deployment = ctx.deployments.get(&Key::new(namespace, &*parent.name))?;
            let uid = deployment.uid().filter(|uid| *uid == parent.uid)?;
            Some((uid, deployment.spec.as_ref()?.replicas.unwrap_or(1)))
        }
        ("apps", "StatefulSet") => {
            let set = ctx.stateful_sets.get(&key)?;
            Some((ours(set.uid())?, set.spec.as_ref()?.replicas.unwrap_or(1)))
        }
        ("v1", "ReplicationController") => {
            let controller = ctx.replication_controllers.get(&key)?;
            Some((ours(controller.uid())?, controller.spec.as_ref()?.replicas.unwrap_or(1)))
        }
        _ => None,
    }
}

/// Of all others that have a scale.
async fn asked(ctx: &Ctx, namespace: &str, owner: &OwnerReference) -> Result<Found> {
    let (resource, capabilities) = resource_of(&ctx.client, &owner.api_version, &owner.kind).await?;
    if !capabilities.subresources.iter().any(|(part, _)| part.plural == "scale") {
        let name = match &*resource.group {
            "" => resource.plural,
            group => format!("{}.{group}", resource.plural),
        };
        return Err(Error::Again(format!("{name} does not implement the scale subresource")));
    }
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), namespace, &resource);
    let Some(scale) = api.get_subresource("scale", &owner.name).await.unless_gone()? else {
        return Ok(None);
    };
    let replicas = scale.data["spec"]["replicas"].as_i64().unwrap_or_default();
    let uid = scale.uid().filter(|uid| *uid == owner.uid);
    Ok(uid.map(|uid| (uid, i32::try_from(replicas).unwrap_or(i32::MAX))))
}
