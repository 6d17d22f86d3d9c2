//! The table that ships in the binary (`images/mirrors.yaml`): public registries, and their mirrors by country.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Asks the registries first, then every country's mirrors.
pub(crate) const AUTO: &str = "auto";

/// A mirror of one registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicMirror {
    pub(crate) endpoint: String,
    #[serde(default)]
    pub(crate) flatten: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    registries: BTreeMap<String, String>,
    countries: BTreeMap<String, BTreeMap<String, Vec<PublicMirror>>>,
}

fn file() -> File {
    // the tests read it: it parses
    yaml::from_str(include_str!("../../../images/mirrors.yaml")).unwrap_or_default()
}

/// Where a registry really is: `docker.io` is served under another name, and one without an address is nowhere.
pub(crate) fn address(registry: &str) -> Option<String> {
    file().registries.remove(registry)
}

/// The registry that is served at an address: `https://registry-1.docker.io` is `docker.io`. One that is not in the table is
/// named by its host.
pub fn registry_at(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let known = file().registries.into_iter().find(|(_, known)| known == address);
    known.map_or_else(|| crate::source::host_of(address).to_owned(), |(name, _)| name)
}

/// Registries of the table.
pub(crate) fn registries() -> Vec<String> {
    file().registries.into_keys().collect()
}

/// Countries that mirrors are known for.
pub fn countries() -> Vec<String> {
    file().countries.into_keys().collect()
}

/// Mirrors of a country by registry; all countries' for `auto`. `None` for a country that is not in the table.
pub(crate) fn mirrors(country: &str) -> Option<BTreeMap<String, Vec<PublicMirror>>> {
    let mut file = file();
    if country != AUTO {
        return file.countries.remove(country);
    }
    let mut all = BTreeMap::<String, Vec<PublicMirror>>::new();
    for (registry, mirrors) in file.countries.into_values().flatten() {
        all.entry(registry).or_default().extend(mirrors);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_a_mirror_for_every_registry() {
        assert_eq!(address("docker.io").as_deref(), Some("https://registry-1.docker.io"));
        assert_eq!(registry_at("https://registry-1.docker.io/"), "docker.io");
        assert_eq!(registry_at("http://mirror.example:5000"), "mirror.example:5000");
        assert_eq!(countries(), ["cn"]);
        for country in countries() {
            let mirrors = mirrors(&country).unwrap();
            // one without an address has no public mirrors either
            let public = registries()
                .into_iter()
                .filter(|name| address(name) != Some(String::new()));
            for registry in public {
                assert!(!mirrors[&registry].is_empty(), "{country} {registry}");
            }
        }
        assert!(mirrors("xx").is_none());
        assert_eq!(mirrors(AUTO).unwrap().len(), registries().len() - 1);
    }
}
