//! The `/etc/hosts` file that a pod's containers share.

use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;

use super::sandbox::hostname;
use crate::options::Options;

/// Writes the pod's file below `folder` and returns its path.
pub(crate) fn write(pod: &Pod, ips: &[String], folder: &Path, options: &Options) -> io::Result<PathBuf> {
    let host_network = pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
    let mut text = if host_network {
        on_node()
    } else {
        own(pod, ips, options)
    };
    let aliases = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.host_aliases.as_ref())
        .into_iter()
        .flatten();
    for (index, alias) in aliases.enumerate() {
        if index == 0 {
            text.push_str("\n# Entries added by HostAliases.\n");
        }
        let names: Vec<&str> = alias.hostnames.iter().flatten().map(String::as_str).collect();
        text.extend([alias.ip.as_str(), "\t", &names.join("\t"), "\n"]);
    }
    fs_err::create_dir_all(folder)?;
    let path = folder.join("etc-hosts");
    crate::files::write_with_mode(&path, text.as_bytes(), 0o644)?;
    Ok(path)
}

fn on_node() -> String {
    let node = fs_err::read_to_string("/etc/hosts").unwrap_or_default();
    format!("# Kubernetes-managed hosts file (host network).\n{node}")
}

fn own(pod: &Pod, ips: &[String], options: &Options) -> String {
    let mut text = "# Kubernetes-managed hosts file.\n\
        127.0.0.1\tlocalhost\n\
        ::1\tlocalhost ip6-localhost ip6-loopback\n\
        fe00::0\tip6-localnet\n\
        fe00::0\tip6-mcastprefix\n\
        fe00::1\tip6-allnodes\n\
        fe00::2\tip6-allrouters\n"
        .to_owned();
    let (name, domain) = hostname(pod, options);
    let short = name.split('.').next().unwrap_or_default().to_owned();
    for ip in ips {
        if domain.is_empty() {
            text.extend([ip.as_str(), "\t", &name, "\n"]);
        } else {
            text.extend([ip.as_str(), "\t", &short, ".", &domain, "\t", &short, "\n"]);
        }
    }
    text
}
