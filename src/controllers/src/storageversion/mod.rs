//! How API servers store resources: this one's word is published, that of servers which are gone is removed.
//!
//! Runs where `internal.apiserver.k8s.io/v1alpha1` is served. Semantics:
//! `k8s.io/kubernetes/pkg/controller/storageversiongc`.

mod identity;
mod publish;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apiserverinternal::v1alpha1::{StorageVersion, StorageVersionCondition, StorageVersionStatus};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::optional::is_served;
use crate::shared::{Ctx, Informer, Key, Queue, Result, work};

const EQUAL: &str = "AllEncodingVersionsEqual";
/// As often as upstream says it again.
const PUBLICATION: Duration = Duration::from_secs(10 * 60);

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let client = &ctx.client;
    if !is_served::<StorageVersion>(client).await {
        return std::future::pending().await;
    }
    let (leases, versions) = (Arc::new(Informer::<Lease>::default()), Arc::new(Informer::default()));
    let queue = Queue::new();
    let (weak, weak_versions) = (Arc::downgrade(&queue), Arc::downgrade(&versions));
    leases.on(move |old, new| {
        let (Some(queue), Some(versions)) = (weak.upgrade(), weak_versions.upgrade()) else {
            return false;
        };
        if let (Some(lease), None) = (old, new)
            && identity::is_identity(lease)
        {
            let of_gone = |version: &&Arc<StorageVersion>| servers(version).any(|server| server == lease.name_any());
            versions
                .list()
                .iter()
                .filter(of_gone)
                .for_each(|version| queue.add(Key::of(version.as_ref())));
        }
        true
    });
    let (weak, weak_leases) = (Arc::downgrade(&queue), Arc::downgrade(&leases));
    versions.on(move |_, new| {
        let (Some(queue), Some(leases)) = (weak.upgrade(), weak_leases.upgrade()) else {
            return false;
        };
        let is_gone = |server: &str| {
            let lease = leases.get(&Key::new(identity::NAMESPACE, server));
            !lease.is_some_and(|lease| identity::is_identity(&lease))
        };
        if let Some(version) = new.filter(|version| servers(version).any(is_gone)) {
            queue.add(Key::of(version.as_ref()));
        }
        true
    });
    let hostname = &ctx.config.hostname;
    let collect = async {
        leases.synced().await;
        versions.synced().await;
        work("storageversion", &queue, 1, |key: Key| {
            let client = client.clone();
            async move { sync(&client, &key).await }
        })
        .await
    };
    let speak = async {
        // whoever finds what this server says must find the server, too
        identity::take(client, hostname).await?;
        loop {
            publish::all(client, &identity::name(hostname)).await?;
            tokio::time::sleep(PUBLICATION).await;
        }
        #[expect(unreachable_code, reason = "says the type")]
        Ok(())
    };
    let of_leases = watcher::Config::default().fields(&format!("metadata.namespace={}", identity::NAMESPACE));
    tokio::try_join!(
        leases.run(Api::all(client.clone()), of_leases),
        versions.run(Api::all(client.clone()), watcher::Config::default()),
        identity::keep(client, hostname),
        collect,
        speak,
    )?;
    Ok(())
}

/// The servers that said how they store the resource.
fn servers(version: &StorageVersion) -> impl Iterator<Item = &str> {
    let all = version
        .status
        .iter()
        .flat_map(|status| status.storage_versions.iter().flatten());
    all.map(|one| one.api_server_id.as_str())
}

/// Takes away what servers said that are gone; what nobody says any more is deleted.
async fn sync(client: &Client, key: &Key) -> Result<()> {
    let api: Api<StorageVersion> = Api::all(client.clone());
    let leases: Api<Lease> = Api::namespaced(client.clone(), identity::NAMESPACE);
    let Some(mut version) = api.get_opt(&key.name).await? else {
        return Ok(());
    };
    let mut gone = Vec::new();
    for server in servers(&version) {
        let lease = leases.get_opt(server).await?;
        if !lease.is_some_and(|lease| identity::is_identity(&lease)) {
            gone.push(server.to_owned());
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    let seen = Preconditions {
        uid: version.uid(),
        resource_version: version.resource_version(),
    };
    let status = version.status.get_or_insert_default();
    let left = status.storage_versions.get_or_insert_default();
    left.retain(|one| !gone.contains(&one.api_server_id));
    if left.is_empty() {
        let params = DeleteParams::default().preconditions(seen);
        api.delete(&key.name, &params).await.unless_gone()?;
        return Ok(());
    }
    agree(status);
    let written = api.replace_status(&key.name, &PostParams::default(), &version).await;
    written.unless_gone()?;
    Ok(())
}

/// Says whether all servers store the resource in one version, and in which.
fn agree(status: &mut StorageVersionStatus) {
    let mut all = status
        .storage_versions
        .iter()
        .flatten()
        .map(|one| &one.encoding_version);
    let common = all.next().filter(|first| all.all(|other| other == *first)).cloned();
    let changed = status.common_encoding_version.is_some() && status.common_encoding_version != common;
    let (value, reason, message) = match common {
        Some(_) => ("True", "CommonEncodingVersionSet", "Common encoding version set"),
        None => ("False", "CommonEncodingVersionUnset", "Common encoding version unset"),
    };
    status.common_encoding_version = common;
    let conditions = status.conditions.get_or_insert_default();
    let before = conditions.iter().position(|condition| condition.type_ == EQUAL);
    let before = before.map(|index| conditions.swap_remove(index));
    let same = before.filter(|before| before.status == value && !changed);
    conditions.push(StorageVersionCondition {
        type_: EQUAL.to_owned(),
        status: value.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: same
            .and_then(|before| before.last_transition_time)
            .or_else(|| Some(Time(Timestamp::now()))),
        observed_generation: None,
    });
}
