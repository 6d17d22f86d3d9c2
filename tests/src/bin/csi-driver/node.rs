//! The node service: folders bound to where they are wanted.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use csi::v1;
use csi::v1::node_server::Node;
use csi::v1::node_service_capability::{Rpc, Type, rpc};
use csi::v1::volume_capability::AccessType;
use rustix::fs::{FileType, Mode, makedev};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use tonic::{Request, Response, Status};

const ROOT: &str = "/var/lib/csi.rkube.test";
/// What a secret must say, and what the attacher.
const PASSWORD: &str = "sesame";
/// What block volumes are here: `/dev/zero`, a device that every engine lets its containers open. Hardened engines deny
/// them all real block devices.
const DEVICE: (u32, u32) = (1, 5);

pub(crate) struct Driver {
    pub(crate) node: String,
}

/// While this file is there, volumes cannot be unstaged.
const FAULT: &str = "fail-unstage";

/// Writes down what happened.
pub(crate) fn note(what: &str) {
    let journal = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(Path::new(ROOT).join("journal"));
    if let Ok(mut journal) = journal {
        drop(writeln!(journal, "{what}"));
    }
}

fn folder(volume: &str) -> PathBuf {
    Path::new(ROOT).join("volumes").join(volume)
}

fn failed(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

fn is_block(capability: Option<&v1::VolumeCapability>) -> bool {
    capability.is_some_and(|capability| matches!(capability.access_type, Some(AccessType::Block(_))))
}

/// The options to mount with.
fn flags(capability: Option<&v1::VolumeCapability>) -> &[String] {
    match capability.and_then(|capability| capability.access_type.as_ref()) {
        Some(AccessType::Mount(mount)) => &mount.mount_flags,
        _ => &[],
    }
}

fn bind(from: &Path, to: &str) -> Result<(), Status> {
    fs_err::create_dir_all(from).map_err(failed)?;
    fs_err::create_dir_all(to).map_err(failed)?;
    if is_mounted(to) {
        return Ok(());
    }
    mount_bind(from, to).map_err(failed)
}

fn is_mounted(path: &str) -> bool {
    let table = fs_err::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().any(|line| line.split(' ').nth(4) == Some(path))
}

fn release(path: &str) -> Result<(), Status> {
    if is_mounted(path) {
        unmount(path, UnmountFlags::empty()).map_err(failed)?;
    }
    match fs_err::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => fs_err::remove_dir(path).map_err(failed),
        Ok(_) => fs_err::remove_file(path).map_err(failed),
    }
}

fn check(of: &str, told: &HashMap<String, String>, key: &str) -> Result<(), Status> {
    if told.get(key).map(String::as_str) == Some(PASSWORD) {
        Ok(())
    } else {
        Err(Status::unauthenticated(format!("{of} without {key:?}")))
    }
}

#[tonic::async_trait]
impl Node for Driver {
    async fn node_get_info(
        &self,
        _: Request<v1::NodeGetInfoRequest>,
    ) -> Result<Response<v1::NodeGetInfoResponse>, Status> {
        let segments = [("csi.rkube.test/node".to_owned(), self.node.clone())];
        Ok(Response::new(v1::NodeGetInfoResponse {
            node_id: format!("id-of-{}", self.node),
            max_volumes_per_node: 7,
            accessible_topology: Some(v1::Topology {
                segments: segments.into(),
            }),
        }))
    }

    async fn node_get_capabilities(
        &self,
        _: Request<v1::NodeGetCapabilitiesRequest>,
    ) -> Result<Response<v1::NodeGetCapabilitiesResponse>, Status> {
        let known = [
            rpc::Type::StageUnstageVolume,
            rpc::Type::ExpandVolume,
            rpc::Type::GetVolumeStats,
        ];
        let capabilities = known.map(|one| v1::NodeServiceCapability {
            r#type: Some(Type::Rpc(Rpc { r#type: one.into() })),
        });
        Ok(Response::new(v1::NodeGetCapabilitiesResponse {
            capabilities: capabilities.into(),
        }))
    }

    async fn node_stage_volume(
        &self,
        request: Request<v1::NodeStageVolumeRequest>,
    ) -> Result<Response<v1::NodeStageVolumeResponse>, Status> {
        let asked = request.into_inner();
        check("staging", &asked.secrets, "password")?;
        check("staging", &asked.publish_context, "disk")?;
        if !is_block(asked.volume_capability.as_ref()) {
            bind(&folder(&asked.volume_id), &asked.staging_target_path)?;
        }
        let flags = flags(asked.volume_capability.as_ref());
        note(&format!("stage {} flags={flags:?}", asked.volume_id));
        Ok(Response::new(v1::NodeStageVolumeResponse {}))
    }

    async fn node_unstage_volume(
        &self,
        request: Request<v1::NodeUnstageVolumeRequest>,
    ) -> Result<Response<v1::NodeUnstageVolumeResponse>, Status> {
        let asked = request.into_inner();
        if Path::new(ROOT).join(FAULT).exists() {
            note(&format!("fail-unstage {}", asked.volume_id));
            return Err(Status::internal("told to fail"));
        }
        if is_mounted(&asked.staging_target_path) {
            unmount(asked.staging_target_path.as_str(), UnmountFlags::empty()).map_err(failed)?;
        }
        note(&format!("unstage {}", asked.volume_id));
        Ok(Response::new(v1::NodeUnstageVolumeResponse {}))
    }

    async fn node_publish_volume(
        &self,
        request: Request<v1::NodePublishVolumeRequest>,
    ) -> Result<Response<v1::NodePublishVolumeResponse>, Status> {
        let asked = request.into_inner();
        let told = |key: &str| {
            let key = format!("csi.storage.k8s.io/{key}");
            asked.volume_context.get(&key).cloned().unwrap_or_default()
        };
        let ephemeral = told("ephemeral") == "true";
        if !ephemeral && asked.staging_target_path.is_empty() {
            return Err(Status::failed_precondition("not staged"));
        }
        if is_block(asked.volume_capability.as_ref()) {
            if !Path::new(&asked.target_path).exists() {
                let device = makedev(DEVICE.0, DEVICE.1);
                rustix::fs::mknodat(
                    rustix::fs::CWD,
                    asked.target_path.as_str(),
                    FileType::CharacterDevice,
                    Mode::from_raw_mode(0o666),
                    device,
                )
                .map_err(failed)?;
            }
        } else {
            bind(&folder(&asked.volume_id), &asked.target_path)?;
        }
        let tokens = told("serviceAccount.tokens").contains("\"vault\"");
        let (pod, id) = (told("pod.name"), asked.volume_id);
        note(&format!("publish {id} to {pod} ephemeral={ephemeral} tokens={tokens}"));
        Ok(Response::new(v1::NodePublishVolumeResponse {}))
    }

    async fn node_unpublish_volume(
        &self,
        request: Request<v1::NodeUnpublishVolumeRequest>,
    ) -> Result<Response<v1::NodeUnpublishVolumeResponse>, Status> {
        let asked = request.into_inner();
        release(&asked.target_path)?;
        // the kubelet's names of ephemeral volumes
        if asked.volume_id.starts_with("csi-") {
            drop(fs_err::remove_dir_all(folder(&asked.volume_id)));
        }
        note(&format!("unpublish {}", asked.volume_id));
        Ok(Response::new(v1::NodeUnpublishVolumeResponse {}))
    }

    async fn node_expand_volume(
        &self,
        request: Request<v1::NodeExpandVolumeRequest>,
    ) -> Result<Response<v1::NodeExpandVolumeResponse>, Status> {
        let asked = request.into_inner();
        let size = asked.capacity_range.map_or(0, |range| range.required_bytes);
        fs_err::write(folder(&asked.volume_id).join(".size"), size.to_string()).map_err(failed)?;
        note(&format!("expand {} to {size}", asked.volume_id));
        Ok(Response::new(v1::NodeExpandVolumeResponse { capacity_bytes: size }))
    }

    async fn node_get_volume_stats(
        &self,
        request: Request<v1::NodeGetVolumeStatsRequest>,
    ) -> Result<Response<v1::NodeGetVolumeStatsResponse>, Status> {
        let size = fs_err::read_to_string(folder(&request.into_inner().volume_id).join(".size"));
        let total: i64 = size.unwrap_or_default().parse().unwrap_or_default();
        Ok(Response::new(v1::NodeGetVolumeStatsResponse {
            usage: vec![v1::VolumeUsage {
                total,
                used: 42,
                available: total - 42,
                unit: v1::volume_usage::Unit::Bytes.into(),
            }],
            volume_condition: None,
        }))
    }
}
