//! The container engine: Docker's API over its socket, or Podman's compatible one.
//!
//! All calls to the engine are in this folder; the rest of the crate speaks of nodes and networks.

mod connect;
mod driver;
mod exec;
mod image;
mod labels;
mod making;
mod network;
mod node;
mod upload;

use std::path::Path;
use std::sync::Arc;

use bollard::Docker;
use tokio::sync::OnceCell;

use making::Making;

use crate::ClusterError;

pub use connect::EngineSettings;
pub use driver::Driver;
pub use exec::{Chunk, ExecOutput, ExecSession};
pub(crate) use labels::Whose;
pub(crate) use network::{Created, NetworkState};
pub(crate) use node::NodeContainer;
pub use node::NodeState;

/// A connection to a container engine.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    address: String,
    /// How the engine keeps containers' output, once asked.
    log_driver: Arc<OnceCell<String>>,
    /// Where the profiles are of what is made.
    home: Option<String>,
    /// What it was asked to make and has not answered yet.
    making: Making,
}

impl Engine {
    /// For making things that belong to profiles there.
    pub(crate) fn with_home(&self, home: &Path) -> Self {
        Self {
            home: Some(home.to_string_lossy().into_owned()),
            ..self.clone()
        }
    }

    /// Where the engine was found.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// True for "no such container, image, network or volume".
fn is_missing(error: &bollard::errors::Error) -> bool {
    status(error) == Some(404)
}

/// The engine's HTTP status, if it answered with one.
fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The engine's own words, or the innermost cause when it gave none.
pub(crate) fn explain(error: &bollard::errors::Error) -> String {
    if let bollard::errors::Error::DockerResponseServerError { message, .. } = error {
        return message.trim().to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

pub(crate) fn failed(what: &'static str, error: bollard::errors::Error) -> ClusterError {
    ClusterError::Engine {
        what,
        reason: explain(&error),
    }
}
