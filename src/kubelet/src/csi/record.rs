//! What has been asked of drivers, written down beside it before it is asked: `vol_data.json`, with upstream's keys.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::volume::{CsiVolume, block_folder, pod_devices, pod_folder};

const FILE: &str = "vol_data.json";

/// One volume, staged on the node or published to a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Record {
    #[serde(rename = "specVolID", skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    #[serde(rename = "volumeHandle")]
    pub(super) handle: String,
    #[serde(rename = "driverName")]
    pub(super) driver: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) node_name: String,
    /// Empty for volumes that are not attached.
    #[serde(rename = "attachmentID", skip_serializing_if = "String::is_empty")]
    pub(super) attachment: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) volume_lifecycle_mode: String,
    /// Its name in the pod: not a key of upstream's.
    #[serde(rename = "podVolumeName", skip_serializing_if = "String::is_empty")]
    pub(super) pod_volume: String,
    /// The driver has been asked to publish it: not a key of upstream's.
    #[serde(rename = "publishAsked")]
    pub(super) asked: bool,
}

impl Record {
    pub(super) fn of(volume: &CsiVolume, node: &str, attached: bool) -> Self {
        let attachment = claims::attachment_name(&volume.driver, &volume.handle, node);
        Self {
            name: volume.name.clone(),
            handle: volume.handle.clone(),
            driver: volume.driver.clone(),
            node_name: node.to_owned(),
            attachment: if attached { attachment } else { String::new() },
            volume_lifecycle_mode: if volume.ephemeral { "Ephemeral" } else { "Persistent" }.to_owned(),
            pod_volume: volume.pod_volume.clone(),
            asked: false,
        }
    }

    pub(super) fn is_ephemeral(&self) -> bool {
        self.volume_lifecycle_mode == "Ephemeral"
    }

    fn is(&self, driver: &str, handle: &str) -> bool {
        self.driver == driver && self.handle == handle
    }

    /// Writes the record into `folder`, whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        fs_err::create_dir_all(folder)?;
        let next = folder.join(format!("{FILE}.next"));
        fs_err::write(&next, serde_json::to_vec(self)?)?;
        fs_err::rename(next, folder.join(FILE))
    }

    /// The record in `folder`, if there is one that can be read.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs_err::read(folder.join(FILE)).ok()?).ok()
    }

    /// Removes the record and then the folder, which must hold nothing else.
    pub(super) fn remove(folder: &Path) -> io::Result<()> {
        for gone in [fs_err::remove_file(folder.join(FILE)), fs_err::remove_dir(folder)] {
            match gone {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The name of an entry of a folder.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder of a block volume's record.
pub(super) fn block_record(root: &Path, name: &str) -> PathBuf {
    block_folder(root).join(name).join("data")
}

/// What is staged on the node: each volume's folder and record.
pub(super) fn staged(root: &Path) -> Vec<(PathBuf, Record)> {
    let drivers = entries(&root.join("plugins/kubernetes.io/csi"));
    let folders = drivers
        .iter()
        .filter(|folder| name_of(folder) != "volumeDevices")
        .flat_map(|folder| entries(folder));
    folders
        .filter_map(|folder| Record::read(&folder).map(|record| (folder, record)))
        .collect()
}

/// The block volumes that the node knows.
pub(super) fn blocks(root: &Path) -> Vec<Record> {
    let folders = entries(&block_folder(root));
    folders
        .iter()
        .filter_map(|folder| Record::read(&folder.join("data")))
        .collect()
}

/// True if a pod of the node has the volume, or is being given it.
pub(super) fn is_used(root: &Path, driver: &str, handle: &str) -> bool {
    let pods = entries(&root.join("pods"));
    pods.iter().map(|pod| name_of(pod)).any(|uid| {
        let mounted = entries(&pod_folder(root, &uid)).into_iter();
        let mapped = entries(&pod_devices(root, &uid)).into_iter();
        let mut records = mounted
            .filter_map(|folder| Record::read(&folder))
            .chain(mapped.filter_map(|link| Record::read(&block_record(root, &name_of(&link)))));
        records.any(|record| record.is(driver, handle) && !record.is_ephemeral())
    })
}

/// Names of the attached volumes that the node has in use.
pub(super) fn attached(root: &Path) -> BTreeSet<String> {
    let pods = entries(&root.join("pods"));
    let published = pods
        .iter()
        .flat_map(|pod| entries(&pod_folder(root, &name_of(pod))))
        .filter_map(|folder| Record::read(&folder));
    let staged = staged(root).into_iter().map(|(_, record)| record);
    let all = staged.chain(blocks(root)).chain(published);
    all.filter(|record| !record.attachment.is_empty())
        .map(|record| claims::unique_name(&record.driver, &record.handle))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume() -> CsiVolume {
        CsiVolume {
            name: "pv".to_owned(),
            driver: "d".to_owned(),
            handle: "h".to_owned(),
            ..CsiVolume::default()
        }
    }

    #[test]
    fn users_of_a_volume_are_found_on_disk() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert!(!is_used(root, "d", "h"));
        let folder = pod_folder(root, "uid").join("pv");
        Record::of(&volume(), "node", true).write(&folder).unwrap();
        assert!(is_used(root, "d", "h") && !is_used(root, "d", "other"));
        assert_eq!(attached(root), BTreeSet::from(["kubernetes.io/csi/d^h".to_owned()]));
        Record::remove(&folder).unwrap();
        assert!(!is_used(root, "d", "h") && !folder.exists());
    }

    #[test]
    fn a_block_volume_is_used_by_pods_with_a_link_to_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        Record::of(&volume(), "node", false)
            .write(&block_record(root, "pv"))
            .unwrap();
        assert!(!is_used(root, "d", "h") && attached(root).is_empty());
        let links = pod_devices(root, "uid");
        fs_err::create_dir_all(&links).unwrap();
        fs_err::os::unix::fs::symlink("/nowhere", links.join("pv")).unwrap();
        assert!(is_used(root, "d", "h"));
    }
}
