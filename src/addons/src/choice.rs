//! What a user chose for an addon: other images, other registries, settings. Kept by the host with the cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::Addon;
use crate::error::AddonError;

/// A user's choice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choice {
    /// Whether the cluster is to have the addon.
    pub enabled: bool,
    /// Images by their names in the catalogue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
    /// Registries by the images' names in the catalogue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registries: BTreeMap<String, String>,
    /// Settings that differ from their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
}

impl Addon {
    /// Where each of its images comes from, by name. A chosen image stands for itself, a chosen registry goes before it.
    pub fn images(&self, choice: &Choice) -> BTreeMap<String, String> {
        let image = |(name, known): (&String, &crate::Image)| {
            let (image, default) = match choice.images.get(name) {
                Some(other) => (other, ""),
                None => (&known.image, known.registry.as_str()),
            };
            let registry = choice.registries.get(name).map_or(default, String::as_str);
            let reference = match registry {
                "" => image.clone(),
                registry => format!("{}/{image}", registry.trim_end_matches('/')),
            };
            (name.clone(), reference)
        };
        self.info.images.iter().map(image).collect()
    }

    /// Takes `key=value` for a setting; an error says which settings there are.
    pub fn set(&self, choice: &mut Choice, key: &str, text: &str) -> Result<(), AddonError> {
        let wrong = |reason: String| AddonError::Setting {
            addon: self.info.name.clone(),
            key: key.to_owned(),
            reason,
        };
        let Some(setting) = self.info.settings.get(key) else {
            let known: Vec<&str> = self.info.settings.keys().map(String::as_str).collect();
            return Err(wrong(if known.is_empty() {
                "the addon has no settings".to_owned()
            } else {
                format!("there is no such setting; there are {}", known.join(", "))
            }));
        };
        let value = setting.kind.parse(text);
        let value = value.ok_or_else(|| wrong(format!("{text:?} is no {}", setting.kind.name())))?;
        if let Some(reason) = setting.refuses(&value) {
            return Err(wrong(reason));
        }
        if value == setting.default {
            choice.settings.remove(key);
        } else {
            choice.settings.insert(key.to_owned(), value);
        }
        Ok(())
    }

    /// Names of images that the addon does not have.
    pub fn unknown_images<'a>(&self, choice: &'a Choice) -> Vec<&'a str> {
        let named = choice.images.keys().chain(choice.registries.keys());
        let unknown = named.filter(|name| !self.info.images.contains_key(*name));
        unknown.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn addon() -> Addon {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("mine")).unwrap();
        let info = "name: mine\ntitle: {en: a, zh: b}\nsummary: {en: c, zh: d}\nversion: '1'\n\
            images: {Server: {registry: registry.example, image: 'x/server:1'}}\n\
            settings: {replicas: {type: integer, default: 1, minimum: 1, maximum: 9, description: {en: a, zh: b}}}\n";
        fs_err::write(folder.path().join("mine/addon.yaml"), info).unwrap();
        let all = Catalogue::built_in().unwrap().with_folder(folder.path()).unwrap();
        all.find("mine").unwrap().clone()
    }

    #[test]
    fn a_chosen_image_drops_the_default_registry_and_a_chosen_registry_goes_before_it() {
        let image = |image: Option<&str>, registry: Option<&str>| {
            let map = |value: Option<&str>| value.map(|value| ("Server".to_owned(), value.to_owned()));
            let choice = Choice {
                images: map(image).into_iter().collect(),
                registries: map(registry).into_iter().collect(),
                ..Choice::default()
            };
            addon().images(&choice).remove("Server").unwrap()
        };
        assert_eq!(image(None, None), "registry.example/x/server:1");
        assert_eq!(image(None, Some("mirror.example/")), "mirror.example/x/server:1");
        assert_eq!(image(Some("other:2"), None), "other:2");
        assert_eq!(
            image(Some("registry.example/echo:1"), Some("fake.domain")),
            "fake.domain/registry.example/echo:1"
        );
    }

    #[test]
    fn settings_are_checked_and_the_default_is_not_kept() {
        let (addon, mut choice) = (addon(), Choice::default());
        addon.set(&mut choice, "replicas", "3").unwrap();
        assert_eq!(choice.settings["replicas"], 3);
        let wrong = addon.set(&mut choice, "replicas", "many").unwrap_err().to_string();
        assert_eq!(wrong, "addon mine, setting replicas: \"many\" is no integer");
        for (text, reason) in [("0", "0 is less than 1"), ("10", "10 is more than 9")] {
            let wrong = addon.set(&mut choice, "replicas", text).unwrap_err().to_string();
            assert_eq!(wrong, format!("addon mine, setting replicas: {reason}"));
        }
        assert_eq!(choice.settings["replicas"], 3);
        let unknown = addon.set(&mut choice, "size", "3").unwrap_err().to_string();
        assert!(
            unknown.ends_with("there is no such setting; there are replicas"),
            "{unknown}"
        );
        addon.set(&mut choice, "replicas", "1").unwrap();
        assert!(choice.settings.is_empty());
    }
}
