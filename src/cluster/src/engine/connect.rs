//! Finding an engine that answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::making::Making;
use super::{Driver, Engine, driver};
use crate::ClusterError;

/// Loading an image into a slow storage driver is the longest that one request takes.
const REQUEST_SECONDS: u64 = 600;
/// An engine on this machine that takes longer to say its version is not well.
const HELLO: Duration = Duration::from_secs(10);

/// How addresses may begin.
const SCHEMES: [&str; 4] = ["unix://", "tcp://", "http://", "https://"];

/// Where to look for an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineSettings {
    /// `DOCKER_HOST`, if set: then nothing else is tried.
    pub host: Option<String>,
    /// `XDG_RUNTIME_DIR`, for the rootless sockets.
    pub runtime_dir: Option<PathBuf>,
    /// The kind that it must be; the first one that answers if that does not matter.
    pub driver: Option<Driver>,
}

impl EngineSettings {
    fn candidates(&self) -> Vec<String> {
        if let Some(host) = &self.host {
            return vec![host.clone()];
        }
        let mut all = vec!["unix:///var/run/docker.sock".to_owned()];
        for socket in ["docker.sock", "podman/podman.sock"] {
            all.extend(
                self.runtime_dir
                    .iter()
                    .map(|dir| format!("unix://{}", dir.join(socket).display())),
            );
        }
        all.push("unix:///run/podman/podman.sock".to_owned());
        all
    }
}

impl Engine {
    /// Connects to the first engine that answers. The error says what each address did.
    pub async fn connect(settings: &EngineSettings) -> Result<Self, ClusterError> {
        let mut answers = Vec::new();
        for address in settings.candidates() {
            match hello(&address, settings.driver).await {
                Ok(docker) => {
                    return Ok(Self {
                        docker,
                        address,
                        log_driver: Arc::default(),
                        home: None,
                        making: Making::default(),
                    });
                }
                Err(reason) => answers.push((address, reason)),
            }
        }
        Err(ClusterError::NoEngine { answers })
    }
}

async fn hello(address: &str, wanted: Option<Driver>) -> Result<Docker, String> {
    let docker = if let Some(path) = address.strip_prefix("unix://") {
        if !std::path::Path::new(path).exists() {
            return Err("no such socket".to_owned());
        }
        Docker::connect_with_unix(path, REQUEST_SECONDS, API_DEFAULT_VERSION)
    } else if !SCHEMES.iter().any(|scheme| address.starts_with(scheme)) {
        return Err(format!(
            "no address that rkube can use; it begins with {}",
            SCHEMES.join(", ")
        ));
    } else {
        Docker::connect_with_host(address).map(|docker| docker.with_timeout(Duration::from_secs(REQUEST_SECONDS)))
    };
    let docker = docker.map_err(|error| super::explain(&error))?;
    let hello = async {
        let docker = docker.negotiate_version().await?;
        // a socket's name says little: Podman answers at Docker's, too
        let kind = match wanted {
            Some(_) => Some(driver::kind(&docker).await?),
            None => None,
        };
        Ok((docker, kind))
    };
    let (docker, kind) = tokio::time::timeout(HELLO, hello)
        .await
        .map_err(|_| format!("no answer in {HELLO:?}"))?
        .map_err(|error: bollard::errors::Error| super::explain(&error))?;
    match (wanted, kind) {
        (Some(wanted), Some(kind)) if wanted != kind => Err(format!("this is {}, not {}", kind.name(), wanted.name())),
        _ => Ok(docker),
    }
}
