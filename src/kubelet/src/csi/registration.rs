//! The plugin watcher: sockets that appear in `plugins_registry` are asked who they are, and drivers among them registered.
//!
//! Semantics: `k8s.io/kubernetes/pkg/kubelet/pluginmanager` and `pluginregistration.v1`.

use std::collections::HashMap;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use csi::registration::{InfoRequest, PluginInfo, RegistrationStatus};
use tokio::time::{Instant, timeout};

use super::driver::Driver;
use super::{CallError, node_info};
use crate::context::Context;
use crate::logs::FolderWatch;

const DEADLINE: Duration = Duration::from_secs(10);
const LONGEST_NAME: usize = 63;
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Why a plugin is not registered.
#[derive(Debug, thiserror::Error)]
enum RegistrationError {
    #[error(transparent)]
    Connect(#[from] tonic::transport::Error),
    #[error("no answer: {0}")]
    Status(Box<tonic::Status>),
    #[error("no answer in time")]
    Deadline,
    #[error("plugins of type {0} are not supported, only CSIPlugin")]
    Kind(String),
    #[error("{0:?} is no name for a CSI driver; expected one like driver.example.com of at most 63 characters")]
    Name(String),
    #[error("none of the versions specified {0:?} are supported; expected 1.x")]
    Version(Vec<String>),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Node(#[from] node_info::NodeInfoError),
}

impl From<tonic::Status> for RegistrationError {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(status))
    }
}

/// A socket as it was when it appeared: one of the same name made anew is another plugin.
type Identity = (u64, i64, i64);

/// What is known of one socket.
struct Plugin {
    identity: Identity,
    /// The driver's name once it is registered.
    driver: Option<String>,
    retry: Duration,
    next: Instant,
}

/// Keeps the node's drivers registered, for ever.
pub(crate) async fn keep(context: &Context) {
    let folder = context.options.root.join("plugins_registry");
    let made =
        fs_err::create_dir_all(&folder).and_then(|()| fs_err::create_dir_all(context.options.root.join("plugins")));
    let watch = made.and_then(|()| FolderWatch::new(&folder));
    let mut watch = match watch {
        Ok(watch) => watch,
        Err(error) => {
            tracing::error!(%error, "plugins cannot register: the folder is not watched");
            return std::future::pending().await;
        }
    };
    node_info::ensure(context).await;
    let mut plugins: HashMap<PathBuf, Plugin> = HashMap::new();
    loop {
        let present = sockets(&folder);
        let gone: Vec<PathBuf> = plugins
            .iter()
            .filter(|(path, plugin)| present.get(*path) != Some(&plugin.identity))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            if let Some(driver) = plugins.remove(&path).and_then(|plugin| plugin.driver)
                && !plugins.values().any(|other| other.driver.as_ref() == Some(&driver))
            {
                forget(context, &driver).await;
            }
        }
        for (path, identity) in present {
            plugins.entry(path).or_insert_with(|| Plugin {
                identity,
                driver: None,
                retry: FIRST_RETRY,
                next: Instant::now(),
            });
        }
        for (path, plugin) in &mut plugins {
            if plugin.driver.is_none() && plugin.next <= Instant::now() {
                plugin.driver = attempt(context, path).await;
                plugin.next = Instant::now() + plugin.retry;
                plugin.retry = (plugin.retry * 2).min(LONGEST_RETRY);
            }
        }
        let waiting = plugins.values().filter(|plugin| plugin.driver.is_none());
        let next = waiting.map(|plugin| plugin.next).min();
        let timer = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = watch.changed() => if let Err(error) = changed {
                tracing::error!(%error, "plugins cannot register any more");
                return std::future::pending().await;
            },
            () = timer => {}
        }
    }
}

fn sockets(folder: &Path) -> HashMap<PathBuf, Identity> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            let identity = (meta.ino(), meta.ctime(), meta.ctime_nsec());
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            (meta.file_type().is_socket() && !hidden).then(|| (entry.path(), identity))
        })
        .collect()
}

/// Registers the plugin behind the socket and tells it so; the driver's name if that worked.
async fn attempt(context: &Context, socket: &Path) -> Option<String> {
    match register(context, socket).await {
        Ok(name) => {
            tracing::info!(driver = name, "CSI driver registered");
            Some(name)
        }
        Err(error) => {
            tracing::warn!(socket = %socket.display(), %error, "plugin not registered");
            None
        }
    }
}

async fn register(context: &Context, socket: &Path) -> Result<String, RegistrationError> {
    let mut client = csi::RegistrationClient::new(csi::channel(socket)?);
    let asked = timeout(DEADLINE, client.get_info(InfoRequest {})).await;
    let info = asked.map_err(|_| RegistrationError::Deadline)??.into_inner();
    let name = info.name.clone();
    let result = admit(context, info, socket).await;
    let status = RegistrationStatus {
        plugin_registered: result.is_ok(),
        error: result.as_ref().err().map(ToString::to_string).unwrap_or_default(),
    };
    // what the plugin makes of it is its own affair
    let told = timeout(DEADLINE, client.notify_registration_status(status)).await;
    if !matches!(told, Ok(Ok(_))) {
        tracing::debug!(driver = name, "the plugin did not take note of its registration");
    }
    result.map(|()| name)
}

async fn admit(context: &Context, info: PluginInfo, socket: &Path) -> Result<(), RegistrationError> {
    if info.r#type != "CSIPlugin" {
        return Err(RegistrationError::Kind(info.r#type));
    }
    // it becomes part of paths
    if info.name.len() > LONGEST_NAME || !machinery::names::dns1123_subdomain(&info.name.to_lowercase()).is_empty() {
        return Err(RegistrationError::Name(info.name));
    }
    let first = |version: &String| version.trim_start_matches('v').starts_with("1.");
    if !info.supported_versions.iter().any(first) {
        return Err(RegistrationError::Version(info.supported_versions));
    }
    let endpoint = if info.endpoint.is_empty() {
        socket
    } else {
        Path::new(&info.endpoint)
    };
    let driver = Driver::at(endpoint)?;
    let asked = timeout(DEADLINE, driver.info()).await;
    let about = asked.map_err(|_| RegistrationError::Deadline)??;
    node_info::install(context, &info.name, &about).await?;
    let mut drivers = context.csi.drivers.lock().unwrap_or_else(PoisonError::into_inner);
    drivers.insert(info.name, driver);
    Ok(())
}

async fn forget(context: &Context, name: &str) {
    tracing::info!(driver = name, "CSI driver is gone");
    context
        .csi
        .drivers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(name);
    if let Err(error) = node_info::uninstall(context, name).await {
        tracing::warn!(driver = name, %error, "the node still shows a CSI driver that is gone");
    }
}
