//! Volumes on demand: a folder on the node that a claim's first pod runs on.
//!
//! A client of the API and nothing else: the folder is made by that node's kubelet when it is first mounted, and removed by
//! a pod that runs there. Whoever wants other storage makes another class the default.

mod claim;
mod expand;
mod remove;
mod run;

pub use run::{Config, NAME, RunError, run};
