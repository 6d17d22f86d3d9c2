//! Certificates: those of the Ingresses' secrets by host name, and one of our own for names without.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::state::Shared;

/// Certificates by host name, in lower case; `*.example.com` for wildcards, empty for every name.
#[derive(Debug, Default)]
pub(crate) struct Certificates(BTreeMap<String, Arc<CertifiedKey>>);

impl Certificates {
    /// Adds a host's certificate; the first one stays: it is the older Ingress's.
    pub(crate) fn add(&mut self, host: &str, certificate: Arc<CertifiedKey>) {
        self.0.entry(host.to_lowercase()).or_insert(certificate);
    }

    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let name = name.to_lowercase();
        let wildcard = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        let names = [Some(name), wildcard, Some(String::new())];
        names.into_iter().flatten().find_map(|name| self.0.get(&name).cloned())
    }
}

/// Why a secret is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("does not exist, or is not of type kubernetes.io/tls")]
    Missing,
    #[error("has no {0}")]
    Lacks(&'static str),
    #[error("its {key} is unusable: {reason}")]
    Broken { key: &'static str, reason: String },
    #[error("its key does not fit its certificate: {0}")]
    Mismatch(String),
}

/// A secret's certificate and key.
pub(crate) fn read(secret: &Secret) -> Result<Arc<CertifiedKey>, SecretError> {
    let (certificate, private) = ("tls.crt", "tls.key");
    let text = |key: &'static str| {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        data.filter(|bytes| !bytes.0.is_empty()).ok_or(SecretError::Lacks(key))
    };
    let broken = |key: &'static str| {
        move |error: rustls_pki_types::pem::Error| SecretError::Broken {
            key,
            reason: error.to_string(),
        }
    };
    let chain = CertificateDer::pem_slice_iter(&text(certificate)?.0)
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken(certificate))?;
    if chain.is_empty() {
        return Err(SecretError::Broken {
            key: certificate,
            reason: "it holds no PEM certificate".to_owned(),
        });
    }
    let key = PrivateKeyDer::from_pem_slice(&text(private)?.0).map_err(broken(private))?;
    certified(chain, key, &default_provider()).map_err(|error| SecretError::Mismatch(error.to_string()))
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    Ok(Arc::new(CertifiedKey::from_der(chain, key, provider)?))
}

/// A certificate of our own, for names that have none or a broken one.
pub(crate) fn fallback() -> Result<Arc<CertifiedKey>, String> {
    let names = vec!["ingress.local".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(str::to_owned)?;
    certified(vec![made.cert.der().clone()], key, &default_provider()).map_err(|error| error.to_string())
}

/// Chooses by the name that the client asks for, among the newest certificates.
#[derive(Debug)]
pub(crate) struct BySni {
    pub(crate) shared: Shared,
    pub(crate) fallback: Arc<CertifiedKey>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let live = self.shared.get();
        let found = live.certificates.find(hello.server_name().unwrap_or_default());
        Some(found.unwrap_or_else(|| self.fallback.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::*;

    fn secret(entries: &[(&str, &str)]) -> Secret {
        let data: BTreeMap<_, _> = entries
            .iter()
            .map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec())))
            .collect();
        Secret {
            data: Some(data),
            ..Secret::default()
        }
    }

    #[test]
    fn a_broken_secret_says_what_is_wrong_with_it() {
        let made = || rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let (one, two) = (made(), made());
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(read(&secret(&[("tls.crt", &cert), ("tls.key", &key)])).is_ok());
        let other = two.signing_key.serialize_pem();
        for (entries, words) in [
            (
                [("tls.crt", cert.as_str()), ("tls.key", other.as_str())],
                "does not fit",
            ),
            ([("tls.crt", "text"), ("tls.key", &key)], "tls.crt is unusable"),
            ([("tls.crt", &cert), ("tls.key", "text")], "tls.key is unusable"),
            ([("tls.crt", &cert), ("tls.key", "")], "has no tls.key"),
        ] {
            let error = read(&secret(&entries)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn names_find_their_own_certificate_then_a_wildcards() {
        let mut certificates = Certificates::default();
        let [own, wild] = [fallback().unwrap(), fallback().unwrap()];
        certificates.add("Www.example.com", own.clone());
        certificates.add("*.example.com", wild.clone());
        assert!(Arc::ptr_eq(&certificates.find("www.Example.com").unwrap(), &own));
        assert!(Arc::ptr_eq(&certificates.find("a.example.com").unwrap(), &wild));
        assert!(certificates.find("example.com").is_none());
    }
}
