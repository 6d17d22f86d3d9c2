//! The one place that knows the YAML crate.

use serde::de::DeserializeOwned;

use crate::ImagingError;

/// Reads one YAML document; `what` names it in the error.
pub(crate) fn from_str<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, ImagingError> {
    serde_yaml::from_str(text).map_err(|error| ImagingError::Recipe {
        name: what.to_owned(),
        reason: error.to_string(),
    })
}
