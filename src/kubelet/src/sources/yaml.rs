//! The one place of this crate that reads YAML.

use serde::de::DeserializeOwned;

/// Reads one document.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    serde_yaml::from_str(text)
}
