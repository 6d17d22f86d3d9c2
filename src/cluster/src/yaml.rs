//! The one place that knows the YAML crate.

use serde_yaml::{Mapping, Value};

use crate::ClusterError;

/// Reads a document, keeping what we know nothing of; an empty one is an empty mapping.
pub(crate) fn read(path: &std::path::Path, text: &str) -> Result<Mapping, ClusterError> {
    let broken = |reason: String| ClusterError::BrokenKubeconfig {
        path: path.display().to_string(),
        reason,
    };
    match serde_yaml::from_str(text).map_err(|error| broken(error.to_string()))? {
        Value::Mapping(mapping) => Ok(mapping),
        Value::Null => Ok(Mapping::new()),
        _ => Err(broken("not a mapping".to_owned())),
    }
}

/// Writes a document.
pub(crate) fn write(mapping: &Mapping) -> Result<String, ClusterError> {
    serde_yaml::to_string(mapping).map_err(|error| std::io::Error::other(error).into())
}
