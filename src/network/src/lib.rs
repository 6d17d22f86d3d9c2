//! Pod network, service proxy and network policy of one node, in nftables.
//!
//! [`cni`] tells containerd how to connect pods; [`run`] follows the API and keeps routes to other nodes and the
//! rules for services and host ports. One nftables transaction per change; nothing is taken down at exit, so pods
//! keep their connections while this is restarted.

pub mod cni;
mod command;
mod nft;
mod proxy;
mod routes;
mod run;

#[cfg(test)]
mod tests;

pub use run::{Config, RunError, run};
