//! Labels on everything that rkube makes: the only record of it in the engine.

use std::collections::HashMap;

use super::Engine;

/// The cluster's name.
pub(crate) const CLUSTER: &str = "io.rkube.cluster";
/// `control-plane` or `worker`; on containers.
pub(crate) const ROLE: &str = "io.rkube.role";
/// Where the cluster's profile is, so that nobody takes away what another user has made of the same name.
const HOME: &str = "io.rkube.home";

/// Of all that has a cluster's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// What was made for profiles here.
    Own,
    /// All of it.
    Anybodys,
}

impl Engine {
    /// Labels of one object.
    pub(super) fn labels(&self, cluster: &str, role: Option<&str>) -> HashMap<String, String> {
        let mut labels = HashMap::from([(CLUSTER.to_owned(), cluster.to_owned())]);
        labels.extend(role.map(|role| (ROLE.to_owned(), role.to_owned())));
        labels.extend(self.home.clone().map(|home| (HOME.to_owned(), home)));
        labels
    }

    /// Whether an object with these labels counts.
    pub(super) fn is(&self, whose: Whose, labels: &HashMap<String, String>) -> bool {
        whose == Whose::Anybodys || labels.get(HOME) == self.home.as_ref()
    }
}

/// The engine's filter for one cluster's objects, or for all clusters'.
pub(super) fn filter(cluster: Option<&str>) -> HashMap<String, Vec<String>> {
    let label = cluster.map_or_else(|| CLUSTER.to_owned(), |cluster| format!("{CLUSTER}={cluster}"));
    HashMap::from([("label".to_owned(), vec![label])])
}
