//! Following the objects of one kind through the API: lists, watches and lists made anew become plain changes.
//!
//! What the changes mean is the follower's business.

mod changes;
mod soon;

pub use changes::{Change, Identity, changes};
pub use soon::Soon;
