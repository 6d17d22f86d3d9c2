//! What node, pods and containers use, from control groups of either version, and the forms in which it is shown.
//!
//! Nothing is measured unless somebody asks. Rates are taken between two questions.

mod cadvisor;
mod cgroup;
mod collect;
mod disk;
mod network;
mod rates;
mod resource;
mod summary;

#[cfg(test)]
mod tests;

pub(crate) use collect::{Stats, Wanted};
pub(crate) use disk::Space;

/// Microseconds in a second, and so on: what counters count in.
const NANOS: f64 = 1e9;
