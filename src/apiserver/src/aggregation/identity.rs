//! How this server shows itself to extension servers, and how it says for whom it asks.

use std::fmt::Write as _;

use std::sync::Arc;

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::server::tls;
use crate::{ApiError, Config, User};

/// The front proxy's certificate and key.
#[derive(Debug)]
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        Ok(Self {
            chain: tls::certificates(&config.front_proxy_client_certificate)?,
            key: tls::private_key(&config.front_proxy_client_key)?,
        })
    }

    /// TLS towards a server whose certificate one of `bundle` (PEM) has signed, or anybody.
    pub(super) fn towards(&self, bundle: &[u8], insecure: bool) -> Result<Arc<ClientConfig>, String> {
        let builder = if insecure {
            pki::unverified_builder().map_err(|error| error.to_string())?
        } else {
            // without a bundle nothing is trusted: a node has no authorities of its own
            let roots: RootCertStore = tls::roots(bundle)?;
            ClientConfig::builder().with_root_certificates(roots)
        };
        builder
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map(Arc::new)
            .map_err(|error| error.to_string())
    }
}

const USER: HeaderName = HeaderName::from_static("x-remote-user");
const UID: HeaderName = HeaderName::from_static("x-remote-uid");
const GROUP: HeaderName = HeaderName::from_static("x-remote-group");
const EXTRA: &str = "x-remote-extra-";

/// Replaces whatever the client said of itself by who it is.
pub(super) fn vouch(headers: &mut HeaderMap, user: &User) -> Result<(), ApiError> {
    let claimed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-remote-"))
        .cloned()
        .collect();
    claimed.iter().for_each(|name| drop(headers.remove(name)));
    write(headers, user).map_err(ApiError::internal)
}

fn write(headers: &mut HeaderMap, user: &User) -> Result<(), InvalidHeaderValue> {
    let text = |text: &str| HeaderValue::from_bytes(text.as_bytes());
    headers.insert(USER, text(&user.name)?);
    if !user.uid.is_empty() {
        headers.insert(UID, text(&user.uid)?);
    }
    for group in &user.groups {
        headers.append(GROUP, text(group)?);
    }
    for (key, values) in &user.extra {
        let Ok(name) = HeaderName::try_from(format!("{EXTRA}{}", escape(key))) else {
            continue;
        };
        for value in values {
            headers.append(name.clone(), text(value)?);
        }
    }
    Ok(())
}

/// Percent-encodes what a header's name cannot hold.
fn escape(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // writing to a text cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_itself_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        headers.insert("x-remote-user", HeaderValue::from_static("root"));
        headers.insert("x-remote-extra-scopes", HeaderValue::from_static("all"));
        let mut user = User::authenticated("jane", ["dev"]);
        user.extra.insert("example.com/team".to_owned(), vec!["a".to_owned()]);
        vouch(&mut headers, &user).unwrap();
        assert_eq!(headers["x-remote-user"], "jane");
        let groups: Vec<_> = headers.get_all("x-remote-group").iter().collect();
        assert_eq!(groups, ["dev", "system:authenticated"]);
        assert_eq!(headers["x-remote-extra-example.com%2fteam"], "a");
        assert!(!headers.contains_key("x-remote-extra-scopes"));
        assert!(!headers.contains_key("x-remote-uid"));
    }
}
