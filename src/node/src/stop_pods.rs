//! `rkube node stop-pods`: stops every container with a short grace, as the last act before the node ends.

use std::time::Duration;

use cri::v1;
use futures::future::join_all;
use nodespec::paths;

const GRACE_SECONDS: i64 = 1;
const DEADLINE: Duration = Duration::from_millis(1100);

/// Why containers could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The socket's address.
    #[error("cannot reach containerd")]
    Connect(#[from] tonic::transport::Error),
    /// containerd's answer.
    #[error("containerd does not list its containers")]
    List(#[from] tonic::Status),
}

/// Stops all containers at once; sandboxes end with the node.
pub async fn run() -> Result<(), StopError> {
    let runtime = cri::runtime(cri::channel(paths::CONTAINERD_SOCKET.as_ref())?);
    let running = v1::ContainerFilter {
        state: Some(v1::ContainerStateValue {
            state: v1::ContainerState::ContainerRunning.into(),
        }),
        ..Default::default()
    };
    let request = v1::ListContainersRequest { filter: Some(running) };
    let containers = runtime.clone().list_containers(request).await?.into_inner().containers;
    let stops = containers.into_iter().map(|container| {
        let mut runtime = runtime.clone();
        async move {
            let request = v1::StopContainerRequest {
                container_id: container.id,
                timeout: GRACE_SECONDS,
            };
            let _ = runtime.stop_container(request).await;
        }
    });
    let _ = tokio::time::timeout(DEADLINE, join_all(stops)).await;
    Ok(())
}
