//! What users write: k3s's `registries.yaml`, and a few keys of our own beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::DocumentError;

/// When the registry itself is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upstream {
    /// Before its mirrors.
    First,
    /// After its mirrors; the default.
    Last,
    /// Not at all.
    Never,
}

/// `mirrors.yaml` or `registries.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// Mirrors of this country are asked too: `cn`; `auto` asks the registries first and then every country's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Repositories that hold copies of everything: `mirror.example/ns` is asked for `ns/<path>` and `ns/<last part>`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_repository: Vec<String>,
    /// When registries themselves are asked, unless `mirrors` says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// Repositories, without a tag, that hold node images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_images: Vec<String>,
    /// Places that have what Kubernetes publishes, laid out as its own: asked for `<version>/bin/linux/<architecture>/kubectl`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binaries: Vec<String>,
    /// Hosts or networks whose certificates are not checked and that may speak plain HTTP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub insecure: Vec<String>,
    /// Registry (`docker.io`, `registry.k8s.io`, …; `*` for those not named) and its mirrors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mirrors: BTreeMap<String, Mirror>,
    /// Host, with its port if there is one, and how to talk to it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub configs: BTreeMap<String, HostConfig>,
}

/// Mirrors of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mirror {
    /// Addresses in order: `https://mirror.example`, or with a path that goes before the repository's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoint: Vec<String>,
    /// Regular expression over the repository, and what takes the place of what it finds (`$1` for its groups).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rewrite: BTreeMap<String, String>,
    /// When the registry itself is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
}

/// How to talk to a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// Who we are there.
    #[serde(skip_serializing_if = "is_default")]
    pub auth: Auth,
    /// Whom we trust there.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: Tls,
}

/// Credentials.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
    /// Name and password as Docker's configuration has them: base64 of `name:password`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth: String,
    /// OAuth refresh token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity_token: String,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // never a password in a log
        f.debug_struct("Auth")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// TLS of a host. The names are k3s's; in a [`crate::Table`] the three hold PEM text instead of paths.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Authorities, beside the machine's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca_file: String,
    /// Client certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_file: String,
    /// Its key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_file: String,
    /// Accepts any certificate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_skip_verify: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Document {
    /// Reads a document; `file` names it in the error.
    pub fn parse(file: &str, text: &str) -> Result<Self, DocumentError> {
        // an empty document is none: it says nothing
        let read: Result<Option<Self>, _> = yaml::from_str(text);
        read.map(Option::unwrap_or_default)
            .map_err(|error| DocumentError::Malformed {
                file: file.to_owned(),
                reason: error.to_string(),
            })
    }

    /// The document as text.
    pub fn text(&self) -> Result<String, DocumentError> {
        yaml::to_string(self).map_err(|error| DocumentError::Malformed {
            file: "mirrors.yaml".to_owned(),
            reason: error.to_string(),
        })
    }

    /// This document, completed by `below`: what both say of one thing, this one says first or alone.
    pub fn over(mut self, below: &Self) -> Self {
        self.country = self.country.or_else(|| below.country.clone());
        self.upstream = self.upstream.or(below.upstream);
        extend(&mut self.image_repository, &below.image_repository);
        extend(&mut self.node_images, &below.node_images);
        extend(&mut self.binaries, &below.binaries);
        extend(&mut self.insecure, &below.insecure);
        for (registry, theirs) in &below.mirrors {
            let ours = self.mirrors.entry(registry.clone()).or_default();
            ours.upstream = ours.upstream.or(theirs.upstream);
            extend(&mut ours.endpoint, &theirs.endpoint);
            for (rule, by) in &theirs.rewrite {
                ours.rewrite.entry(rule.clone()).or_insert_with(|| by.clone());
            }
        }
        for (host, theirs) in &below.configs {
            let ours = self.configs.entry(host.clone()).or_default();
            if is_default(&ours.auth) {
                ours.auth = theirs.auth.clone();
            }
            if is_default(&ours.tls) {
                ours.tls = theirs.tls.clone();
            }
        }
        self
    }

    /// Makes relative paths in it relative to `folder`, where the document lies.
    pub fn relative_to(mut self, folder: &std::path::Path) -> Self {
        for host in self.configs.values_mut() {
            for path in [&mut host.tls.ca_file, &mut host.tls.cert_file, &mut host.tls.key_file] {
                if !path.is_empty() {
                    *path = folder.join(&*path).to_string_lossy().into_owned();
                }
            }
        }
        self
    }
}

fn extend(ours: &mut Vec<String>, theirs: &[String]) {
    for one in theirs {
        if !ours.contains(one) {
            ours.push(one.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K3S: &str = r#"
mirrors:
  docker.io:
    endpoint: ["https://mirror.example:5000"]
    rewrite: {"^library/(.*)": "hub/$1"}
  "*":
    endpoint: ["https://all.example"]
configs:
  "mirror.example:5000":
    auth: {username: me, password: secret}
    tls: {ca_file: ca.pem, insecure_skip_verify: true}
"#;

    #[test]
    fn a_registries_file_of_k3s_is_read_and_written() {
        let document = Document::parse("registries.yaml", K3S).unwrap();
        assert_eq!(document.mirrors["docker.io"].endpoint, ["https://mirror.example:5000"]);
        let again = Document::parse("again", &document.text().unwrap()).unwrap();
        assert_eq!(again, document);
        let placed = document.relative_to("/etc/x".as_ref());
        assert_eq!(placed.configs["mirror.example:5000"].tls.ca_file, "/etc/x/ca.pem");
        assert!(!format!("{placed:?}").contains("secret"));
    }

    #[test]
    fn places_of_binaries_are_put_together_and_must_be_addresses() {
        let upper = Document::parse("a", "binaries: [http://a/k8s]").unwrap();
        let lower = Document::parse("b", "binaries: [http://b, http://a/k8s]").unwrap();
        assert_eq!(upper.over(&lower).binaries, ["http://a/k8s", "http://b"]);
        let wrong = Document::parse("c", "binaries: ['ftp://c']").unwrap();
        let error = crate::Table::new(&wrong).unwrap_err().to_string();
        assert!(error.contains("ftp://c") && error.contains("http or https"), "{error}");
    }

    #[test]
    fn an_unknown_key_names_file_and_place() {
        let error = Document::parse("m.yaml", "mirror:\n  docker.io: {}\n")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("m.yaml: ") && error.contains("mirror"), "{error}");
        assert_eq!(Document::parse("m.yaml", "").unwrap(), Document::default());
    }

    #[test]
    fn the_upper_document_comes_first() {
        let upper = Document::parse("a", "mirrors: {docker.io: {endpoint: [http://a]}}").unwrap();
        let lower = Document::parse(
            "b",
            "upstream: first\nmirrors: {docker.io: {endpoint: [http://b, http://a]}}",
        )
        .unwrap();
        let both = upper.over(&lower);
        assert_eq!(both.mirrors["docker.io"].endpoint, ["http://a", "http://b"]);
        assert_eq!(both.upstream, Some(Upstream::First));
    }
}
