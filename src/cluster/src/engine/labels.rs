//! Labels on everything that rkube makes: the only record of it in the engine.

use std::collections::HashMap;

/// The cluster's name.
pub(crate) const CLUSTER: &str = "io.rkube.cluster";
/// `control-plane` or `worker`; on containers.
pub(crate) const ROLE: &str = "io.rkube.role";

/// Labels of one object.
pub(super) fn of(cluster: &str, role: Option<&str>) -> HashMap<String, String> {
    let mut labels = HashMap::from([(CLUSTER.to_owned(), cluster.to_owned())]);
    labels.extend(role.map(|role| (ROLE.to_owned(), role.to_owned())));
    labels
}

/// The engine's filter for one cluster's objects, or for all clusters'.
pub(super) fn filter(cluster: Option<&str>) -> String {
    cluster.map_or_else(|| CLUSTER.to_owned(), |cluster| format!("{CLUSTER}={cluster}"))
}
