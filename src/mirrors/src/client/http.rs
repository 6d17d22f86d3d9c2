//! HTTP clients: one per way of trusting, since that is fixed when a client is made.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Identity};

use super::answer::{Answer, Kind};
use crate::document::Tls;

/// The longest silence in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// Ways of trusting that are kept; more than any table has.
const MOST: usize = 64;

/// Clients by TLS settings.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<Vec<(Tls, reqwest::Client)>>,
}

impl Http {
    pub(super) fn client(&self, tls: &Tls) -> Result<reqwest::Client, Answer> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| known == tls) {
            return Ok(client.clone());
        }
        let client = build(tls).map_err(|error| {
            let reason = Answer::of_error(error);
            Answer::new(Kind::Refused, format!("its TLS settings are unusable: {reason}"))
        })?;
        if clients.len() < MOST {
            clients.push((tls.clone(), client.clone()));
        }
        Ok(client)
    }
}

fn build(tls: &Tls) -> reqwest::Result<reqwest::Client> {
    // without a provider reqwest panics; a second installation is refused and changes nothing
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .read_timeout(SILENCE)
        .pool_max_idle_per_host(4)
        .user_agent(concat!("rkube/", env!("CARGO_PKG_VERSION")));
    if !tls.ca_file.is_empty() {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(tls.ca_file.as_bytes())?);
    }
    if !tls.cert_file.is_empty() {
        let pem = format!("{}\n{}", tls.cert_file, tls.key_file);
        builder = builder.identity(Identity::from_pem(pem.as_bytes())?);
    }
    if tls.insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    builder.build()
}
