//! Cluster DNS: the records of services and pods, and forwarding for the rest.
//!
//! Implements the Kubernetes DNS-based service discovery specification, version 1.1.0. Records are kept in step
//! with the API by watches; a query never waits for anything but, outside the cluster's domain, other servers.

mod answer;
mod follow;
mod forward;
mod health;
mod ingress;
mod records;
mod serve;

#[cfg(test)]
mod tests;

pub use ingress::{IngressConfig, run_for_ingresses};
pub use serve::{Config, RunError, run};
