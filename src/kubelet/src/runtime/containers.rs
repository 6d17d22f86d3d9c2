//! Containers: their lives, their logs and commands in them.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use cri::v1;

use super::status::from_status;
use super::{Container, DEADLINE, Result, Runtime, RuntimeError, Sandbox, View, ask, labels};

impl Runtime {
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
        let list = ask!(self.runtime, "ListContainers", DEADLINE, list_containers(request))
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

    pub(crate) async fn container(&self, id: &str) -> Result<Container> {
        let request = v1::ContainerStatusRequest {
            container_id: id.to_owned(),
            verbose: false,
        };
        let answer = ask!(self.runtime, "ContainerStatus", DEADLINE, container_status(request)).await?;
        let status = answer.status.ok_or(RuntimeError::Empty {
            call: "ContainerStatus",
        })?;
        Ok(from_status(status))
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
        Ok(
            ask!(self.runtime, "CreateContainer", DEADLINE, create_container(request))
                .await?
                .container_id,
        )
    }

    pub(crate) async fn start_container(&self, id: &str) -> Result<()> {
        let request = v1::StartContainerRequest {
            container_id: id.to_owned(),
        };
        ask!(self.runtime, "StartContainer", DEADLINE, start_container(request))
            .await
            .map(drop)
    }

    /// Gives a running container other resources.
    pub(crate) async fn update_container(&self, id: &str, resources: v1::LinuxContainerResources) -> Result<()> {
        let request = v1::UpdateContainerResourcesRequest {
            container_id: id.to_owned(),
            linux: Some(resources),
            ..Default::default()
        };
        ask!(
            self.runtime,
            "UpdateContainerResources",
            DEADLINE,
            update_container_resources(request)
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
        ask!(self.runtime, "StopContainer", grace + DEADLINE, stop_container(request))
            .await
            .map(drop)
    }

    pub(crate) async fn remove_container(&self, id: &str) -> Result<()> {
        let request = v1::RemoveContainerRequest {
            container_id: id.to_owned(),
        };
        ask!(self.runtime, "RemoveContainer", DEADLINE, remove_container(request))
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
        let list = ask!(self.runtime, "ListContainers", DEADLINE, list_containers(request))
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
        ask!(
            self.runtime,
            "ReopenContainerLog",
            DEADLINE,
            reopen_container_log(request)
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
        ask!(
            self.runtime,
            "ExecSync",
            deadline + Duration::from_secs(5),
            exec_sync(request)
        )
        .await
    }

    /// Where to connect for an exec stream.
    pub(crate) async fn exec_url(&self, request: v1::ExecRequest) -> Result<String> {
        Ok(ask!(self.runtime, "Exec", DEADLINE, exec(request)).await?.url)
    }

    /// Where to connect for an attach stream.
    pub(crate) async fn attach_url(&self, request: v1::AttachRequest) -> Result<String> {
        Ok(ask!(self.runtime, "Attach", DEADLINE, attach(request)).await?.url)
    }
}
