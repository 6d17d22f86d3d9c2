//! One container's configuration for the runtime.

use std::path::{Path, PathBuf};

use cri::v1;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::env::expand;
use super::security::{self, ImageUser, SecurityError};
use super::{resources, sandbox};
use crate::options::Options;
use crate::runtime::labels;

/// Why a configuration cannot be made; becomes `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Security(#[from] SecurityError),
    #[error(transparent)]
    Env(#[from] super::env::EnvError),
    #[error(transparent)]
    Mount(#[from] crate::volumes::MountError),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// What goes into a configuration beside pod and container.
pub(crate) struct Parts {
    pub(crate) image: v1::ImageSpec,
    pub(crate) user: ImageUser,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) mounts: Vec<v1::Mount>,
    pub(crate) devices: Vec<v1::Device>,
    pub(crate) restarts: u32,
    pub(crate) node_memory: i64,
    /// Container whose process namespace an ephemeral container joins.
    pub(crate) target: Option<String>,
}

/// The log file's path below the pod's log directory.
pub(crate) fn log_path(name: &str, restarts: u32) -> String {
    format!("{name}/{restarts}.log")
}

/// Assembles the configuration. Makes the container's log folder and its termination message file.
pub(crate) fn config(
    pod: &Pod,
    container: &Container,
    parts: Parts,
    options: &Options,
) -> Result<v1::ContainerConfig, ConfigError> {
    let spec = pod.spec.clone().unwrap_or_default();
    let folder = sandbox::log_directory(&options.pod_logs, pod).join(&container.name);
    fs_err::create_dir_all(folder)?;
    let mut context = security::of_container(&spec, container, &parts.user)?;
    if let (Some(target), Some(namespaces)) = (&parts.target, &mut context.namespace_options) {
        namespaces.pid = v1::NamespaceMode::Target.into();
        namespaces.target_id.clone_from(target);
    }
    let lookup = |name: &str| {
        parts
            .env
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let expanded = |list: &Option<Vec<String>>| list.iter().flatten().map(|text| expand(text, lookup)).collect();
    let mut mounts = parts.mounts;
    let message_path = container
        .termination_message_path
        .clone()
        .unwrap_or_else(|| "/dev/termination-log".to_owned());
    let message_file = termination_file(pod, container, parts.restarts, &options.root)?;
    mounts.push(v1::Mount {
        container_path: message_path.clone(),
        host_path: message_file.display().to_string(),
        ..Default::default()
    });
    let annotations = [
        (
            labels::CONTAINER_HASH,
            labels::container_hash(&container.name, container.image.as_deref()),
        ),
        (labels::RESTART_COUNT, parts.restarts.to_string()),
        (labels::TERMINATION_PATH, message_path),
        (
            labels::TERMINATION_POLICY,
            container
                .termination_message_policy
                .clone()
                .unwrap_or_else(|| "File".to_owned()),
        ),
        (labels::TERMINATION_FILE, message_file.display().to_string()),
    ];
    Ok(v1::ContainerConfig {
        metadata: Some(v1::ContainerMetadata {
            name: container.name.clone(),
            attempt: parts.restarts,
        }),
        image: Some(parts.image),
        command: expanded(&container.command),
        args: expanded(&container.args),
        working_dir: container.working_dir.clone().unwrap_or_default(),
        envs: parts
            .env
            .iter()
            .map(|(key, value)| v1::KeyValue {
                key: key.clone(),
                value: value.clone().into_bytes(),
            })
            .collect(),
        mounts,
        devices: parts.devices,
        labels: labels::of_pod(pod)
            .into_iter()
            .chain([(labels::CONTAINER_NAME.to_owned(), container.name.clone())])
            .collect(),
        annotations: annotations
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        log_path: log_path(&container.name, parts.restarts),
        stdin: container.stdin.unwrap_or_default(),
        stdin_once: container.stdin_once.unwrap_or_default(),
        tty: container.tty.unwrap_or_default(),
        linux: Some(v1::LinuxContainerConfig {
            resources: Some(resources::of_container(pod, container, parts.node_memory)),
            security_context: Some(context),
        }),
        ..Default::default()
    })
}

/// A fresh file for this incarnation's last words, writable by whichever user it runs as.
fn termination_file(pod: &Pod, container: &Container, restarts: u32, root: &Path) -> std::io::Result<PathBuf> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let folder = root.join("pods").join(uid).join("containers").join(&container.name);
    fs_err::create_dir_all(&folder)?;
    let file = folder.join(format!("termination-{restarts}"));
    crate::files::write_with_mode(&file, b"", 0o666)?;
    Ok(file)
}
