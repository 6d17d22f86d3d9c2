//! What end-to-end tests need: the real binary, the real kubectl, and waits that say what they last saw.

mod cluster;
mod command;
mod engine;
mod https;
mod programs;
mod registries;
mod wait;

pub use cluster::{Cluster, Sandbox, cluster_name};
pub use command::{Output, Run};
pub use engine::Engine;
pub use https::https_get;
pub use programs::{newer_kubectl, program};
pub use registries::{Fault, Faulty, Registry, gateway};
pub use wait::until;
