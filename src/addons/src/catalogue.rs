//! Addons as they are built in, and their manifests filled in for a cluster.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::Value;

/// An addon built into the binary.
#[derive(Debug, Clone, Copy)]
pub struct Addon {
    /// Its name, as commands take it.
    pub name: &'static str,
    manifests: &'static str,
}

/// Addons that every cluster has.
pub const REQUIRED: &[Addon] = &[
    Addon {
        name: "dns",
        manifests: include_str!("../../../addons/dns/manifests.yaml"),
    },
    Addon {
        name: "storage-provisioner",
        manifests: include_str!("../../../addons/storage-provisioner/manifests.yaml"),
    },
    Addon {
        name: "default-storageclass",
        manifests: include_str!("../../../addons/default-storageclass/manifests.yaml"),
    },
];

/// What differs between clusters, by the name that manifests use.
pub type Values = BTreeMap<&'static str, String>;

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not YAML, or not an object.
    #[error("manifests of addon {addon}: {message}")]
    Malformed {
        /// The addon.
        addon: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A `${name}` that nobody gave a value.
    #[error("manifests of addon {addon} want a value for ${{{name}}}")]
    Missing {
        /// The addon.
        addon: &'static str,
        /// The name.
        name: String,
    },
}

impl Addon {
    /// The addon's objects for a cluster.
    pub fn objects(&self, values: &Values) -> Result<Vec<Value>, ManifestError> {
        let malformed = |message: String| ManifestError::Malformed {
            addon: self.name,
            message,
        };
        let mut objects = Vec::new();
        for document in serde_yaml::Deserializer::from_str(self.manifests) {
            let mut object = Value::deserialize(document).map_err(|error| malformed(error.to_string()))?;
            self.fill(&mut object, values)?;
            if !object.is_object() {
                return Err(malformed("a document is not an object".to_owned()));
            }
            objects.push(object);
        }
        Ok(objects)
    }

    fn fill(&self, value: &mut Value, values: &Values) -> Result<(), ManifestError> {
        match value {
            Value::String(text) => {
                while let Some((before, rest)) = text.split_once("${") {
                    let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
                    let given = values.get(name).ok_or_else(|| ManifestError::Missing {
                        addon: self.name,
                        name: name.to_owned(),
                    })?;
                    *text = format!("{before}{given}{after}");
                }
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.fill(item, values)),
            Value::Object(fields) => fields.values_mut().try_for_each(|field| self.fill(field, values)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values::from([
            ("image", "rkube.local/rkube:1".to_owned()),
            ("dnsIP", "10.96.0.10".to_owned()),
            ("dnsDomain", "cluster.local".to_owned()),
        ])
    }

    #[test]
    fn every_required_addon_has_objects_without_open_places() {
        for addon in REQUIRED {
            let objects = addon.objects(&values()).unwrap();
            assert!(!objects.is_empty());
            for object in objects {
                assert!(
                    object["kind"].is_string() && object["metadata"]["name"].is_string(),
                    "{object}"
                );
                assert!(!object.to_string().contains("${"), "{object}");
            }
        }
    }

    #[test]
    fn a_missing_value_is_named() {
        let error = REQUIRED[0].objects(&Values::new()).unwrap_err();
        assert_eq!(error.to_string(), "manifests of addon dns want a value for ${dnsIP}");
    }
}
