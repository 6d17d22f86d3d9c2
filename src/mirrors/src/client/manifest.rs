//! Manifests: small documents, taken whole and checked.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, Kind};
use super::auth::Credentials;
use super::{Ask, Client, race};
use crate::error::SourcesError;
use crate::reference::Reference;

/// Registries refuse larger ones.
const LIMIT: usize = 4 << 20;
/// From first byte to last.
const DEADLINE: Duration = Duration::from_secs(10);

pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";

/// A manifest or index, as it was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Media type.
    pub media_type: String,
    /// `sha256:…` of the bytes.
    pub digest: String,
    /// Exact text.
    pub bytes: Bytes,
    /// Who served it.
    pub source: String,
}

/// Whether a media type is that of an index (a manifest list).
pub fn is_index(media_type: &str) -> bool {
    media_type.contains("image.index") || media_type.contains("manifest.list")
}

impl Client {
    /// The manifest of a reference. `credentials` are the asker's own, for the registry itself.
    pub async fn manifest(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
    ) -> Result<Manifest, SourcesError> {
        let sources = self.sources(&reference.registry, &reference.repository);
        let what = format!("manifests/{}", reference.version());
        let ask = |index: usize| -> futures::future::BoxFuture<'_, Result<Manifest, Answer>> {
            let (source, patience) = &sources[index];
            let ask = Ask {
                what: &what,
                accept: ACCEPT,
                from: 0,
                credentials,
                patience: *patience,
            };
            Box::pin(async move {
                let response = self.ask(source, ask).await?;
                read(response, reference, source.to_string()).await
            })
        };
        let (won, failed) = race::in_order(sources.len(), ask).await;
        let own = |(index, _): &&(usize, Answer)| sources[*index].0.own;
        won.map(|(_, manifest)| manifest).ok_or_else(|| SourcesError {
            what: reference.to_string(),
            registry: failed.iter().find(own).map(|(_, answer)| answer.kind),
            answers: failed
                .into_iter()
                .map(|(index, answer)| (sources[index].0.to_string(), answer))
                .collect(),
        })
    }
}

/// Takes a manifest in and checks that it is the one wanted.
pub(super) async fn read(response: Response, reference: &Reference, source: String) -> Result<Manifest, Answer> {
    let header = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let header = header.unwrap_or_default().to_owned();
    let bytes = tokio::time::timeout(DEADLINE, whole(response))
        .await
        .map_err(|_| Answer::late(DEADLINE))??;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
    if let Some(wanted) = &reference.digest
        && *wanted != digest
    {
        return Err(Answer::corrupt(format!("it gave {digest} instead")));
    }
    let document: Value = serde_json::from_slice(&bytes)
        .map_err(|_| Answer::corrupt("what it gave is no manifest: a page of something in between?"))?;
    if !document["schemaVersion"].is_number() {
        return Err(Answer::corrupt("what it gave is no manifest"));
    }
    // the document's own word wins: proxies in between lose the header
    let media_type = match document["mediaType"].as_str() {
        Some(own) => own.to_owned(),
        None => header.split(';').next().unwrap_or_default().trim().to_owned(),
    };
    Ok(Manifest {
        media_type,
        digest,
        bytes,
        source,
    })
}

async fn whole(mut response: Response) -> Result<Bytes, Answer> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Answer::of_error)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LIMIT {
            return Err(Answer::new(Kind::Refused, "its manifest is too large"));
        }
    }
    Ok(bytes.into())
}
