//! Manifests filled in for a cluster.
//!
//! `${name}` stands for a value of the cluster, `${settings.name}` for a setting, `${images.Name}` for an image. Where it is
//! all of a text, a number stays a number. An object whose name comes to nothing is left out.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::catalogue::{Addon, malformed};
use crate::choice::Choice;
use crate::error::AddonError;

/// Says of an object which addon it is part of.
pub(crate) const LABEL: &str = "rkube.io/part-of-addon";

/// What differs between clusters, by the name that manifests use.
pub type Values = BTreeMap<String, String>;

/// The values that all manifests may use. `image` is rkube's own image in the nodes.
pub fn cluster_values(image: &str, dns_ip: &str, dns_domain: &str) -> Values {
    let values = [("image", image), ("dnsIP", dns_ip), ("dnsDomain", dns_domain)];
    values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

impl Addon {
    /// What to know of the addon in this cluster, in English and Chinese.
    pub fn note(&self, cluster: &Values, choice: &Choice) -> Result<Option<[String; 2]>, AddonError> {
        let Some(note) = &self.info.note else {
            return Ok(None);
        };
        let values = self.values(cluster, choice);
        let filled = |text: &str| -> Result<String, AddonError> {
            let mut value = Value::from(text);
            self.fill(&mut value, &values)?;
            Ok(value.as_str().unwrap_or_default().to_owned())
        };
        Ok(Some([filled(&note.en)?, filled(&note.zh)?]))
    }

    fn fill(&self, value: &mut Value, values: &BTreeMap<String, Value>) -> Result<(), AddonError> {
        fill(value, values).map_err(|missing| {
            let reason = format!("it wants a value for ${{{missing}}}, which this cluster does not have");
            malformed(&self.info.name, reason)
        })
    }

    fn values(&self, cluster: &Values, choice: &Choice) -> BTreeMap<String, Value> {
        let mut values: BTreeMap<String, Value> = BTreeMap::new();
        let texts = cluster.iter().map(|(name, value)| (name.clone(), value.clone()));
        let images = self.images(choice).into_iter();
        let images = images.map(|(name, image)| (format!("images.{name}"), image));
        values.extend(texts.chain(images).map(|(name, value)| (name, value.into())));
        for (name, setting) in &self.info.settings {
            let value = choice.settings.get(name).unwrap_or(&setting.default);
            values.insert(format!("settings.{name}"), value.clone());
        }
        values
    }

    /// The addon's objects for a cluster.
    pub fn objects(&self, cluster: &Values, choice: &Choice) -> Result<Vec<Value>, AddonError> {
        let values = self.values(cluster, choice);
        let name = &self.info.name;
        let documents = yaml::documents::<Value>(&self.manifests);
        let mut objects = documents.map_err(|error| malformed(name, error.to_string()))?;
        for object in &mut objects {
            self.fill(object, &values)?;
            // the API takes nothing else there, whatever a setting's type
            let annotations = object
                .pointer_mut("/metadata/annotations")
                .and_then(Value::as_object_mut);
            for value in annotations.into_iter().flat_map(serde_json::Map::values_mut) {
                if !value.is_string() {
                    *value = Value::from(value.to_string());
                }
            }
            if !["apiVersion", "kind"].iter().all(|field| object[*field].is_string())
                || !object["metadata"]["name"].is_string()
            {
                let reason = "a document has no apiVersion, kind or metadata.name".to_owned();
                return Err(malformed(name, reason));
            }
            // an object without any field of its own has no field manager to know it by
            object["metadata"]["labels"][LABEL] = name.as_str().into();
        }
        objects.retain(|object| object["metadata"]["name"] != "");
        Ok(objects)
    }
}

/// Changes if any of the objects does.
pub(crate) fn digest(objects: &[Value]) -> String {
    let mut hash = Sha256::new();
    for object in objects {
        hash.update(object.to_string());
    }
    hex::encode(&hash.finalize()[..16])
}

/// Fills in; the error is the name that has no value.
fn fill(value: &mut Value, values: &BTreeMap<String, Value>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            let (mut filled, mut rest) = (String::new(), text.as_str());
            while let Some((before, open)) = rest.split_once("${") {
                let (name, after) = open.split_once('}').unwrap_or((open, ""));
                let given = values.get(name).ok_or_else(|| name.to_owned())?;
                if filled.is_empty() && before.is_empty() && after.is_empty() {
                    *value = given.clone();
                    return Ok(());
                }
                filled.push_str(before);
                filled.push_str(&given.as_str().map_or_else(|| given.to_string(), str::to_owned));
                rest = after;
            }
            filled.push_str(rest);
            *value = Value::String(filled);
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, values)),
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill(field, values)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalogue;

    fn cluster() -> Values {
        let mut values = cluster_values("rkube.local/rkube:1", "10.96.0.10", "cluster.local");
        for (name, port) in [
            ("registryPort", "5000"),
            ("httpPort", "80"),
            ("httpsPort", "443"),
            ("nodeIP", "192.168.49.2"),
        ] {
            values.insert(name.to_owned(), port.to_owned());
        }
        values
    }

    #[test]
    fn every_built_in_addon_has_objects_without_open_places() {
        for addon in Catalogue::built_in().unwrap().iter() {
            let objects = addon.objects(&cluster(), &Choice::default()).unwrap();
            assert!(!objects.is_empty());
            for object in objects {
                assert!(!object.to_string().contains("${"), "{object}");
            }
            for text in addon
                .note(&cluster(), &Choice::default())
                .unwrap()
                .into_iter()
                .flatten()
            {
                assert!(!text.contains("${"), "{text}");
            }
        }
    }

    #[test]
    fn settings_name_an_object_or_leave_it_out_and_annotations_are_texts() {
        let all = Catalogue::built_in().unwrap();
        let ingress = all.find("ingress").unwrap();
        let classes = |settings: &[(&str, &str)]| {
            let mut choice = Choice::default();
            for (key, value) in settings {
                ingress.set(&mut choice, key, value).unwrap();
            }
            let mut objects = ingress.objects(&cluster(), &choice).unwrap();
            objects.retain(|object| object["kind"] == "IngressClass");
            objects
        };
        let default = "ingressclass.kubernetes.io/is-default-class";
        let named = |classes: &[Value]| -> Vec<Value> {
            classes.iter().map(|class| class["metadata"]["name"].clone()).collect()
        };
        let usual = classes(&[]);
        assert_eq!(named(&usual), ["rkube", "nginx"]);
        assert_eq!(usual[0]["metadata"]["annotations"][default], "true");
        let other = classes(&[("className", ""), ("isDefaultClass", "false")]);
        assert_eq!(named(&other), ["rkube"]);
        assert_eq!(other[0]["metadata"]["annotations"][default], "false");
    }

    #[test]
    fn a_missing_value_is_named() {
        let all = Catalogue::built_in().unwrap();
        let dns = all.find("dns").unwrap();
        let error = dns.objects(&Values::new(), &Choice::default()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("addon dns: it wants a value for ${dnsIP}"),
            "{error}"
        );
    }

    #[test]
    fn a_number_stays_a_number_where_it_is_all_of_the_text() {
        let values = [("n".to_owned(), json!(3)), ("s".to_owned(), json!("x"))].into();
        let mut object = json!({"replicas": "${n}", "text": "${s}-${n}", "list": ["${s}"]});
        fill(&mut object, &values).unwrap();
        assert_eq!(object, json!({"replicas": 3, "text": "x-3", "list": ["x"]}));
    }
}
