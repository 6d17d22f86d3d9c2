//! The controllers, one folder each, all of them clients of the API.
//!
//! All read from shared informers (one watch per kind) and write through the API like anyone else.

mod apiservice;
mod attachdetach;
mod certificates;
mod clusterrole;
mod cronjob;
mod daemonset;
mod deployment;
mod disruption;
mod endpoints;
mod endpointslice;
mod ephemeral;
mod gc;
mod horizontalpodautoscaler;
mod job;
mod leaderelection;
mod loadbalancer;
mod mirroring;
mod namespace;
mod nodeipam;
mod nodelifecycle;
mod persistentvolume;
mod podgc;
mod replicaset;
mod resourceclaim;
mod resourcequota;
mod serviceaccount;
mod servicecidr;
mod shared;
mod statefulset;
mod storageversion;
mod storageversionmigrator;

use std::net::Ipv4Addr;
use std::sync::Arc;

use kube::Client;
use tasks::Supervisor;

pub use nodeipam::PodRanges;
use shared::Ctx;
pub use shared::error::Error;

/// What controllers must know beyond the API.
#[derive(Clone, Default)]
pub struct Config {
    /// The name of the machine of the API server, by which it is told from others.
    pub hostname: String,
    /// The cluster's CA, PEM: published in every namespace as the ConfigMap `kube-root-ca.crt`.
    pub root_ca: String,
    /// The CA's key, PEM, with which approved CertificateSigningRequests are signed; without it nothing is.
    pub ca_key: Option<String>,
    /// First and last address for services of type LoadBalancer; without them they get none.
    pub load_balancers: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Where nodes' ranges of pods' addresses come from; without it they get none.
    pub pods: Option<PodRanges>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("root_ca", &self.root_ca)
            .finish_non_exhaustive()
    }
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
        "apiservice": apiservice::run,
        "attachdetach": attachdetach::run,
        "certificates": certificates::run,
        "clusterrole": clusterrole::run,
        "cronjob": cronjob::run,
        "daemonset": daemonset::run,
        "deployment": deployment::run,
        "disruption": disruption::run,
        "endpoints": endpoints::run,
        "endpointslice": endpointslice::run,
        "gc": gc::run,
        "horizontalpodautoscaler": horizontalpodautoscaler::run,
        "job": job::run,
        "leaderelection": leaderelection::run,
        "loadbalancer": loadbalancer::run,
        "endpointslicemirroring": mirroring::run,
        "namespace": namespace::run,
        "nodeipam": nodeipam::run,
        "nodelifecycle": nodelifecycle::run,
        "ephemeral-volume": ephemeral::run,
        "persistentvolume": persistentvolume::run,
        "podgc": podgc::run,
        "pv-protection": persistentvolume::protection::volumes,
        "pvc-protection": persistentvolume::protection::claims,
        "replicaset": replicaset::run,
        "replicationcontroller": replicaset::run_replication,
        "resourceclaim": resourceclaim::run,
        "resourcequota": resourcequota::run,
        "serviceaccount": serviceaccount::run,
        "servicecidr": servicecidr::run,
        "service-ip-repair": servicecidr::run_repair,
        "statefulset": statefulset::run,
        "storageversion": storageversion::run,
        "storageversionmigrator": storageversionmigrator::run,
        "root-ca": serviceaccount::run_root_ca,
    }
    // The caller may rely on controllers that know every namespace.
    ctx.namespaces.synced().await;
}

#[cfg(test)]
mod tests;
