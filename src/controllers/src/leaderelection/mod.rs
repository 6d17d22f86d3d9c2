//! Coordinated leader election: of those who would like to hold a lease, the one that emulates the oldest version gets it.
//!
//! Runs where `coordination.k8s.io/v1beta1` is served. Nothing is remembered: each step follows from the lease, the candidates
//! and the time. Semantics: `k8s.io/kubernetes/pkg/controlplane/controller/leaderelection`.

mod elect;
mod expire;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::coordination::v1beta1::LeaseCandidate;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};

use crate::shared::error::{Tolerate as _, code};
use crate::shared::optional::is_served;
use crate::shared::{Ctx, Error, Informer, Key, Queue, Result, work};
use elect::Step;

/// A lease that may run out, or candidates that may not answer, are looked at again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long the elected has time to take its lease up.
const LEASE_SECONDS: i32 = 5;

struct Election {
    client: Client,
    leases: Informer<Lease>,
    candidates: Informer<LeaseCandidate>,
}

/// Runs the controller, and the collector of candidates that nobody renews.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    if !is_served::<LeaseCandidate>(&ctx.client).await {
        return std::future::pending().await;
    }
    let election = Arc::new(Election {
        client: ctx.client.clone(),
        leases: Informer::default(),
        candidates: Informer::default(),
    });
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    election.leases.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        if let Some(lease) = new.or(old) {
            queue.add(Key::of(lease.as_ref()));
        }
        true
    });
    let weak = Arc::downgrade(&queue);
    election.candidates.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        // one that was asked and has not answered yet is no news
        if let Some(candidate) = new.or(old).filter(|candidate| !elect::is_asked(candidate)) {
            queue.add(lease_of(candidate));
        }
        true
    });
    let config = watcher::Config::default;
    let elect = async {
        election.leases.synced().await;
        election.candidates.synced().await;
        work("leaderelection", &queue, 5, |key: Key| {
            let (election, queue) = (election.clone(), queue.clone());
            async move { election.sync(&queue, &key).await }
        })
        .await
    };
    tokio::try_join!(
        election.leases.run(Api::all(ctx.client.clone()), config()),
        election.candidates.run(Api::all(ctx.client.clone()), config()),
        expire::run(&ctx.client, &election.candidates),
        elect,
    )?;
    Ok(())
}

fn lease_of(candidate: &LeaseCandidate) -> Key {
    Key::new(candidate.namespace().unwrap_or_default(), &candidate.spec.lease_name)
}

impl Election {
    async fn sync(&self, queue: &Queue<Key>, key: &Key) -> Result<()> {
        let now = Timestamp::now();
        let mut candidates = self.candidates.in_namespace(&key.namespace);
        candidates.retain(|one| lease_of(one) == *key && !elect::is_expired(one, now));
        if candidates.is_empty() {
            return Ok(());
        }
        let lease = self.leases.get(key);
        let outcome = match elect::step(lease.as_deref(), &candidates, now) {
            Step::Rest => Ok(()),
            Step::Wait(why) => {
                tracing::debug!(%key, why, "no election");
                Ok(())
            }
            Step::Ask(names) => try_join_all(names.iter().map(|one| self.ask(one, now))).await.map(drop),
            Step::Elect { strategy, holder } => self.elect(key, &strategy, holder).await,
        };
        match outcome {
            // the cache was late: what it missed brings the key back, too
            Err(Error::Kube(error)) if code(&error) == 409 => {}
            other => other?,
        }
        queue.add_within(key.clone(), AGAIN);
        Ok(())
    }

    /// Asks a candidate to say that it is there.
    async fn ask(&self, candidate: &LeaseCandidate, now: Timestamp) -> Result<()> {
        let mut candidate = candidate.clone();
        let api: Api<LeaseCandidate> = Api::namespaced(self.client.clone(), &candidate.namespace().unwrap_or_default());
        candidate.spec.ping_time = Some(MicroTime(now));
        let written = api
            .replace(&candidate.name_any(), &PostParams::default(), &candidate)
            .await;
        written.unless_gone()?;
        Ok(())
    }

    /// Makes the lease, or says in it who is to have it.
    async fn elect(&self, key: &Key, strategy: &str, holder: Option<String>) -> Result<()> {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &key.namespace);
        let now = Timestamp::now();
        let Some(mut lease) = api.get_opt(&key.name).await? else {
            let mut lease = Lease {
                spec: Some(LeaseSpec {
                    strategy: Some(strategy.to_owned()),
                    holder_identity: holder,
                    lease_duration_seconds: Some(LEASE_SECONDS),
                    renew_time: Some(MicroTime(now)),
                    ..LeaseSpec::default()
                }),
                ..Lease::default()
            };
            lease.metadata.name = Some(key.name.clone());
            lease.metadata.namespace = Some(key.namespace.clone());
            api.create(&PostParams::default(), &lease).await.unless_exists()?;
            return Ok(());
        };
        let before = lease.spec.clone();
        let spec = lease.spec.get_or_insert_default();
        elect::hand_over(spec, strategy, holder, LEASE_SECONDS, now);
        if lease.spec != before {
            let written = api.replace(&key.name, &PostParams::default(), &lease).await;
            written.unless_gone()?;
        }
        Ok(())
    }
}
