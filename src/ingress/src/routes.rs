//! Which backend a request goes to: by host, then by path. Pure.
//!
//! <https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types>

use std::collections::BTreeMap;

/// How a path is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathType {
    /// The whole path.
    Exact,
    /// By elements: `/a` fits `/a` and `/a/b`, not `/ab`.
    Prefix,
}

/// A service's port, as the rule names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Port {
    Number(i32),
    Name(String),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Backend {
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) port: Port,
}

/// A backend, and how it is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) backend: Backend,
    /// Requests over HTTP are sent to HTTPS.
    pub(crate) https_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    path: String,
    kind: PathType,
    target: Target,
}

impl Route {
    fn fits(&self, path: &str) -> bool {
        match self.kind {
            PathType::Exact => path == self.path,
            PathType::Prefix => {
                let prefix = self.path.trim_end_matches('/');
                path.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

/// All rules; hosts in lower case, `*.example.com` for wildcards, empty for every host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Routes {
    hosts: BTreeMap<String, Vec<Route>>,
    /// What a host's requests get that fit none of its paths.
    fallbacks: BTreeMap<String, Target>,
    default: Option<Target>,
}

impl Routes {
    /// Adds a rule. Of two that are alike, the first one stays: it is the older object's.
    pub(crate) fn add(&mut self, host: &str, path: &str, kind: PathType, target: Target) {
        let routes = self.hosts.entry(host.to_lowercase()).or_default();
        let path = if path.is_empty() { "/" } else { path };
        if routes.iter().any(|route| route.path == path && route.kind == kind) {
            return;
        }
        routes.push(Route {
            path: path.to_owned(),
            kind,
            target,
        });
        // the longest path wins, and of the same path the exact one
        routes.sort_by(|one, two| (two.path.len(), one.kind).cmp(&(one.path.len(), two.kind)));
    }

    /// Sets what a host's requests get that fit none of its paths; the first one stays.
    pub(crate) fn add_fallback(&mut self, host: &str, target: Target) {
        self.fallbacks.entry(host.to_lowercase()).or_insert(target);
    }

    /// Sets what requests get that no rule is for; the first one stays.
    pub(crate) fn add_default(&mut self, target: Target) {
        self.default.get_or_insert(target);
    }

    /// The backend for a request.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&Target> {
        let host = host.to_lowercase();
        let wildcard = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        // a host's own rules stand before a wildcard's, those before rules for every host
        let names = [Some(host), wildcard, Some(String::new())];
        let found = names.into_iter().flatten().find_map(|name| {
            let mut routes = self.hosts.get(&name).into_iter().flatten();
            let route = routes.find(|route| route.fits(path)).map(|route| &route.target);
            route.or_else(|| self.fallbacks.get(&name))
        });
        found.or(self.default.as_ref())
    }

    /// All backends, for looking after their endpoints.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.hosts.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(service: &str) -> Target {
        let backend = Backend {
            namespace: "n".to_owned(),
            service: service.to_owned(),
            port: Port::Number(80),
        };
        Target {
            backend,
            https_only: false,
        }
    }

    fn routes(rules: &[(&str, &str, PathType, &str)]) -> Routes {
        let mut routes = Routes::default();
        for (host, path, kind, service) in rules {
            routes.add(host, path, *kind, target(service));
        }
        routes
    }

    fn find<'a>(routes: &'a Routes, host: &str, path: &str) -> Option<&'a str> {
        routes.find(host, path).map(|target| target.backend.service.as_str())
    }

    /// The table of the documentation.
    #[test]
    fn path_types_fit_as_documented() {
        use PathType::{Exact, Prefix};
        for (kind, rule, path, fits) in [
            (Prefix, "/", "/any", true),
            (Exact, "/foo", "/foo", true),
            (Exact, "/foo", "/bar", false),
            (Exact, "/foo", "/foo/", false),
            (Exact, "/foo/", "/foo", false),
            (Prefix, "/foo", "/foo", true),
            (Prefix, "/foo", "/foo/", true),
            (Prefix, "/foo/", "/foo", true),
            (Prefix, "/foo/", "/foo/", true),
            (Prefix, "/aaa/bb", "/aaa/bbb", false),
            (Prefix, "/aaa/bbb", "/aaa/bbb", true),
            (Prefix, "/aaa/bbb/", "/aaa/bbb", true),
            (Prefix, "/aaa/bbb", "/aaa/bbb/ccc", true),
            (Prefix, "/aaa/bbb", "/aaa/bbbxyz", false),
        ] {
            let routes = routes(&[("", rule, kind, "s")]);
            assert_eq!(find(&routes, "x", path).is_some(), fits, "{kind:?} {rule} {path}");
        }
    }

    #[test]
    fn the_longest_path_wins_and_exact_before_prefix() {
        use PathType::{Exact, Prefix};
        let routes = routes(&[
            ("", "/", Prefix, "root"),
            ("", "/a", Prefix, "prefix"),
            ("", "/a", Exact, "exact"),
            ("", "/a/b", Prefix, "deep"),
            ("", "/a/b", Prefix, "younger"),
        ]);
        for (path, service) in [
            ("/", "root"),
            ("/a", "exact"),
            ("/a/", "prefix"),
            ("/a/b/c", "deep"),
            ("/z", "root"),
        ] {
            assert_eq!(find(&routes, "x", path), Some(service), "{path}");
        }
        assert_eq!(routes.len(), 4);
    }

    #[test]
    fn a_hosts_own_rules_stand_before_wildcards_and_those_before_all() {
        let prefix = PathType::Prefix;
        let mut routes = routes(&[
            ("www.example.com", "/", prefix, "own"),
            ("*.Example.com", "/", prefix, "wild"),
            ("", "/only", prefix, "any"),
        ]);
        for (host, path, service) in [
            ("WWW.example.com", "/", Some("own")),
            ("a.example.com", "/", Some("wild")),
            ("a.b.example.com", "/", None),
            ("example.com", "/", None),
            ("else", "/only/x", Some("any")),
        ] {
            assert_eq!(find(&routes, host, path), service, "{host}{path}");
        }
        routes.add_default(target("default"));
        routes.add_default(target("second"));
        assert_eq!(find(&routes, "example.com", "/"), Some("default"));
        routes.add_fallback("Shop.example.com", target("shop"));
        routes.add_fallback("shop.example.com", target("later"));
        assert_eq!(find(&routes, "shop.example.com", "/"), Some("shop"));
        routes.add("shop.example.com", "/basket", PathType::Prefix, target("basket"));
        assert_eq!(find(&routes, "shop.example.com", "/basket/1"), Some("basket"));
        assert_eq!(find(&routes, "shop.example.com", "/else"), Some("shop"));
    }
}
