//! Pod network, service proxy and network policy of one node, in nftables.
//!
//! [`cni`] tells containerd how to connect pods; [`run`] follows the API and keeps routes to other nodes and the
//! rules for services, host ports and network policies. [`isolation`] tells when a new pod's policies are in force. One nftables transaction per change; nothing is taken down at exit, so pods
//! keep their connections while this is restarted.

mod announce;
pub mod cni;
mod command;
mod health;
mod nft;
mod pace;
mod policy;
mod proxy;
mod reduced;
mod routes;
mod run;

#[cfg(test)]
mod tests;

pub use policy::{Isolation, Teller, isolation};
pub use run::{Config, RunError, run};
