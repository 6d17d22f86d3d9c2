//! Telling the owners of Ingresses: where theirs can be reached, in the status, and what is wrong, as events.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::Recorder;
use kube::{Api, Client};
use serde_json::{Value, json};
use tasks::Group;

use crate::build::Problem;
use crate::events;
use crate::state::{Key, Objects};

const DEADLINE: Duration = Duration::from_secs(10);

/// Writes to the API beside the follower, which must not wait.
#[derive(Clone)]
pub(crate) struct Reporter {
    client: Client,
    recorder: Recorder,
    addresses: Vec<IpAddr>,
    group: Group,
    told: std::sync::Arc<Mutex<BTreeSet<Problem>>>,
}

impl Reporter {
    pub(crate) fn new(client: Client, addresses: Vec<IpAddr>, group: Group) -> Self {
        Self {
            recorder: events::recorder(client.clone()),
            client,
            addresses,
            group,
            told: std::sync::Arc::default(),
        }
    }

    /// Reports what is new since the last time.
    pub(crate) fn report(&self, objects: &Objects, ours: &[Key], problems: Vec<Problem>) {
        for key in ours {
            if let Some(ingress) = objects.ingresses.get(key)
                && addresses(ingress) != self.addresses
            {
                let (this, key) = (self.clone(), key.clone());
                self.group.spawn("status", async move { this.write_status(&key).await });
            }
        }
        let problems: BTreeSet<Problem> = problems.into_iter().collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for problem in problems.difference(&told) {
            let Some(ingress) = objects.ingresses.get(&problem.ingress) else {
                continue;
            };
            tracing::info!(ingress = ?problem.ingress, problem.text, "cannot be served as written");
            let (recorder, ingress, problem) = (self.recorder.clone(), ingress.clone(), problem.clone());
            self.group.spawn("event", async move {
                let written = events::warn(&recorder, &ingress, &problem);
                if tokio::time::timeout(DEADLINE, written).await.is_err() {
                    tracing::debug!("an event was not written in time");
                }
            });
        }
        *told = problems;
    }

    async fn write_status(&self, (namespace, name): &Key) {
        let entries: Vec<Value> = self.addresses.iter().map(|address| json!({ "ip": address })).collect();
        let patch = json!({ "status": { "loadBalancer": { "ingress": entries } } });
        let api: Api<Ingress> = Api::namespaced(self.client.clone(), namespace);
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = api.patch_status(name, &params, &patch);
        match tokio::time::timeout(DEADLINE, patched).await {
            Ok(Ok(_)) => {}
            // the next change of the object tries again
            Ok(Err(error)) => tracing::debug!(%error, name, "status not written"),
            Err(_) => tracing::debug!(name, "status not written in time"),
        }
    }
}

fn addresses(ingress: &Ingress) -> Vec<IpAddr> {
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
    entries.filter_map(|entry| entry.ip.as_ref()?.parse().ok()).collect()
}
