//! The way back: what a pod was given is unpublished, and what no pod of the node has any more is unstaged.
//!
//! All of it is read from disk: the pod's object may be gone, and the kubelet that published may be, too.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::record::{self, Record, block_record, entries, name_of};
use super::volume::{block_folder, pod_devices, pod_folder, stage_folder};
use super::{Csi, CsiError, CsiVolume};
use crate::context::Context;

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// True if drivers gave something to the pod.
pub(crate) fn has_volumes(root: &Path, uid: &str) -> bool {
    !entries(&pod_folder(root, uid)).is_empty() || !entries(&pod_devices(root, uid)).is_empty()
}

/// Gives back all that drivers gave to the pod. Containers must have ended.
pub(crate) async fn release(context: &Context, uid: &str) -> Result<(), CsiError> {
    let root = &context.options.root;
    for folder in entries(&pod_folder(root, uid)) {
        let Some(record) = Record::read(&folder) else {
            // broke off before the record was there, and so before anything else
            remove_dir(&folder)?;
            continue;
        };
        let _held = context.csi.hold(&record.driver, &record.handle).await;
        let target = folder.join("mount");
        if record.asked {
            let driver = context.csi.driver(&record.driver)?;
            driver.unpublish(&record.handle, &target).await?;
        }
        remove_dir(&target)?;
        Record::remove(&folder)?;
        if !record.is_ephemeral() {
            let done = unstage(&context.csi, root, &record).await;
            later(context, &record, done);
        }
    }
    for link in entries(&pod_devices(root, uid)) {
        let Some(record) = Record::read(&block_record(root, &name_of(&link))) else {
            fs_err::remove_file(&link)?;
            continue;
        };
        let _held = context.csi.hold(&record.driver, &record.handle).await;
        let driver = context.csi.driver(&record.driver)?;
        let target = block_folder(root).join("publish").join(&record.name).join(uid);
        driver.unpublish(&record.handle, &target).await?;
        if fs_err::symlink_metadata(&target).is_ok() {
            return Err(CsiError::StillMounted(target.display().to_string()));
        }
        fs_err::remove_file(&link)?;
        let done = unstage_block(&context.csi, root, &record).await;
        later(context, &record, done);
    }
    Ok(())
}

/// What cannot be unstaged now is no longer the pod's affair.
fn later(context: &Context, record: &Record, done: Result<(), CsiError>) {
    if let Err(error) = done {
        tracing::warn!(volume = record.handle, driver = record.driver, %error, "volume not unstaged; trying again");
        context.csi.left.notify_one();
    }
}

/// Unstages, for ever, what could not be unstaged when its last pod went.
pub(crate) async fn keep_clean(context: &Context) {
    loop {
        context.csi.left.notified().await;
        let mut pause = FIRST_RETRY;
        while !sweep(context).await {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }
}

/// Unstages what no pod has. False: something has to be tried again.
async fn sweep(context: &Context) -> bool {
    let mut clean = true;
    let root = &context.options.root;
    let staged = record::staged(root).into_iter().map(|(_, record)| (record, false));
    let blocks = record::blocks(root).into_iter().map(|record| (record, true));
    for (record, block) in staged.chain(blocks).collect::<Vec<_>>() {
        let _held = context.csi.hold(&record.driver, &record.handle).await;
        let done = if block {
            unstage_block(&context.csi, root, &record).await
        } else {
            unstage(&context.csi, root, &record).await
        };
        if let Err(error) = done {
            tracing::debug!(volume = record.handle, driver = record.driver, %error, "volume not unstaged");
            clean = false;
        }
    }
    clean
}

/// Unstages a volume that no pod of the node has; it may be detached then.
async fn unstage(csi: &Csi, root: &Path, record: &Record) -> Result<(), CsiError> {
    if record::is_used(root, &record.driver, &record.handle) {
        return Ok(());
    }
    let folder = stage_folder(root, &record.driver, &record.handle);
    if Record::read(&folder).is_some() {
        let staging = folder.join("globalmount");
        csi.driver(&record.driver)?.unstage(&record.handle, &staging).await?;
        remove_dir(&staging)?;
        Record::remove(&folder)?;
    }
    csi.attachments
        .forget(&claims::unique_name(&record.driver, &record.handle));
    Ok(())
}

async fn unstage_block(csi: &Csi, root: &Path, record: &Record) -> Result<(), CsiError> {
    if record::is_used(root, &record.driver, &record.handle) {
        return Ok(());
    }
    let volume = CsiVolume {
        name: record.name.clone(),
        block: true,
        ..CsiVolume::default()
    };
    let staging = volume.staging(root);
    if staging.exists() {
        csi.driver(&record.driver)?.unstage(&record.handle, &staging).await?;
        match fs_err::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    remove_dir(&block_folder(root).join("publish").join(&record.name))?;
    let data = block_record(root, &record.name);
    Record::remove(&data)?;
    remove_dir(data.parent().unwrap_or(&data))?;
    csi.attachments
        .forget(&claims::unique_name(&record.driver, &record.handle));
    Ok(())
}

/// Removes an empty folder. One that is not empty is still mounted: what it shows is somebody's data.
fn remove_dir(folder: &Path) -> Result<(), CsiError> {
    match fs_err::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::ResourceBusy
            ) =>
        {
            Err(CsiError::StillMounted(folder.display().to_string()))
        }
        other => Ok(other?),
    }
}
