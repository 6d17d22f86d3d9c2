//! The cluster's API as the host asks it: a few questions while waiting, and for `status`.

use std::time::Duration;

use serde_json::Value;

use crate::ClusterError;

/// One question must not take longer than this; the callers ask again.
const DEADLINE: Duration = Duration::from_secs(3);

/// A client with the administrator's certificate.
#[derive(Debug, Clone)]
pub(crate) struct ApiClient {
    http: reqwest::Client,
    server: String,
}

impl ApiClient {
    /// A client for `server`; all PEM.
    pub(crate) fn new(server: &str, ca: &str, cert: &str, key: &str) -> Result<Self, ClusterError> {
        let malformed = |error: reqwest::Error| ClusterError::Credentials(error.to_string());
        let identity = reqwest::Identity::from_pem(format!("{cert}\n{key}").as_bytes()).map_err(malformed)?;
        let ca = reqwest::Certificate::from_pem(ca.as_bytes()).map_err(malformed)?;
        let http = reqwest::Client::builder()
            .tls_certs_only([ca])
            .identity(identity)
            // the cluster is on this machine: no proxy of the environment leads there
            .no_proxy()
            .timeout(DEADLINE)
            .build()
            .map_err(malformed)?;
        Ok(Self {
            http,
            server: server.to_owned(),
        })
    }

    /// The body of a successful answer, or what went wrong in words.
    pub(crate) async fn text(&self, path: &str) -> Result<String, String> {
        let answer = self
            .http
            .get(format!("{}{path}", self.server))
            .send()
            .await
            .map_err(|e| explain(&e))?;
        let status = answer.status();
        let body = answer.text().await.map_err(|e| explain(&e))?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("{status}: {}", body.trim()))
        }
    }

    /// A successful answer as JSON.
    pub(crate) async fn json(&self, path: &str) -> Result<Value, String> {
        serde_json::from_str(&self.text(path).await?).map_err(|error| error.to_string())
    }
}

fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
