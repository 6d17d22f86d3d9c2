//! The API server's identity: a lease that says that the server which wrote something is still there.
//!
//! Semantics: the feature `APIServerIdentity`. The API server is in this process, so this is where its heart beats.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::shared::Result;
use crate::shared::error::Tolerate as _;

/// Where the leases are.
pub(super) const NAMESPACE: &str = "kube-system";
const COMPONENT: &str = "apiserver.kubernetes.io/identity";
const API_SERVER: &str = "kube-apiserver";
/// Upstream's.
const LEASE_SECONDS: i32 = 3600;
const RENEWAL: Duration = Duration::from_secs(10);

/// The server's name among those of one cluster, the same after each start.
pub(super) fn name(hostname: &str) -> String {
    let digest = hex::encode(Sha256::digest(hostname));
    format!("apiserver-{}", &digest[..26])
}

/// Whether the lease is an API server's.
pub(super) fn is_identity(lease: &Lease) -> bool {
    lease
        .labels()
        .get(COMPONENT)
        .is_some_and(|component| component == API_SERVER)
}

/// Makes the lease, or takes it up again.
pub(super) async fn take(client: &Client, hostname: &str) -> Result<()> {
    let api: Api<Lease> = Api::namespaced(client.clone(), NAMESPACE);
    let name = name(hostname);
    let now = MicroTime(Timestamp::now());
    let mut lease = Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some(name.clone()),
            lease_duration_seconds: Some(LEASE_SECONDS),
            renew_time: Some(now.clone()),
            ..LeaseSpec::default()
        }),
        ..Lease::default()
    };
    lease.metadata.name = Some(name.clone());
    let labels = [(COMPONENT, API_SERVER), ("kubernetes.io/hostname", hostname)];
    lease.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let made = api.create(&PostParams::default(), &lease).await.unless_exists()?;
    if made.is_none() {
        let patch = Patch::Merge(json!({"spec": {"renewTime": now}}));
        api.patch(&name, &PatchParams::default(), &patch).await?;
    }
    Ok(())
}

/// Keeps the lease, until cancelled.
pub(super) async fn keep(client: &Client, hostname: &str) -> Result<()> {
    loop {
        tokio::time::sleep(RENEWAL).await;
        if let Err(error) = take(client, hostname).await {
            tracing::debug!(%error, "the API server's lease is not renewed");
        }
    }
}
