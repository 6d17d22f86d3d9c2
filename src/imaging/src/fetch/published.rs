//! Programs published as one file beside its SHA-256, as Kubernetes publishes its clients.

use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Fetcher, SMALL_DEADLINE, Wanted};
use crate::{Event, ImagingError};

/// No client of Kubernetes comes near this.
const LARGEST: u64 = 256 << 20;

/// How long a source has until its first byte: little, unless nobody stands behind it.
pub(crate) fn patience(index: usize, count: usize) -> Duration {
    if index + 1 < count {
        mirrors::PATIENCE
    } else {
        SMALL_DEADLINE
    }
}

impl Fetcher {
    /// The file at the first of `urls` that has it whole; `<url>.sha256` says what it must be. A silent one gets company soon, as
    /// images' sources do.
    pub(crate) async fn published(&self, what: &str, urls: &[String]) -> Result<PathBuf, ImagingError> {
        let mut answers = Vec::new();
        let mut left = urls.to_vec();
        while !left.is_empty() {
            let ask = |index: usize| -> BoxFuture<'_, Result<Wanted, String>> {
                let patience = patience(index, left.len());
                Box::pin(self.describe(what, &left[index], patience))
            };
            let (won, failed) = mirrors::in_order(left.len(), ask).await;
            let asked = failed.len() + usize::from(won.is_some());
            for (index, reason) in failed {
                let url = left[index].clone();
                (self.progress)(Event::SourceFailed {
                    url: url.clone(),
                    reason: reason.clone(),
                });
                answers.push((url, reason));
            }
            left.drain(..asked);
            let Some((_, wanted)) = won else { continue };
            match self.file(&wanted).await {
                Err(ImagingError::Sources { answers: mut said, .. }) => answers.append(&mut said),
                other => return other,
            }
        }
        Err(ImagingError::Sources {
            what: what.to_owned(),
            answers,
        })
    }

    /// What a source says that the file is.
    async fn describe(&self, what: &str, url: &str, patience: Duration) -> Result<Wanted, String> {
        let sum = self.small(&format!("{url}.sha256"), patience).await?;
        let sum = String::from_utf8_lossy(&sum).to_lowercase();
        // some publish the name behind the sum
        let sha256 = sum.split_whitespace().next().unwrap_or_default().to_owned();
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("its .sha256 is none".to_owned());
        }
        let head = self.answer(self.client.head(url), patience).await?;
        if !head.status().is_success() {
            return Err(head.status().to_string());
        }
        let length = head.headers().get(reqwest::header::CONTENT_LENGTH);
        let size = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let size = size.filter(|size| *size <= LARGEST);
        Ok(Wanted {
            what: what.to_owned(),
            urls: vec![url.to_owned()],
            sha256,
            size: size.ok_or("it does not say how large it is, or it is too large")?,
        })
    }
}
