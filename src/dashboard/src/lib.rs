//! The dashboard's server: the page's files, and the way from the page to the Kubernetes API.
//!
//! It has no rights of its own: what the browser asks goes on with the token that the browser sent, or with none.

mod files;
mod follow;
mod proxy;
mod serve;

pub use proxy::ProxyError;
pub use serve::{Config, RunError, run};
