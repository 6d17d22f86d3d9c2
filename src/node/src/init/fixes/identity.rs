//! Who this node is: identities that containers of one host would otherwise share or lack.

use std::path::Path;

use nodespec::NodeConfig;
use rustix::mount::mount_bind;

use super::mounts::list;
use super::{Facts, Outcome};

const MACHINE_ID: &str = "/etc/machine-id";
const KEPT_MACHINE_ID: &str = "/var/lib/rkube/machine-id";
const PRODUCT_UUID: &str = "/sys/class/dmi/id/product_uuid";
const KEPT_PRODUCT_UUID: &str = "/var/lib/rkube/product_uuid";

/// A machine ID of the node's own, the same again in a new container on the same volume.
pub(super) fn machine_id(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let present = fs_err::read_to_string(MACHINE_ID).unwrap_or_default();
    let kept = kept(KEPT_MACHINE_ID, || Ok(random_uuid()?.replace('-', "")))?;
    if present.trim() == kept {
        return Ok(None);
    }
    fs_err::write(MACHINE_ID, format!("{kept}\n"))?;
    Ok(Some(format!("wrote {MACHINE_ID}")))
}

/// Containers see the host's product UUID; software that tells nodes apart by it needs one per node.
pub(super) fn product_uuid(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let mounted = list()?.iter().any(|mount| mount.target.ends_with("/id/product_uuid"));
    if mounted || !Path::new(PRODUCT_UUID).exists() {
        return Ok(None);
    }
    kept(KEPT_PRODUCT_UUID, random_uuid)?;
    mount_bind(KEPT_PRODUCT_UUID, PRODUCT_UUID)?;
    Ok(Some("bound a product UUID of the node's own".to_owned()))
}

fn kept(path: &str, make: impl FnOnce() -> std::io::Result<String>) -> std::io::Result<String> {
    if let Ok(text) = fs_err::read_to_string(path)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    let fresh = make()?;
    fs_err::write(path, format!("{fresh}\n"))?;
    Ok(fresh)
}

fn random_uuid() -> std::io::Result<String> {
    Ok(fs_err::read_to_string("/proc/sys/kernel/random/uuid")?
        .trim()
        .to_owned())
}
