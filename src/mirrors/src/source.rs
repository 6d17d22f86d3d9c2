//! One place an image may come from.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::document::HostConfig;
use crate::error::DocumentError;

/// A repository at a registry or mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `https://host[:port]`.
    pub origin: String,
    /// The repository as it is called there.
    pub repository: String,
    /// How to talk to it; certificates are PEM text.
    pub host: HostConfig,
    /// The registry itself, not a mirror: credentials for the registry are meant for it.
    pub own: bool,
}

impl Source {
    /// Address of something in the repository: `manifests/1`, `blobs/sha256:…`.
    pub(crate) fn url(&self, what: &str) -> String {
        format!("{}/v2/{}/{what}", self.origin, self.repository)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.origin, self.repository)
    }
}

/// A mirror as a table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    /// `scheme://host[:port]`.
    pub(crate) origin: String,
    /// Goes before the repository; empty, or with a slash at its end.
    pub(crate) prefix: String,
    /// Regular expressions and what takes the place of what they find.
    #[serde(default)]
    pub(crate) rewrite: Vec<(String, String)>,
}

impl Endpoint {
    /// Reads `scheme://host[:port][/v2][/path]`; without a scheme it is https.
    pub(crate) fn parse(text: &str) -> Result<Self, DocumentError> {
        let refuse = |reason: &str| DocumentError::Endpoint {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&full).map_err(|error| refuse(&error.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(refuse("the scheme must be http or https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("credentials belong into configs, not into the address"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it may have a path, but nothing behind it"));
        }
        let path = url.path().trim_matches('/');
        // people write the API's own prefix, as containerd's and k3s's files have it
        let path = path
            .strip_prefix("v2")
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .unwrap_or(path);
        let path = path.trim_matches('/');
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            prefix: if path.is_empty() {
                String::new()
            } else {
                format!("{path}/")
            },
            rewrite: Vec::new(),
        })
    }

    /// The repository's name here.
    pub(crate) fn place(&self, repository: &str) -> String {
        let mut name = repository.to_owned();
        for (rule, by) in &self.rewrite {
            // checked when the table was made
            if let Ok(rule) = regex::Regex::new(rule) {
                name = rule.replace_all(&name, by).into_owned();
            }
        }
        format!("{}{name}", self.prefix)
    }

    /// `host[:port]`, as `configs` names it.
    pub(crate) fn host(&self) -> &str {
        host_of(&self.origin)
    }
}

/// `host[:port]` of an address as people write it, as `configs` names it: in small letters, without the scheme's usual port.
pub fn host_at(address: &str) -> Result<String, DocumentError> {
    Ok(Endpoint::parse(address)?.host().to_owned())
}

/// `host[:port]` of an origin.
pub(crate) fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, host_at};

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, origin, prefix) in [
            ("mirror.example", "https://mirror.example", ""),
            ("http://mirror.example:5000/", "http://mirror.example:5000", ""),
            ("https://mirror.example/v2", "https://mirror.example", ""),
            ("https://mirror.example/v2/ns", "https://mirror.example", "ns/"),
            ("mirror.example/a/b/", "https://mirror.example", "a/b/"),
            ("mirror.example/v2x", "https://mirror.example", "v2x/"),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.origin.as_str(), endpoint.prefix.as_str()), (origin, prefix));
        }
        for text in ["ftp://x", "https://me:pw@x", "https://x/?a=b", "http://", "a b"] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_called_the_same_however_it_is_written() {
        for (text, host) in [
            ("https://Mirror.Example:443/ns", "mirror.example"),
            ("http://mirror.example:80", "mirror.example"),
            ("http://mirror.example:443", "mirror.example:443"),
            ("mirror.example:5000/a", "mirror.example:5000"),
        ] {
            assert_eq!(host_at(text).unwrap(), host);
            assert_eq!(host, Endpoint::parse(text).unwrap().host());
        }
    }

    #[test]
    fn rewriting_comes_before_the_prefix() {
        let mut endpoint = Endpoint::parse("mirror.example/ns").unwrap();
        endpoint.rewrite = vec![("^.*/".to_owned(), String::new())];
        assert_eq!(endpoint.place("sig-storage/csi/attacher"), "ns/attacher");
        endpoint.rewrite = vec![("^library/(.*)$".to_owned(), "hub/$1".to_owned())];
        assert_eq!(endpoint.place("library/nginx"), "ns/hub/nginx");
        assert_eq!(endpoint.place("me/nginx"), "ns/me/nginx");
    }
}
