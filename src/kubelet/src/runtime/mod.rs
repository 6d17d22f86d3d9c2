//! The container runtime as the kubelet uses it: CRI calls with deadlines and errors that say which call failed.

pub(crate) mod events;
pub(crate) mod labels;
mod view;

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use cri::v1;
use tonic::{Response, Status};

pub(crate) use view::{Container, Sandbox, State, View};

const DEADLINE: Duration = Duration::from_secs(60);
/// A sandbox may have to wait for its image and for the pod network.
const SANDBOX_DEADLINE: Duration = Duration::from_mins(4);
const PULL_DEADLINE: Duration = Duration::from_mins(30);

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
        call(
            "Version",
            DEADLINE,
            Box::pin(self.runtime.clone().version(v1::VersionRequest::default())),
        )
        .await
    }

    /// True once both the runtime and its pod network are ready, else the runtime's own words.
    pub(crate) async fn network_ready(&self) -> Result<std::result::Result<(), String>> {
        let status = call(
            "Status",
            DEADLINE,
            Box::pin(self.runtime.clone().status(v1::StatusRequest { verbose: false })),
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

    /// Everything the runtime holds of the pod with `uid`.
    pub(crate) async fn view(&self, uid: &str) -> Result<View> {
        let selector = HashMap::from([(labels::POD_UID.to_owned(), uid.to_owned())]);
        let filter = v1::PodSandboxFilter {
            label_selector: selector.clone(),
            ..Default::default()
        };
        let mut sandboxes = self.list_sandboxes(Some(filter)).await?;
        sandboxes.sort_by_key(|sandbox| std::cmp::Reverse(sandbox.created_at));
        let mut view = View::default();
        for sandbox in sandboxes {
            let ready = sandbox.state == v1::PodSandboxState::SandboxReady as i32;
            // Addresses are asked for once per sandbox in use, not for its dead predecessors.
            let ips = if ready && view.sandboxes.is_empty() {
                self.sandbox_ips(&sandbox.id).await?
            } else {
                Vec::new()
            };
            view.sandboxes.push(Sandbox {
                attempt: sandbox.metadata.map(|meta| meta.attempt).unwrap_or_default(),
                id: sandbox.id,
                ready,
                created_at: sandbox.created_at,
                ips,
            });
        }
        let filter = v1::ContainerFilter {
            label_selector: selector,
            ..Default::default()
        };
        let request = v1::ListContainersRequest { filter: Some(filter) };
        let list = call(
            "ListContainers",
            DEADLINE,
            Box::pin(self.runtime.clone().list_containers(request)),
        )
        .await?
        .containers;
        for listed in list {
            match self.container(&listed.id).await {
                Ok(mut container) => {
                    container.sandbox = listed.pod_sandbox_id;
                    view.containers.push(container);
                }
                Err(error) if error.not_found() => {}
                Err(error) => return Err(error),
            }
        }
        view.containers
            .sort_by_key(|container| std::cmp::Reverse((container.created_at, container.restarts)));
        Ok(view)
    }

    pub(crate) async fn list_sandboxes(&self, filter: Option<v1::PodSandboxFilter>) -> Result<Vec<v1::PodSandbox>> {
        let request = v1::ListPodSandboxRequest { filter };
        Ok(call(
            "ListPodSandbox",
            DEADLINE,
            Box::pin(self.runtime.clone().list_pod_sandbox(request)),
        )
        .await?
        .items)
    }

    async fn sandbox_ips(&self, id: &str) -> Result<Vec<String>> {
        let request = v1::PodSandboxStatusRequest {
            pod_sandbox_id: id.to_owned(),
            verbose: false,
        };
        let answer = call(
            "PodSandboxStatus",
            DEADLINE,
            Box::pin(self.runtime.clone().pod_sandbox_status(request)),
        )
        .await?;
        let Some(network) = answer.status.and_then(|status| status.network) else {
            return Ok(Vec::new());
        };
        let first = Some(network.ip).filter(|ip| !ip.is_empty());
        Ok(first
            .into_iter()
            .chain(network.additional_ips.into_iter().map(|ip| ip.ip))
            .collect())
    }

    pub(crate) async fn container(&self, id: &str) -> Result<Container> {
        let request = v1::ContainerStatusRequest {
            container_id: id.to_owned(),
            verbose: false,
        };
        let answer = call(
            "ContainerStatus",
            DEADLINE,
            Box::pin(self.runtime.clone().container_status(request)),
        )
        .await?;
        let status = answer.status.ok_or(RuntimeError::Empty {
            call: "ContainerStatus",
        })?;
        Ok(from_status(status))
    }

    pub(crate) async fn run_sandbox(&self, config: v1::PodSandboxConfig, handler: String) -> Result<String> {
        let request = v1::RunPodSandboxRequest {
            config: Some(config),
            runtime_handler: handler,
        };
        let answer = call(
            "RunPodSandbox",
            SANDBOX_DEADLINE,
            Box::pin(self.runtime.clone().run_pod_sandbox(request)),
        )
        .await?;
        Ok(answer.pod_sandbox_id)
    }

    pub(crate) async fn stop_sandbox(&self, id: &str) -> Result<()> {
        let request = v1::StopPodSandboxRequest {
            pod_sandbox_id: id.to_owned(),
        };
        call(
            "StopPodSandbox",
            SANDBOX_DEADLINE,
            Box::pin(self.runtime.clone().stop_pod_sandbox(request)),
        )
        .await
        .map(drop)
    }

    pub(crate) async fn remove_sandbox(&self, id: &str) -> Result<()> {
        let request = v1::RemovePodSandboxRequest {
            pod_sandbox_id: id.to_owned(),
        };
        call(
            "RemovePodSandbox",
            DEADLINE,
            Box::pin(self.runtime.clone().remove_pod_sandbox(request)),
        )
        .await
        .map(drop)
    }

    pub(crate) async fn create_container(
        &self,
        sandbox: &str,
        config: v1::ContainerConfig,
        sandbox_config: v1::PodSandboxConfig,
    ) -> Result<String> {
        let request = v1::CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            sandbox_config: Some(sandbox_config),
        };
        Ok(call(
            "CreateContainer",
            DEADLINE,
            Box::pin(self.runtime.clone().create_container(request)),
        )
        .await?
        .container_id)
    }

    pub(crate) async fn start_container(&self, id: &str) -> Result<()> {
        let request = v1::StartContainerRequest {
            container_id: id.to_owned(),
        };
        call(
            "StartContainer",
            DEADLINE,
            Box::pin(self.runtime.clone().start_container(request)),
        )
        .await
        .map(drop)
    }

    /// Asks the container to end and kills it after `grace`.
    pub(crate) async fn stop_container(&self, id: &str, grace: Duration) -> Result<()> {
        let timeout = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        let request = v1::StopContainerRequest {
            container_id: id.to_owned(),
            timeout,
        };
        call(
            "StopContainer",
            grace + DEADLINE,
            Box::pin(self.runtime.clone().stop_container(request)),
        )
        .await
        .map(drop)
    }

    pub(crate) async fn remove_container(&self, id: &str) -> Result<()> {
        let request = v1::RemoveContainerRequest {
            container_id: id.to_owned(),
        };
        call(
            "RemoveContainer",
            DEADLINE,
            Box::pin(self.runtime.clone().remove_container(request)),
        )
        .await
        .map(drop)
    }

    /// The running container that writes the log at `path`.
    pub(crate) async fn container_of_log(&self, path: &Path) -> Result<Option<String>> {
        let folder = path
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        let running = v1::ContainerStateValue {
            state: v1::ContainerState::ContainerRunning.into(),
        };
        let selector = HashMap::from([(labels::CONTAINER_NAME.to_owned(), folder.unwrap_or_default())]);
        let filter = v1::ContainerFilter {
            state: Some(running),
            label_selector: selector,
            ..Default::default()
        };
        let request = v1::ListContainersRequest { filter: Some(filter) };
        let list = call(
            "ListContainers",
            DEADLINE,
            Box::pin(self.runtime.clone().list_containers(request)),
        )
        .await?
        .containers;
        for listed in list {
            let container = self.container(&listed.id).await?;
            if Path::new(&container.log_path) == path {
                return Ok(Some(container.id));
            }
        }
        Ok(None)
    }

    pub(crate) async fn reopen_log(&self, id: &str) -> Result<()> {
        let request = v1::ReopenContainerLogRequest {
            container_id: id.to_owned(),
        };
        call(
            "ReopenContainerLog",
            DEADLINE,
            Box::pin(self.runtime.clone().reopen_container_log(request)),
        )
        .await
        .map(drop)
    }

    /// Runs a command to its end; the runtime kills it after `deadline`.
    pub(crate) async fn exec_sync(
        &self,
        id: &str,
        cmd: Vec<String>,
        deadline: Duration,
    ) -> Result<v1::ExecSyncResponse> {
        let timeout = i64::try_from(deadline.as_secs().max(1)).unwrap_or(i64::MAX);
        let request = v1::ExecSyncRequest {
            container_id: id.to_owned(),
            cmd,
            timeout,
        };
        call(
            "ExecSync",
            deadline + Duration::from_secs(5),
            Box::pin(self.runtime.clone().exec_sync(request)),
        )
        .await
    }

    /// Where to connect for an exec stream.
    pub(crate) async fn exec_url(&self, request: v1::ExecRequest) -> Result<String> {
        Ok(call("Exec", DEADLINE, Box::pin(self.runtime.clone().exec(request)))
            .await?
            .url)
    }

    /// Where to connect for an attach stream.
    pub(crate) async fn attach_url(&self, request: v1::AttachRequest) -> Result<String> {
        Ok(call("Attach", DEADLINE, Box::pin(self.runtime.clone().attach(request)))
            .await?
            .url)
    }

    /// Where to connect for port forwarding.
    pub(crate) async fn port_forward_url(&self, sandbox: &str) -> Result<String> {
        let request = v1::PortForwardRequest {
            pod_sandbox_id: sandbox.to_owned(),
            port: Vec::new(),
        };
        Ok(call(
            "PortForward",
            DEADLINE,
            Box::pin(self.runtime.clone().port_forward(request)),
        )
        .await?
        .url)
    }

    /// The image as the runtime has it, if it does.
    pub(crate) async fn image(&self, reference: &str) -> Result<Option<v1::Image>> {
        let request = v1::ImageStatusRequest {
            image: Some(spec(reference)),
            verbose: false,
        };
        Ok(call(
            "ImageStatus",
            DEADLINE,
            Box::pin(self.images.clone().image_status(request)),
        )
        .await?
        .image)
    }

    pub(crate) async fn list_images(&self) -> Result<Vec<v1::Image>> {
        let request = v1::ListImagesRequest { filter: None };
        Ok(call(
            "ListImages",
            DEADLINE,
            Box::pin(self.images.clone().list_images(request)),
        )
        .await?
        .images)
    }

    pub(crate) async fn pull(
        &self,
        reference: &str,
        auth: Option<v1::AuthConfig>,
        sandbox: v1::PodSandboxConfig,
    ) -> Result<String> {
        let request = v1::PullImageRequest {
            image: Some(spec(reference)),
            auth,
            sandbox_config: Some(sandbox),
        };
        Ok(call(
            "PullImage",
            PULL_DEADLINE,
            Box::pin(self.images.clone().pull_image(request)),
        )
        .await?
        .image_ref)
    }

    pub(crate) async fn container_events(&self) -> Result<tonic::Streaming<v1::ContainerEventResponse>> {
        let request = v1::GetEventsRequest {};
        call(
            "GetContainerEvents",
            DEADLINE,
            Box::pin(self.runtime.clone().get_container_events(request)),
        )
        .await
    }
}

fn spec(reference: &str) -> v1::ImageSpec {
    v1::ImageSpec {
        image: reference.to_owned(),
        ..Default::default()
    }
}

fn from_status(status: v1::ContainerStatus) -> Container {
    let get = |key: &str| {
        status
            .annotations
            .get(key)
            .or_else(|| status.labels.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let state = match v1::ContainerState::try_from(status.state) {
        Ok(v1::ContainerState::ContainerCreated) => State::Created,
        Ok(v1::ContainerState::ContainerRunning) => State::Running,
        Ok(v1::ContainerState::ContainerExited) => State::Exited,
        _ => State::Unknown,
    };
    let message = if state == State::Exited {
        termination_message(&status, &get)
    } else {
        status.message.clone()
    };
    Container {
        name: get(labels::CONTAINER_NAME),
        sandbox: String::new(),
        restarts: get(labels::RESTART_COUNT).parse().unwrap_or_default(),
        state,
        hash: get(labels::CONTAINER_HASH),
        created_at: status.created_at,
        started_at: status.started_at,
        finished_at: status.finished_at,
        exit_code: status.exit_code,
        reason: status.reason,
        message,
        image: status.image.map(|image| image.image).unwrap_or_default(),
        image_id: Some(status.image_ref)
            .filter(|id| !id.is_empty())
            .unwrap_or(status.image_id),
        log_path: status.log_path,
        user: status.user,
        id: status.id,
    }
}

const MESSAGE_LIMIT: usize = 4096;
const FALLBACK_BYTES: usize = 2048;
const FALLBACK_LINES: usize = 80;

/// What the container left in its termination message file, or the end of its log if its policy asks for that.
fn termination_message(status: &v1::ContainerStatus, get: &dyn Fn(&str) -> String) -> String {
    let file = get(labels::TERMINATION_FILE);
    let mut message = if file.is_empty() {
        String::new()
    } else {
        crate::files::read_head(file.as_ref(), MESSAGE_LIMIT)
    };
    let fall_back = get(labels::TERMINATION_POLICY) == "FallbackToLogsOnError" && status.exit_code != 0;
    if message.is_empty() && fall_back {
        message = crate::logs::last_lines(status.log_path.as_ref(), FALLBACK_LINES, FALLBACK_BYTES);
    }
    if message.is_empty() {
        status.message.clone()
    } else {
        message
    }
}
