//! The CNI configuration that containerd connects pods by: one point-to-point link per pod, routed by the node, so
//! that every packet passes the node's rules, also between pods of the same node.

use std::path::Path;

use ipnet::IpNet;
use serde_json::json;

/// Name of the configuration file.
const FILE: &str = "10-rkube.conflist";

/// Writes the configuration for pods of `pod_cidr`, atomically. Addresses in use are remembered below `state`,
/// which should not survive a reboot.
pub fn write(folder: &Path, state: &Path, pod_cidr: IpNet, mtu: u32) -> std::io::Result<()> {
    let default = if pod_cidr.addr().is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let list = json!({
        "cniVersion": "1.0.0",
        "name": "rkube",
        "plugins": [{
            "type": "ptp",
            "ipMasq": false,
            "mtu": mtu,
            "ipam": {
                "type": "host-local",
                "dataDir": state,
                "ranges": [[{"subnet": pod_cidr.to_string()}]],
                "routes": [{"dst": default}],
            },
        }],
    });
    fs_err::create_dir_all(folder)?;
    let (file, fresh) = (folder.join(FILE), folder.join(".rkube.conflist.new"));
    let text = format!("{list:#}\n");
    if fs_err::read_to_string(&file).is_ok_and(|current| current == text) {
        return Ok(());
    }
    fs_err::write(&fresh, text)?;
    fs_err::rename(fresh, file)
}
