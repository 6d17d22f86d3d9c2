//! Named, supervised, cancellable tasks: a panic is caught, reported and restarted with back-off.
//!
//! The only room that calls `tokio::spawn`. Components own their tasks through a [`Group`]; dropping the group's
//! owner without [`Group::stop`] cancels but does not wait.

mod group;
mod supervise;

pub use group::{Group, current, spawn};
pub use supervise::{Health, Supervisor};
pub use tokio_util::sync::CancellationToken;
