//! What is needed to find containers' use: who runs, and what each has written.

use std::collections::HashMap;

use cri::v1;

use super::{DEADLINE, Result, Runtime, ask, labels};

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The pod's.
    pub(crate) uid: String,
    pub(crate) image: String,
    /// Nanoseconds since the epoch.
    pub(crate) created_at: i64,
}

impl Runtime {
    /// All containers that have a process.
    pub(crate) async fn running_containers(&self) -> Result<Vec<Listed>> {
        let state = v1::ContainerStateValue {
            state: v1::ContainerState::ContainerRunning.into(),
        };
        let filter = v1::ContainerFilter {
            state: Some(state),
            ..Default::default()
        };
        let request = v1::ListContainersRequest { filter: Some(filter) };
        let list = ask!(self.runtime, "ListContainers", DEADLINE, list_containers(request)).await?;
        let listed = list.containers.into_iter().map(|mut container| Listed {
            name: container.labels.remove(labels::CONTAINER_NAME).unwrap_or_default(),
            uid: container.labels.remove(labels::POD_UID).unwrap_or_default(),
            image: container
                .image
                .map(|image| {
                    if image.user_specified_image.is_empty() {
                        image.image
                    } else {
                        image.user_specified_image
                    }
                })
                .unwrap_or_default(),
            id: container.id,
            created_at: container.created_at,
        });
        Ok(listed.collect())
    }

    /// Bytes and inodes of each container's writable layer, as the runtime last counted them.
    pub(crate) async fn writable_layers(&self) -> Result<HashMap<String, (u64, u64)>> {
        let request = v1::ListContainerStatsRequest::default();
        let list = ask!(
            self.runtime,
            "ListContainerStats",
            DEADLINE,
            list_container_stats(request)
        )
        .await?;
        let layers = list.stats.into_iter().filter_map(|stats| {
            let layer = stats.writable_layer?;
            let number = |value: Option<v1::UInt64Value>| value.map_or(0, |value| value.value);
            Some((
                stats.attributes?.id,
                (number(layer.used_bytes), number(layer.inodes_used)),
            ))
        });
        Ok(layers.collect())
    }
}
