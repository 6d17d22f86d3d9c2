//! Which kind of engine it is, and what the machine has that it runs on.

use bollard::Docker;
use serde::{Deserialize, Serialize};

use super::{Engine, failed};
use crate::ClusterError;

/// How Podman names itself among its components.
const PODMAN: &str = "Podman Engine";

/// Kinds of engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Docker, or what does as it does.
    Docker,
    /// Podman.
    Podman,
}

impl Driver {
    /// As flags and profiles say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

impl Engine {
    /// Which kind of engine it is.
    pub(crate) async fn driver(&self) -> Result<Driver, ClusterError> {
        let kind = kind(&self.docker).await;
        kind.map_err(|error| failed("say its version", error))
    }

    /// Processors and bytes of memory of the engine's machine; zero for what it does not say.
    pub(crate) async fn machine(&self) -> Result<(u64, u64), ClusterError> {
        let info = self
            .docker
            .info()
            .await
            .map_err(|error| failed("say what it has", error))?;
        let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
        Ok((count(info.ncpu), count(info.mem_total)))
    }
}

pub(super) async fn kind(docker: &Docker) -> Result<Driver, bollard::errors::Error> {
    let components = docker.version().await?.components.unwrap_or_default();
    let is_podman = components.iter().any(|component| component.name == PODMAN);
    Ok(if is_podman { Driver::Podman } else { Driver::Docker })
}
