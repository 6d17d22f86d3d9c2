//! What the host tells a node: its configuration file, and the paths and ports both sides agree on.
//!
//! Data only; nothing here reads or writes a file.

mod config;
pub mod paths;
pub mod ports;
pub mod sessions;

pub use config::{NodeConfig, Role, Taint};
