//! The agent inside a node: init, boot fixes, containerd as a child, supervised components, status.

pub mod agent;
pub mod dns_check;
pub mod freeze;
pub mod image_load;
pub mod images;
pub mod init;
pub mod mirrors_test;
mod registry;
pub mod resolver;
pub mod stop_pods;
