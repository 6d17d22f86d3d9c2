//! One registered driver and the calls that it answers, each with a deadline.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use csi::v1;
use csi::v1::node_service_capability::Type;
use csi::v1::node_service_capability::rpc::Type as Capability;
use tonic::{Code, Response, Status};

/// Upstream's, for every call.
const DEADLINE: Duration = Duration::from_mins(2);

/// What the driver answered instead of doing it.
#[derive(Debug, thiserror::Error)]
#[error("rpc error: code = {:?} desc = {}", .0.code(), .0.message())]
pub(crate) struct CallError(Box<Status>);

impl CallError {
    /// False if the driver may still be at it.
    pub(super) fn is_final(&self) -> bool {
        !matches!(
            self.0.code(),
            Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::ResourceExhausted | Code::Aborted
        )
    }

    /// True if asking again is of no use.
    pub(super) fn is_infeasible(&self) -> bool {
        matches!(self.0.code(), Code::InvalidArgument | Code::OutOfRange | Code::NotFound)
    }
}

/// A driver by the name and socket it registered with.
#[derive(Debug, Clone)]
pub(super) struct Driver {
    client: csi::NodeClient,
}

/// What a driver can do beside publishing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) stage: bool,
    pub(super) stats: bool,
    pub(super) expand: bool,
    /// Tells volumes with one writer per node from those with one per pod.
    pub(super) single_node_multi_writer: bool,
    /// Hands a volume to `fsGroup` by itself.
    pub(super) mount_group: bool,
}

impl Driver {
    /// Connects at the first call.
    pub(super) fn at(socket: &Path) -> Result<Self, tonic::transport::Error> {
        let client = csi::NodeClient::new(csi::channel(socket)?);
        Ok(Self { client })
    }

    pub(super) async fn info(&self) -> Result<v1::NodeGetInfoResponse, CallError> {
        let mut client = self.client.clone();
        within(client.node_get_info(v1::NodeGetInfoRequest {})).await
    }

    pub(super) async fn capabilities(&self) -> Result<Capabilities, CallError> {
        let mut client = self.client.clone();
        let answer = within(client.node_get_capabilities(v1::NodeGetCapabilitiesRequest {})).await?;
        let mut known = Capabilities::default();
        for capability in answer.capabilities {
            let Some(Type::Rpc(rpc)) = capability.r#type else {
                continue;
            };
            match rpc.r#type() {
                Capability::StageUnstageVolume => known.stage = true,
                Capability::GetVolumeStats => known.stats = true,
                Capability::ExpandVolume => known.expand = true,
                Capability::SingleNodeMultiWriter => known.single_node_multi_writer = true,
                Capability::VolumeMountGroup => known.mount_group = true,
                Capability::Unknown | Capability::VolumeCondition => {}
            }
        }
        Ok(known)
    }

    pub(super) async fn stage(&self, request: v1::NodeStageVolumeRequest) -> Result<(), CallError> {
        let mut client = self.client.clone();
        within(client.node_stage_volume(request)).await.map(drop)
    }

    pub(super) async fn unstage(&self, handle: &str, staging: &Path) -> Result<(), CallError> {
        let mut client = self.client.clone();
        let request = v1::NodeUnstageVolumeRequest {
            volume_id: handle.to_owned(),
            staging_target_path: staging.display().to_string(),
        };
        within(client.node_unstage_volume(request)).await.map(drop)
    }

    pub(super) async fn publish(&self, request: v1::NodePublishVolumeRequest) -> Result<(), CallError> {
        let mut client = self.client.clone();
        within(client.node_publish_volume(request)).await.map(drop)
    }

    pub(super) async fn unpublish(&self, handle: &str, target: &Path) -> Result<(), CallError> {
        let mut client = self.client.clone();
        let request = v1::NodeUnpublishVolumeRequest {
            volume_id: handle.to_owned(),
            target_path: target.display().to_string(),
        };
        within(client.node_unpublish_volume(request)).await.map(drop)
    }

    pub(super) async fn expand(&self, request: v1::NodeExpandVolumeRequest) -> Result<(), CallError> {
        let mut client = self.client.clone();
        within(client.node_expand_volume(request)).await.map(drop)
    }

    pub(super) async fn stats(&self, handle: &str, path: &Path) -> Result<Vec<v1::VolumeUsage>, CallError> {
        let mut client = self.client.clone();
        let request = v1::NodeGetVolumeStatsRequest {
            volume_id: handle.to_owned(),
            volume_path: path.display().to_string(),
            staging_target_path: String::new(),
        };
        Ok(within(client.node_get_volume_stats(request)).await?.usage)
    }
}

async fn within<T>(answer: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, CallError> {
    let answer = tokio::time::timeout(DEADLINE, answer).await;
    let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("context deadline exceeded")));
    answer
        .map(Response::into_inner)
        .map_err(|status| CallError(Box::new(status)))
}
