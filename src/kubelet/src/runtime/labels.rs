//! Labels and annotations by which sandboxes and containers are found again; upstream's names, so that crictl and
//! log collectors read them too.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;
use sha2::{Digest as _, Sha256};

pub(crate) const POD_NAME: &str = "io.kubernetes.pod.name";
pub(crate) const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
pub(crate) const POD_UID: &str = "io.kubernetes.pod.uid";
pub(crate) const CONTAINER_NAME: &str = "io.kubernetes.container.name";
pub(crate) const CONTAINER_HASH: &str = "io.kubernetes.container.hash";
pub(crate) const RESTART_COUNT: &str = "io.kubernetes.container.restartCount";
pub(crate) const TERMINATION_PATH: &str = "io.kubernetes.container.terminationMessagePath";
pub(crate) const TERMINATION_POLICY: &str = "io.kubernetes.container.terminationMessagePolicy";
/// Where on the node the container's termination message file is.
pub(crate) const TERMINATION_FILE: &str = "rkube.io/termination-message-file";

/// Labels that say which pod something belongs to.
pub(crate) fn of_pod(pod: &Pod) -> HashMap<String, String> {
    let meta = &pod.metadata;
    [
        (POD_NAME, meta.name.clone()),
        (POD_NAMESPACE, meta.namespace.clone()),
        (POD_UID, meta.uid.clone()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.unwrap_or_default()))
    .collect()
}

/// Changes when a running container no longer fits its spec: only name and image may change in a live pod's container.
pub(crate) fn container_hash(name: &str, image: Option<&str>) -> String {
    let text = format!("{name}\n{}", image.unwrap_or_default());
    hex::encode(&Sha256::digest(text)[..4])
}
