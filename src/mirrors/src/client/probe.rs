//! `mirrors test`: what every source says, all asked at the same time.

use std::time::Instant;

use serde::Serialize;

use super::answer::Answer;
use super::{Ask, Client, PATIENCE, manifest};
use crate::reference::Reference;

/// One source's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Address and repository.
    pub source: String,
    /// Digest of what it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What it said instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// How long it took.
    pub milliseconds: u64,
}

impl Client {
    /// Asks every source for an image's manifest.
    pub async fn probe(&self, reference: &Reference) -> Vec<Probe> {
        let what = format!("manifests/{}", reference.version());
        let sources = self.table.sources(&reference.registry, &reference.repository);
        let ask = Ask {
            what: &what,
            accept: manifest::ACCEPT,
            from: 0,
            credentials: None,
            patience: PATIENCE,
        };
        let all = sources.iter().map(|source| async move {
            let began = Instant::now();
            let found = async {
                let response = self.ask(source, ask).await?;
                manifest::read(response, reference, source.to_string()).await
            };
            let (digest, answer) = match found.await {
                Ok(manifest) => (Some(manifest.digest), None),
                Err(answer) => (None, Some(answer)),
            };
            Probe {
                source: source.to_string(),
                digest,
                answer,
                milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            }
        });
        futures::future::join_all(all).await
    }
}
