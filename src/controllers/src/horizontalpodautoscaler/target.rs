//! What is scaled: any resource with a `scale` subresource.

use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::shared::Result;
use crate::shared::mapping::resource_of;

/// An object that can be scaled.
pub(super) struct Scalable {
    api: Api<DynamicObject>,
    name: String,
    pub(super) wanted: i32,
    pub(super) present: i32,
    pub(super) selector: String,
}

impl Scalable {
    pub(super) async fn find(client: &Client, namespace: &str, target: &CrossVersionObjectReference) -> Result<Self> {
        let api_version = target.api_version.as_deref().unwrap_or("v1");
        let (resource, _) = resource_of(client, api_version, &target.kind).await?;
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let scale = api.get_subresource("scale", &target.name).await?.data;
        let number = |part: &str| {
            let number = scale[part]["replicas"].as_i64().unwrap_or_default();
            i32::try_from(number).unwrap_or(i32::MAX)
        };
        Ok(Self {
            api,
            name: target.name.clone(),
            wanted: number("spec"),
            present: number("status"),
            selector: scale["status"]["selector"].as_str().unwrap_or_default().to_owned(),
        })
    }

    pub(super) async fn scale(&self, replicas: i32) -> Result<()> {
        let patch = json!({"spec": {"replicas": replicas}});
        let parameters = PatchParams::default();
        self.api
            .patch_scale(&self.name, &parameters, &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}
