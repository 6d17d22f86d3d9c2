//! The scheduler: filters and scores, one file per plugin.
//!
//! One task owns everything: it follows nodes, pods and volumes, keeps a queue of pods without a node, and binds one at a
//! time through the API. It knows nothing that the API does not say.

mod bind;
mod cache;
mod cycle;
mod evict;
mod plugins;
mod pod;
mod preempt;
mod queue;
mod run;
mod volumes;

#[cfg(test)]
mod tests;

pub use run::{RunError, run};
