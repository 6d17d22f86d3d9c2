//! Names of clusters and nodes.

use crate::ClusterError;

/// Words that would read as a command; minikube's.
const RESERVED: [&str; 10] = [
    "addons", "cache", "config", "delete", "logs", "open", "profile", "start", "status", "stop",
];
/// Networks that every engine has; a cluster's network has its name.
const NETWORKS: [&str; 4] = ["bridge", "default", "host", "none"];
/// A host name has at most 63 characters, `-m99` included.
const LONGEST: usize = 59;

/// Refuses names that are no DNS label or that would be confusing.
pub fn check_name(name: &str) -> Result<(), ClusterError> {
    let refuse = |reason| {
        Err(ClusterError::Name {
            name: name.to_owned(),
            reason,
        })
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.len() < 2 || name.len() > LONGEST {
        return refuse("must have 2 to 59 characters");
    }
    if !name.chars().all(|c| plain(c) || c == '-') || !name.starts_with(plain) || !name.ends_with(plain) {
        return refuse("must consist of a-z, 0-9 and -, and begin and end with a letter or digit");
    }
    if RESERVED.contains(&name) {
        return refuse("is the name of a command");
    }
    if NETWORKS.contains(&name) {
        return refuse("is the name of a network of the container engine");
    }
    Ok(())
}

/// The first node is named as the cluster, the others as minikube does: `<cluster>-m02`.
pub(crate) fn node_name(cluster: &str, index: u8) -> String {
    if index == 0 {
        cluster.to_owned()
    } else {
        format!("{cluster}-m{:02}", index + 1)
    }
}
