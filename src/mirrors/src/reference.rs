//! Image references in all their parts.

use std::fmt;

/// The full form of a reference: `nginx` is `docker.io/library/nginx:latest`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Registry as users name it, with its port if there is one.
    pub registry: String,
    /// Path in the registry.
    pub repository: String,
    /// Tag, if one is named or neither tag nor digest are.
    pub tag: Option<String>,
    /// `sha256:…`; wins over the tag.
    pub digest: Option<String>,
}

impl Reference {
    /// Reads a reference as container runtimes do. `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| digits(digest).is_none()) {
            return None;
        }
        let (name, tag) = match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
            Some((name, tag)) => (name, Some(tag)),
            None => (name, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path.to_owned()),
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let registry = if registry == "index.docker.io" {
            "docker.io"
        } else {
            registry
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let tag_fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let plain = |part: &str| !part.is_empty() && part.starts_with(|c: char| c.is_ascii_alphanumeric());
        let host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        let good = registry.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && registry.chars().all(host)
            && path.chars().all(fits)
            && path.split('/').all(plain)
            && !path.chars().any(|c| c.is_ascii_uppercase())
            && tag.is_none_or(|tag| !tag.is_empty() && tag.chars().all(tag_fits));
        let tag = match (tag, digest) {
            (None, None) => Some("latest"),
            (tag, _) => tag,
        };
        good.then(|| Self {
            registry: registry.to_owned(),
            repository: path,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// What follows `/manifests/` in the registry's API: the digest, or else the tag.
    pub fn version(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The same repository at a digest or tag.
    pub fn at(&self, version: &str) -> Self {
        let digest = version.contains(':');
        Self {
            tag: (!digest).then(|| version.to_owned()),
            digest: digest.then(|| version.to_owned()),
            ..self.clone()
        }
    }
}

/// `sha256:<64 hex digits>` gives the digits; anything else is no digest that can be checked.
pub fn digits(digest: &str) -> Option<&str> {
    let digits = digest.strip_prefix("sha256:")?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 64 && digits.bytes().all(hex)).then_some(digits)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn short_names_are_completed_as_runtimes_do() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (short, full) in [
            ("nginx", "docker.io/library/nginx:latest".to_owned()),
            ("me/app:1", "docker.io/me/app:1".to_owned()),
            ("index.docker.io/me/app:1", "docker.io/me/app:1".to_owned()),
            ("localhost:5000/app", "localhost:5000/app:latest".to_owned()),
            ("quay.io/a/b/c:v1.2", "quay.io/a/b/c:v1.2".to_owned()),
            (&format!("nginx@{digest}"), format!("docker.io/library/nginx@{digest}")),
            (
                &format!("nginx:1@{digest}"),
                format!("docker.io/library/nginx:1@{digest}"),
            ),
        ] {
            assert_eq!(Reference::parse(short).unwrap().to_string(), full);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "UPPER",
            "a//b",
            "a:",
            "a/../b",
            "../a",
            "a.b?c/d",
            "a@sha256:12",
            "a b",
            "quay.io/",
            "-x",
        ] {
            assert_eq!(Reference::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_digest_wins_over_a_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let reference = Reference::parse(&format!("nginx:1@{digest}")).unwrap();
        assert_eq!(reference.version(), digest);
        assert_eq!(reference.at("2").to_string(), "docker.io/library/nginx:2");
    }
}
