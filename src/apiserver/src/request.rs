//! The URL grammar of the API: a path and query as attributes that authorization, admission and the registry share.

use http::{Method, Request};

/// What a request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// False for `/healthz`, discovery and the like.
    pub is_resource: bool,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the lower-case method for
    /// non-resource paths.
    pub verb: &'static str,
    /// API group; empty for the core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Empty if cluster-scoped or across all namespaces.
    pub namespace: String,
    /// Plural resource name.
    pub resource: String,
    /// Empty if none.
    pub subresource: String,
    /// Empty for collections.
    pub name: String,
    /// Segments behind the subresource (`proxy`).
    pub rest: String,
    /// The whole path.
    pub path: String,
    /// Query parameters in order.
    pub query: Vec<(String, String)>,
}

impl RequestInfo {
    /// Reads a request's path and query.
    pub fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().map(parse_query).unwrap_or_default();
        let path = request.uri().path().to_owned();
        let mut info = Self {
            query,
            verb: plain_verb(request.method()),
            path,
            ..Self::default()
        };
        info.read_resource(request.method());
        info
    }

    fn read_resource(&mut self, method: &Method) {
        let path = self.path.clone();
        let mut segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let prefix = match segments.first().map(String::as_str) {
            Some("api") => 2,
            Some("apis") => 3,
            _ => return,
        };
        if segments.len() <= prefix {
            return;
        }
        let mut rest = segments.split_off(prefix);
        if prefix == 3 {
            self.group = segments.swap_remove(1);
        }
        self.version = segments.pop().unwrap_or_default();
        let deprecated_watch = rest.first().is_some_and(|part| part == "watch");
        if deprecated_watch {
            rest.remove(0);
        }
        // `namespaces/x` alone is the namespace itself; `namespaces/x/status|finalize` its subresource
        if rest.first().is_some_and(|part| part == "namespaces") && rest.len() > 1 {
            self.namespace.clone_from(&rest[1]);
            if rest.len() > 2 && !matches!(rest[2].as_str(), "status" | "finalize") {
                rest.drain(..2);
            }
        }
        let mut rest = rest.into_iter();
        self.is_resource = true;
        self.resource = rest.next().unwrap_or_default();
        self.name = rest.next().unwrap_or_default();
        self.subresource = rest.next().unwrap_or_default();
        self.rest = rest.collect::<Vec<_>>().join("/");
        self.verb = self.resource_verb(method, deprecated_watch);
    }

    fn resource_verb(&self, method: &Method, deprecated_watch: bool) -> &'static str {
        let one = !self.name.is_empty();
        match *method {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if one => "delete",
            Method::DELETE => "deletecollection",
            Method::GET | Method::HEAD => {
                let watch = deprecated_watch || self.flag("watch");
                match (one, watch) {
                    (_, true) if self.subresource.is_empty() => "watch",
                    (true, _) => "get",
                    (false, _) => "list",
                }
            }
            _ => plain_verb(method),
        }
    }

    /// The query parameter's first value.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All of the query parameter's values.
    pub fn params<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// True for `name`, `name=true`, `name=1`.
    pub fn flag(&self, name: &str) -> bool {
        self.param(name)
            .is_some_and(|value| matches!(value, "" | "true" | "1" | "t" | "T" | "TRUE" | "True"))
    }

    /// The name that a field selector pins, which counts for authorization and exact-name watches.
    pub fn field_name(&self) -> Option<&str> {
        let selector = self.param("fieldSelector")?;
        let mut parts = selector
            .split(',')
            .filter_map(|part| part.strip_prefix("metadata.name="));
        let name = parts.next()?;
        Some(name.strip_prefix('=').unwrap_or(name)).filter(|name| !name.is_empty())
    }

    /// True for requests that stay open and do not count against the limits of short ones.
    pub fn is_long_running(&self) -> bool {
        self.verb == "watch"
            || matches!(self.subresource.as_str(), "exec" | "attach" | "portforward" | "proxy")
            || (self.subresource == "log" && self.flag("follow"))
    }

    /// `dryRun=All`.
    pub fn is_dry_run(&self) -> bool {
        self.params("dryRun").any(|value| value == "All")
    }
}

fn plain_verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::HEAD => "head",
        Method::OPTIONS => "options",
        _ => "get",
    }
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_plus(key), decode_plus(value))
        })
        .collect()
}

fn decode_plus(text: &str) -> String {
    decode(&text.replace('+', " "))
}

/// Percent-decodes; a broken escape stays as it is.
pub(crate) fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
