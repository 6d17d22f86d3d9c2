//! YAML: the one place of the tree that knows which crate reads and writes it. Knows nothing of Kubernetes.
//!
//! Deep nesting and aliases that multiply are refused by the crate underneath.

use serde::Serialize;
use serde::de::{Deserialize as _, DeserializeOwned};

pub use serde_yaml::{Mapping, Value};

/// What is wrong with a document, and where.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct YamlError(serde_yaml::Error);

/// Reads one document.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_yaml::from_str(text).map_err(YamlError)
}

/// Reads one document in UTF-8.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, YamlError> {
    serde_yaml::from_slice(bytes).map_err(YamlError)
}

/// Reads the documents of a stream in order; those that say nothing are left out.
pub fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, YamlError> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        match Value::deserialize(document).map_err(YamlError)? {
            Value::Null => {}
            said => documents.push(serde_yaml::from_value(said).map_err(YamlError)?),
        }
    }
    Ok(documents)
}

/// Writes one document.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, YamlError> {
    serde_yaml::to_string(value).map_err(YamlError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_in_order_and_empty_documents_are_left_out() {
        let read: Vec<serde_json::Value> = documents("---\na: 1\n---\n# nothing\n---\nb: 2\n").unwrap();
        assert_eq!(read, [serde_json::json!({"a": 1}), serde_json::json!({"b": 2})]);
    }

    #[test]
    fn an_error_says_where() {
        let error = from_str::<serde_json::Value>("a: 1\nb: [").unwrap_err().to_string();
        assert!(error.contains("line 3") || error.contains("line 2"), "{error}");
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            let line = format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", "));
            text.push_str(&line);
        }
        assert!(from_str::<serde_json::Value>(&text).is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(from_str::<serde_json::Value>(&"[".repeat(100_000)).is_err());
    }
}
