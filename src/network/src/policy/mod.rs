//! Network policies of the pods on this node: from NetworkPolicies, pods and namespaces to rules.
//!
//! [`view`] keeps what matters of the objects, [`compile`] finds out who may reach whom, [`rules`] writes it down for
//! nftables, [`run`] follows the API, [`isolation`] says which pods the kernel knows of. Why so: docs/adr/0005.

mod blocks;
mod compile;
mod complaints;
mod isolation;
mod leaf;
mod ports;
mod rules;
mod run;
mod view;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use isolation::{Isolation, Teller, isolation};
pub(crate) use run::run;
