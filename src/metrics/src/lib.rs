//! metrics-server: what nodes and pods use now, as `metrics.k8s.io/v1beta1`.
//!
//! Reads every kubelet's `/metrics/resource` in turns and keeps two points of each, so that a rate can be told. Semantics:
//! `sigs.k8s.io/metrics-server`. Reached by way of the API server's aggregation layer alone.

mod answer;
mod kubelet;
mod objects;
mod run;
mod scrape;
mod serve;
mod storage;
mod table;
mod trust;

#[cfg(test)]
mod tests;

pub use run::{Config, RunError, run};
