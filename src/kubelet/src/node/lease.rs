//! The node's lease: the cheap sign of life.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, OwnerReference};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::context::Context;

const NAMESPACE: &str = "kube-node-lease";
const DURATION_SECONDS: i32 = 40;
/// A quarter of the duration, as upstream renews.
const PERIOD: Duration = Duration::from_secs(10);

/// Renews for ever.
pub(super) async fn renew(context: Arc<Context>) {
    let api: Api<Lease> = Api::namespaced(context.client.clone(), NAMESPACE);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = once(&context, &api).await {
            tracing::debug!(%error, "lease not renewed");
        }
    }
}

async fn once(context: &Context, api: &Api<Lease>) -> kube::Result<()> {
    let name = &context.options.node_name;
    let now = MicroTime(Timestamp::now());
    let patch = json!({ "spec": {
        "holderIdentity": name, "leaseDurationSeconds": DURATION_SECONDS, "renewTime": now,
    }});
    match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        other => return other.map(drop),
    }
    let nodes: Api<Node> = Api::all(context.client.clone());
    let node = nodes.get(name).await?;
    let mut lease = Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some(name.clone()),
            lease_duration_seconds: Some(DURATION_SECONDS),
            renew_time: Some(now),
            ..Default::default()
        }),
        ..Default::default()
    };
    lease.metadata.name = Some(name.clone());
    lease.metadata.namespace = Some(NAMESPACE.to_owned());
    lease.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: name.clone(),
        uid: node.metadata.uid.unwrap_or_default(),
        ..Default::default()
    }]);
    api.create(&PostParams::default(), &lease).await.map(drop)
}
