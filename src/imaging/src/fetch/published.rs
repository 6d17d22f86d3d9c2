//! Programs published as one file beside its SHA-256, as Kubernetes publishes its clients.

use std::path::PathBuf;

use super::{Fetcher, SMALL_DEADLINE, Wanted, client};
use crate::{Event, ImagingError};

/// No client of Kubernetes comes near this.
const LARGEST: u64 = 256 << 20;

impl Fetcher {
    /// The file at the first of `urls` that has it whole; `<url>.sha256` says what it must be.
    pub(crate) async fn published(&self, what: &str, urls: &[String]) -> Result<PathBuf, ImagingError> {
        let mut answers = Vec::new();
        for url in urls {
            let failed = match self.describe(what, url).await {
                Ok(wanted) => match self.file(&wanted).await {
                    Err(ImagingError::Sources { answers: mut said, .. }) => {
                        answers.append(&mut said);
                        continue;
                    }
                    other => return other,
                },
                Err(reason) => reason,
            };
            (self.progress)(Event::SourceFailed {
                url: url.clone(),
                reason: failed.clone(),
            });
            answers.push((url.clone(), failed));
        }
        Err(ImagingError::Sources {
            what: what.to_owned(),
            answers,
        })
    }

    /// What a source says that the file is.
    async fn describe(&self, what: &str, url: &str) -> Result<Wanted, String> {
        let sum = self.small(&format!("{url}.sha256")).await?;
        let sum = String::from_utf8_lossy(&sum).to_lowercase();
        // some publish the name behind the sum
        let sha256 = sum.split_whitespace().next().unwrap_or_default().to_owned();
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("its .sha256 is none".to_owned());
        }
        let head = tokio::time::timeout(SMALL_DEADLINE, self.client.head(url).send());
        let head = head.await.map_err(|_| format!("no answer in {SMALL_DEADLINE:?}"))?;
        let head = head.map_err(client::explain)?;
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
