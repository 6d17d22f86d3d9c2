//! containerd's configuration (version 2, as containerd 1.7 reads it) and registry hosts.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use nodespec::{NodeConfig, paths, ports};

use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::fixes::Facts;
use crate::registry::KEY_HEADER;

/// The file containerd is started with.
pub(crate) const CONFIG: &str = "/etc/containerd/config.toml";
const CERTS: &str = "/etc/containerd/certs.d";
/// Not runc, by measurement (docs/adr/0002-crun.md).
const RUNTIME: &str = "/usr/bin/crun";

/// Plugins that no node of ours uses; each costs memory and start-up time.
const DISABLED: &[&str] = &[
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.internal.v1.tracing",
    "io.containerd.nri.v1.nri",
];

/// Writes the configuration and the registry hosts.
pub(crate) fn configure(config: &NodeConfig, facts: &Facts) -> io::Result<()> {
    let written = write_if_changed(CONFIG, &render(config, facts));
    // containerd asks the node itself for every image: only there are all sources known, asked with deadlines and quoted.
    let hosts = format!("{CERTS}/_default/hosts.toml");
    let key = make_key()?;
    let told = write_secret(&hosts, &render_hosts(&key));
    // the registry asks for what containerd shows, be it an earlier boot's: a disk may be full
    let key = if told.is_ok() {
        key
    } else {
        shown(&hosts).unwrap_or(key)
    };
    write_secret(paths::REGISTRY_KEY, &key)?;
    written.and(told)
}

/// The key that containerd shows.
fn shown(hosts: &str) -> Option<String> {
    let text = fs_err::read_to_string(hosts).ok()?;
    let (_, rest) = text.split_once(&format!("{KEY_HEADER} = \""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The key is for containerd alone: pods on the node's network reach the registry, too, which logs in to mirrors.
fn render_hosts(key: &str) -> String {
    // The last table may be empty, but containerd 1.7 ignores a file without it.
    format!(
        "server = \"http://127.0.0.1:{}\"\n\n[header]\n  {KEY_HEADER} = \"{key}\"\n\n[host]\n",
        ports::REGISTRY
    )
}

fn make_key() -> io::Result<String> {
    let mut random = [0; 32];
    fs_err::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(hex::encode(random))
}

/// Writes a file that root alone may read.
fn write_secret(path: &str, text: &str) -> io::Result<()> {
    if let Some(folder) = Path::new(path).parent() {
        fs_err::create_dir_all(folder)?;
    }
    let next = format!("{path}.next");
    let _ = fs_err::remove_file(&next);
    let mut options = fs_err::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&next)?;
    file.write_all(text.as_bytes())?;
    fs_err::rename(next, path)
}

fn render(config: &NodeConfig, facts: &Facts) -> String {
    let disabled = DISABLED
        .iter()
        .map(|plugin| format!("\"{plugin}\""))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [{disabled}]

[grpc]
  address = "{socket}"

[debug]
  level = "error"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox}"
  restrict_oom_score_adj = {restrict}
  disable_tcp_service = true
  # every file of every running container is looked at; nothing here needs to know more often what they take
  stats_collect_period = 60
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  tolerate_missing_hugetlb_controller = true
  # blobs are checked by the node-local registry before their first byte is passed on; it has deadlines of its own
  image_pull_progress_timeout = "0s"
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{CERTS}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      privileged_without_host_devices = {devices}
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{RUNTIME}"
        SystemdCgroup = false
"#,
        socket = paths::CONTAINERD_SOCKET,
        sandbox = config.embedded_image,
        restrict = facts.restrict_oom_score,
        snapshotter = facts.snapshotter,
        devices = facts.restrict_devices,
    )
}

fn write_if_changed(path: &str, text: &str) -> io::Result<()> {
    if fs_err::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    if let Some(folder) = Path::new(path).parent() {
        fs_err::create_dir_all(folder)?;
    }
    // never half of it: containerd would start with its defaults
    let next = format!("{path}.next");
    fs_err::write(&next, text)?;
    fs_err::rename(next, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_containerd_shows_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts.toml");
        fs_err::write(&file, render_hosts("abc")).unwrap();
        assert_eq!(shown(&file.to_string_lossy()).as_deref(), Some("abc"));
        assert_eq!(shown("/nowhere"), None);
    }
}
