//! One actor per pod: it alone decides about its pod and talks to the runtime about it.

mod actor;
pub(crate) mod backoff;
mod cgroup;
mod container;
mod dns;
pub(crate) mod env;
mod env_file;
pub(crate) mod fields;
mod hooks;
mod hosts;
mod inbox;
mod judge;
pub(crate) mod mailbox;
mod plan;
mod pull;
mod resize;
pub(crate) mod resources;
pub(crate) mod restart;
pub(crate) mod sandbox;
mod security;
mod start;
mod stop;
mod tell;
mod volumes;

pub(crate) use actor::{End, start};
