//! The controllers, one folder each, all of them clients of the API.
//!
//! All read from shared informers (one watch per kind) and write through the API like anyone else.

mod clusterrole;
mod cronjob;
mod daemonset;
mod deployment;
mod disruption;
mod endpoints;
mod endpointslice;
mod ephemeral;
mod gc;
mod job;
mod mirroring;
mod namespace;
mod nodelifecycle;
mod persistentvolume;
mod podgc;
mod replicaset;
mod resourcequota;
mod serviceaccount;
mod shared;
mod statefulset;

use std::sync::Arc;

use kube::Client;
use tasks::Supervisor;

use shared::Ctx;
pub use shared::error::Error;

/// What controllers must know beyond the API.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The cluster's CA, PEM: published in every namespace as the ConfigMap `kube-root-ca.crt`.
    pub root_ca: String,
}

/// Starts all controllers as supervised components of `tasks`, and returns.
pub async fn run(client: Client, config: Config, tasks: &Supervisor) {
    let ctx = Ctx::start(client, config, tasks);
    macro_rules! start {
        ($($name:literal: $run:path,)*) => {
            $(let shared: Arc<Ctx> = ctx.clone();
            tasks.run(concat!("controller-", $name), move || $run(shared.clone()));)*
        };
    }
    start! {
        "clusterrole": clusterrole::run,
        "cronjob": cronjob::run,
        "daemonset": daemonset::run,
        "deployment": deployment::run,
        "disruption": disruption::run,
        "endpoints": endpoints::run,
        "endpointslice": endpointslice::run,
        "gc": gc::run,
        "job": job::run,
        "endpointslicemirroring": mirroring::run,
        "namespace": namespace::run,
        "nodelifecycle": nodelifecycle::run,
        "ephemeral-volume": ephemeral::run,
        "persistentvolume": persistentvolume::run,
        "podgc": podgc::run,
        "pv-protection": persistentvolume::protection::volumes,
        "pvc-protection": persistentvolume::protection::claims,
        "replicaset": replicaset::run,
        "replicationcontroller": replicaset::run_replication,
        "resourcequota": resourcequota::run,
        "serviceaccount": serviceaccount::run,
        "statefulset": statefulset::run,
        "root-ca": serviceaccount::run_root_ca,
    }
    // The caller may rely on controllers that know every namespace.
    ctx.namespaces.synced().await;
}

#[cfg(test)]
mod tests;
