//! The container runtime as the kubelet uses it: CRI calls with deadlines and errors that say which call failed.

mod containers;
pub(crate) mod events;
mod images;
pub(crate) mod labels;
mod sandboxes;
mod stats;
mod status;
mod view;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use cri::v1;
use tonic::{Response, Status};

pub(crate) use stats::Listed;
pub(crate) use view::{Container, Sandbox, State, View};

const DEADLINE: Duration = Duration::from_secs(60);

/// A call the runtime refused or did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    #[error("{message}")]
    Refused {
        call: &'static str,
        code: tonic::Code,
        message: String,
    },
    #[error("{call} did not finish within {}s", .after.as_secs())]
    Deadline { call: &'static str, after: Duration },
    #[error("the runtime answered {call} with nothing")]
    Empty { call: &'static str },
}

impl RuntimeError {
    /// The thing named in the call does not exist (any more).
    pub(crate) fn not_found(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: tonic::Code::NotFound,
                ..
            }
        )
    }
}

type Result<T> = std::result::Result<T, RuntimeError>;

/// Handle on the runtime; clones share one connection.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    runtime: cri::RuntimeClient,
    images: cri::ImageClient,
}

/// One call of a client: its name, its deadline, and the client's method with the request.
macro_rules! ask {
    ($client:expr, $name:literal, $after:expr, $method:ident($request:expr)) => {
        $crate::runtime::call($name, $after, Box::pin($client.clone().$method($request)))
    };
}
use ask;

async fn call<T>(
    name: &'static str,
    after: Duration,
    answer: impl Future<Output = std::result::Result<Response<T>, Status>>,
) -> Result<T> {
    match tokio::time::timeout(after, answer).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(RuntimeError::Refused {
            call: name,
            code: status.code(),
            message: status.message().to_owned(),
        }),
        Err(_) => Err(RuntimeError::Deadline { call: name, after }),
    }
}

impl Runtime {
    pub(crate) fn connect(socket: &Path) -> std::result::Result<Self, tonic::transport::Error> {
        let channel = cri::channel(socket)?;
        Ok(Self {
            runtime: cri::runtime(channel.clone()),
            images: cri::images(channel),
        })
    }

    pub(crate) async fn version(&self) -> Result<v1::VersionResponse> {
        ask!(
            self.runtime,
            "Version",
            DEADLINE,
            version(v1::VersionRequest::default())
        )
        .await
    }

    /// True once both the runtime and its pod network are ready, else the runtime's own words.
    pub(crate) async fn network_ready(&self) -> Result<std::result::Result<(), String>> {
        let status = ask!(
            self.runtime,
            "Status",
            DEADLINE,
            status(v1::StatusRequest { verbose: false })
        )
        .await?;
        let bad = status
            .status
            .unwrap_or_default()
            .conditions
            .into_iter()
            .find(|condition| !condition.status);
        Ok(bad.map_or(Ok(()), |condition| {
            Err(
                format!("{}: {} {}", condition.r#type, condition.reason, condition.message)
                    .trim()
                    .to_owned(),
            )
        }))
    }

    pub(crate) async fn container_events(&self) -> Result<tonic::Streaming<v1::ContainerEventResponse>> {
        let request = v1::GetEventsRequest {};
        ask!(
            self.runtime,
            "GetContainerEvents",
            DEADLINE,
            get_container_events(request)
        )
        .await
    }
}
