//! From HTTP to HTTPS, as users of ingress-nginx are used to: hosts that an Ingress has TLS for are served over HTTPS alone,
//! unless the Ingress says otherwise. Pure.

use http::uri::{PathAndQuery, Uri};
use k8s_openapi::api::networking::v1::{Ingress, IngressTLS};

/// `"false"`: this Ingress's hosts are served over HTTP, too.
const WANTED: &str = "nginx.ingress.kubernetes.io/ssl-redirect";
/// `"true"`: redirects hosts without TLS here as well, for those whose TLS ends elsewhere.
const FORCED: &str = "nginx.ingress.kubernetes.io/force-ssl-redirect";
/// Who issues certificates asks here over HTTP, before there is one.
const EXEMPT: &str = "/.well-known/acme-challenge/";

/// Ports by which clients reach this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicPorts {
    /// For HTTP.
    pub http: u16,
    /// For HTTPS.
    pub https: u16,
}

/// Whether requests over HTTP for a host of an Ingress are sent to HTTPS.
pub(crate) fn is_wanted(ingress: &Ingress, host: &str) -> bool {
    let says = |name: &str, value: &str| {
        let annotations = ingress.metadata.annotations.as_ref();
        annotations
            .and_then(|all| all.get(name))
            .is_some_and(|said| said == value)
    };
    let tls = ingress.spec.as_ref().and_then(|spec| spec.tls.as_ref());
    says(FORCED, "true") || (!says(WANTED, "false") && tls.into_iter().flatten().any(|tls| covers(tls, host)))
}

fn covers(tls: &IngressTLS, host: &str) -> bool {
    let hosts = tls.hosts.as_deref().unwrap_or_default();
    let wildcard = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
    let fits = |name: &String| {
        name.eq_ignore_ascii_case(host) || wildcard.as_ref().is_some_and(|all| name.eq_ignore_ascii_case(all))
    };
    // without hosts it is for every name
    hosts.is_empty() || hosts.iter().any(fits)
}

/// Where a request for a host (with its port, if one was named) is sent; `None` if it is to be served as it is.
pub(crate) fn location(name: &str, host: &str, uri: &Uri, public: PublicPorts) -> Option<String> {
    if name.is_empty() || uri.path().starts_with(EXEMPT) {
        return None;
    }
    let port = host.strip_prefix(name)?.strip_prefix(':').unwrap_or("80");
    // who came by another port knows this server by another address, where ports are the usual ones
    let https = if port == public.http.to_string() {
        public.https
    } else {
        443
    };
    let port = if https == 443 {
        String::new()
    } else {
        format!(":{https}")
    };
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Some(format!("https://{name}{port}{path}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn ingress(annotations: &Value, tls: &Value) -> Ingress {
        from_value(json!({ "metadata": { "annotations": annotations }, "spec": { "tls": tls } })).unwrap()
    }

    #[test]
    fn hosts_with_tls_are_redirected_unless_the_ingress_says_otherwise() {
        let none = json!({});
        for (annotations, tls, host, expected) in [
            (&none, json!([]), "a.example", false),
            (&none, json!([{ "hosts": ["A.example"] }]), "a.example", true),
            (&none, json!([{ "hosts": ["b.example"] }]), "a.example", false),
            (&none, json!([{ "hosts": ["*.example"] }]), "a.example", true),
            (&none, json!([{ "hosts": ["*.example"] }]), "a.b.example", false),
            (&none, json!([{ "secretName": "s" }]), "", true),
            (
                &json!({ WANTED: "false" }),
                json!([{ "hosts": ["a.example"] }]),
                "a.example",
                false,
            ),
            (&json!({ FORCED: "true" }), json!([]), "a.example", true),
        ] {
            let said = ingress(annotations, &tls);
            assert_eq!(is_wanted(&said, host), expected, "{said:?} {host}");
        }
    }

    #[test]
    fn the_port_is_the_one_beside_that_which_was_asked() {
        let usual = PublicPorts { http: 80, https: 443 };
        let other = PublicPorts {
            http: 8080,
            https: 8443,
        };
        let to = |host: &str, path: &'static str, public| {
            let name = host.split(':').next().unwrap();
            location(name, host, &Uri::from_static(path), public)
        };
        for (host, path, public, expected) in [
            ("a.example", "/x?y=1", usual, "https://a.example/x?y=1"),
            ("a.example:80", "/", usual, "https://a.example/"),
            ("a.example:8080", "/", other, "https://a.example:8443/"),
            ("a.example", "/", other, "https://a.example/"),
        ] {
            assert_eq!(to(host, path, public).as_deref(), Some(expected));
        }
        assert_eq!(to("a.example", "/.well-known/acme-challenge/t", usual), None);
        assert_eq!(to("", "/", usual), None);
    }
}
