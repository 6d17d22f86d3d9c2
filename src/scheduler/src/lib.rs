//! The scheduler: filters and scores, one file per plugin.
//!
//! One task owns everything: it follows nodes, pods and volumes, keeps a queue of pods without a node, and binds one at a
//! time through the API. It knows nothing that the API does not say.

mod bind;
mod cache;
mod cycle;
mod devices;
mod evict;
mod plugins;
mod pod;
mod preempt;
mod profile;
mod queue;
mod run;
mod services;
mod terms;
mod volumes;

#[cfg(test)]
mod tests;

pub use profile::{ProfileError, Profiles};
pub use run::{RunError, run};
