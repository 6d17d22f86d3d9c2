//! What end-to-end tests need: the real binary, the real kubectl, and waits that say what they last saw.

mod cluster;
mod command;
mod wait;

pub use cluster::{Cluster, Sandbox};
pub use command::{Output, Run};
pub use wait::until;
