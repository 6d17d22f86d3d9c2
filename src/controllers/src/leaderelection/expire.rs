//! Candidates that nobody has renewed for long are deleted.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1beta1::LeaseCandidate;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};

use super::elect::is_expired;
use crate::shared::error::Tolerate as _;
use crate::shared::{Informer, Result};

/// As often as upstream looks.
const PERIOD: Duration = Duration::from_secs(30 * 60);

pub(super) async fn run(client: &Client, candidates: &Informer<LeaseCandidate>) -> Result<()> {
    candidates.synced().await;
    loop {
        let now = Timestamp::now();
        for candidate in candidates.list().iter().filter(|one| is_expired(one, now)) {
            if let Err(error) = delete(client, candidate).await {
                tracing::debug!(candidate = candidate.name_any(), %error, "stays for now");
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn delete(client: &Client, candidate: &LeaseCandidate) -> Result<()> {
    let api: Api<LeaseCandidate> = Api::namespaced(client.clone(), &candidate.namespace().unwrap_or_default());
    // one that was renewed meanwhile stays
    let as_seen = DeleteParams::default().preconditions(Preconditions {
        uid: candidate.uid(),
        resource_version: candidate.resource_version(),
    });
    api.delete(&candidate.name_any(), &as_seen).await.unless_gone()?;
    Ok(())
}
