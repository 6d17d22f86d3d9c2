//! What drivers say of the room in their volumes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use csi::v1::VolumeUsage;
use csi::v1::volume_usage::Unit;
use futures::future::join_all;

use super::record::{Record, entries};
use super::volume::pod_folder;
use crate::context::Context;
use crate::stats::Space;

/// A driver that does not answer must not hold up the figures of all others.
const DEADLINE: Duration = Duration::from_secs(2);

/// Room by pod and the volume's name in it.
pub(crate) async fn stats(context: &Context, pods: &[String]) -> HashMap<(String, String), Space> {
    let volumes = pods.iter().flat_map(|uid| {
        let folders = entries(&pod_folder(&context.options.root, uid));
        folders.into_iter().map(|folder| (uid.clone(), folder))
    });
    let answers = join_all(volumes.map(|(uid, folder)| async move {
        let record = Record::read(&folder).filter(|record| record.asked)?;
        let answer = tokio::time::timeout(DEADLINE, one(context, &record, folder.join("mount"))).await;
        Some(((uid, record.pod_volume), answer.ok()??))
    }));
    answers.await.into_iter().flatten().collect()
}

async fn one(context: &Context, record: &Record, path: PathBuf) -> Option<Space> {
    let driver = context.csi.driver(&record.driver).ok()?;
    if !driver.capabilities().await.ok()?.stats {
        return Space::at(&path);
    }
    Some(space(&driver.stats(&record.handle, &path).await.ok()?))
}

fn space(usage: &[VolumeUsage]) -> Space {
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    usage.iter().fold(Space::default(), |space, one| match one.unit() {
        Unit::Bytes => Space {
            capacity: whole(one.total),
            available: whole(one.available),
            used: whole(one.used),
            ..space
        },
        Unit::Inodes => Space {
            inodes: whole(one.total),
            inodes_free: whole(one.available),
            inodes_used: whole(one.used),
            ..space
        },
        Unit::Unknown => space,
    })
}
