//! What a node is given: a document and the built-in table in one, with certificates inside instead of paths.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::builtin;
use crate::document::{Document, HostConfig, Upstream};
use crate::error::DocumentError;
use crate::source::{Endpoint, Source, host_of};

/// Registries that no rule names.
const OTHERS: &str = "*";
/// Keeps a repository's last part only.
const FLATTEN: &str = "^.*/";

/// Sources of every registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    rules: BTreeMap<String, Rule>,
    /// Mirrors of all registries.
    everywhere: Vec<Endpoint>,
    upstream: Upstream,
    insecure: Vec<String>,
    hosts: BTreeMap<String, HostConfig>,
    /// Registries that are served under another name.
    addresses: BTreeMap<String, String>,
    /// Certificates, as PEM, of authorities that are trusted for every host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    authorities: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    endpoints: Vec<Endpoint>,
    upstream: Option<Upstream>,
}

impl Default for Table {
    /// Every registry itself, and nothing else.
    fn default() -> Self {
        let address = |registry: String| builtin::address(&registry).map(|address| (registry, address));
        Self {
            rules: BTreeMap::new(),
            everywhere: Vec::new(),
            upstream: Upstream::Last,
            insecure: Vec::new(),
            hosts: BTreeMap::new(),
            addresses: builtin::registries().into_iter().filter_map(address).collect(),
            authorities: String::new(),
        }
    }
}

impl Table {
    /// Checks a document and takes in what it refers to.
    pub fn new(document: &Document) -> Result<Self, DocumentError> {
        let mut table = Self {
            insecure: document.insecure.clone(),
            ..Self::default()
        };
        for (registry, mirror) in &document.mirrors {
            let rewrite: Vec<_> = mirror.rewrite.clone().into_iter().collect();
            check_rules(&rewrite)?;
            let mut rule = Rule {
                upstream: mirror.upstream,
                ..Rule::default()
            };
            for text in &mirror.endpoint {
                rule.endpoints.push(Endpoint {
                    rewrite: rewrite.clone(),
                    ..Endpoint::parse(text)?
                });
            }
            table.rules.insert(registry.clone(), rule);
        }
        for text in &document.binaries {
            // nodes need them not, but what makes no sense is refused here
            Endpoint::parse(text)?;
        }
        for text in &document.image_repository {
            let endpoint = Endpoint::parse(text)?;
            let flat = Endpoint {
                rewrite: flatten(),
                ..endpoint.clone()
            };
            table.everywhere.extend([endpoint, flat]);
        }
        if let Some(country) = &document.country {
            table.add_country(country)?;
        }
        if let Some(upstream) = document.upstream {
            table.upstream = upstream;
        }
        for (host, config) in &document.configs {
            table.hosts.insert(host.clone(), embed(config)?);
        }
        Ok(table)
    }

    /// The same table, with authorities that are trusted for every host: those of a network that looks into TLS.
    #[must_use]
    pub fn trusting(self, authorities: String) -> Self {
        Self { authorities, ..self }
    }

    fn add_country(&mut self, country: &str) -> Result<(), DocumentError> {
        let mirrors = builtin::mirrors(country).ok_or_else(|| DocumentError::Country {
            country: country.to_owned(),
            known: builtin::countries(),
        })?;
        if country == builtin::AUTO {
            self.upstream = Upstream::First;
        }
        let others = self.rules.get(OTHERS).cloned().unwrap_or_default();
        for (registry, mirrors) in mirrors {
            let rule = self.rules.entry(registry).or_insert_with(|| others.clone());
            for mirror in mirrors {
                rule.endpoints.push(Endpoint {
                    rewrite: if mirror.flatten { flatten() } else { Vec::new() },
                    ..Endpoint::parse(&mirror.endpoint)?
                });
            }
        }
        Ok(())
    }

    /// Where a repository of a registry may come from, in the order to be asked.
    pub fn sources(&self, registry: &str, repository: &str) -> Vec<Source> {
        let rule = self.rules.get(registry).or_else(|| self.rules.get(OTHERS));
        let endpoints = rule
            .into_iter()
            .flat_map(|rule| &rule.endpoints)
            .chain(&self.everywhere);
        let mut mirrors: Vec<Source> = Vec::new();
        for endpoint in endpoints {
            let source = Source {
                origin: endpoint.origin.clone(),
                repository: endpoint.place(repository),
                host: self.host(endpoint.host(), None),
                own: false,
            };
            mirrors.push(source);
        }
        let own = self.own(registry, repository);
        let upstream = rule.and_then(|rule| rule.upstream).unwrap_or(self.upstream);
        let all = match upstream {
            Upstream::First => own.into_iter().chain(mirrors).collect(),
            Upstream::Last => mirrors.into_iter().chain(own).collect(),
            Upstream::Never => mirrors,
        };
        let mut distinct: Vec<Source> = Vec::new();
        for source in all {
            let same = |one: &Source| (&one.origin, &one.repository) == (&source.origin, &source.repository);
            if !distinct.iter().any(same) {
                distinct.push(source);
            }
        }
        distinct
    }

    /// Registries that something is said of, the built-in ones included.
    pub fn registries(&self) -> Vec<String> {
        let mut all: Vec<String> = self.addresses.keys().chain(self.rules.keys()).cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    /// The registry itself: by HTTP too if it is not checked or on loopback, as all container tools have it.
    fn own(&self, registry: &str, repository: &str) -> Vec<Source> {
        let source = |origin: String| {
            let host = self.host(host_of(&origin), Some(registry));
            Source {
                origin,
                repository: repository.to_owned(),
                host,
                own: true,
            }
        };
        if let Some(address) = self.addresses.get(registry) {
            let exists = !address.is_empty();
            return exists.then(|| source(address.clone())).into_iter().collect();
        }
        let (tls, plain) = (format!("https://{registry}"), format!("http://{registry}"));
        if is_loopback(registry) {
            vec![source(plain), source(tls)]
        } else if self.is_insecure(registry) {
            vec![source(tls), source(plain)]
        } else {
            vec![source(tls)]
        }
    }

    fn host(&self, host: &str, registry: Option<&str>) -> HostConfig {
        let found = self
            .hosts
            .get(host)
            .or_else(|| registry.and_then(|registry| self.hosts.get(registry)));
        let mut config = found.cloned().unwrap_or_default();
        config.tls.insecure_skip_verify |= self.is_insecure(host);
        if !self.authorities.is_empty() {
            config.tls.ca_file = format!("{}\n{}", config.tls.ca_file, self.authorities);
        }
        config
    }

    /// Hosts are named with their port or without; networks hold addresses.
    fn is_insecure(&self, host: &str) -> bool {
        let name = without_port(host);
        self.insecure.iter().any(|entry| {
            let network = entry.parse::<ipnet::IpNet>().ok();
            let address = name.trim_matches(['[', ']']).parse::<IpAddr>().ok();
            entry == host
                || entry == name
                || matches!((network, address), (Some(network), Some(address)) if network.contains(&address))
        })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn flatten() -> Vec<(String, String)> {
    vec![(FLATTEN.to_owned(), String::new())]
}

fn check_rules(rules: &[(String, String)]) -> Result<(), DocumentError> {
    for (rule, _) in rules {
        regex::Regex::new(rule).map_err(|error| DocumentError::Rewrite {
            rule: rule.clone(),
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

/// A host's settings with the content of its files.
fn embed(config: &HostConfig) -> Result<HostConfig, DocumentError> {
    let mut config = config.clone();
    let tls = &mut config.tls;
    for (path, label) in [
        (&mut tls.ca_file, "CERTIFICATE-----"),
        (&mut tls.cert_file, "CERTIFICATE-----"),
        (&mut tls.key_file, "PRIVATE KEY-----"),
    ] {
        if path.is_empty() {
            continue;
        }
        *path = read_pem(path, label)?;
    }
    Ok(config)
}

/// A file that must hold something of this label.
fn read_pem(path: &str, label: &str) -> Result<String, DocumentError> {
    let text = fs_err::read_to_string(path)?;
    if !text.contains(label) {
        return Err(DocumentError::Certificate {
            file: path.to_owned(),
            reason: format!("it holds no -----BEGIN … {label}"),
        });
    }
    Ok(text)
}

/// Certificates of a folder's files that end in `.pem` or `.crt`; none if there is no such folder.
pub fn authorities(folder: &Path) -> Result<String, DocumentError> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_certificate = |end: &OsStr| end == "pem" || end == "crt";
        if path.extension().is_some_and(is_certificate) {
            files.push(path);
        }
    }
    files.sort();
    let texts = files
        .iter()
        .map(|file| read_pem(&file.to_string_lossy(), "CERTIFICATE-----"));
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

#[cfg(test)]
mod tests;
