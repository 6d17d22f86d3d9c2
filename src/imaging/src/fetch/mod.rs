//! Getting files over HTTP: ordered sources, deadlines, resumption, and a cache named by content.

mod client;
mod published;

pub(crate) use published::patience;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use crate::{Event, ImagingError, Progress, lock};

/// No single file may take longer, however slowly it trickles in.
const FILE_DEADLINE: Duration = Duration::from_mins(10);
/// A release file is small; a source that takes longer is as good as dead.
const SMALL_DEADLINE: Duration = Duration::from_secs(15);
/// Bound on a file fetched into memory.
const SMALL_LIMIT: usize = 8 << 20;

/// A file known by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Name for messages.
    pub(crate) what: String,
    /// Addresses, in the order to be asked.
    pub(crate) urls: Vec<String>,
    /// Content, as lower-case hex.
    pub(crate) sha256: String,
    /// Size in bytes.
    pub(crate) size: u64,
}

/// Fetches into a cache folder.
pub(crate) struct Fetcher {
    client: reqwest::Client,
    blobs: PathBuf,
    progress: Progress,
}

impl Fetcher {
    /// A fetcher that keeps files below `cache`.
    pub(crate) fn new(cache: &Path, proxy: Option<&str>, progress: Progress) -> Result<Self, ImagingError> {
        let blobs = cache.join("blobs");
        fs_err::create_dir_all(&blobs)?;
        Ok(Self {
            client: client::build(proxy)?,
            blobs,
            progress,
        })
    }

    /// Where a file of that content is, if it is here.
    pub(crate) fn cached(&self, wanted: &Wanted) -> Option<PathBuf> {
        let path = self.blobs.join(&wanted.sha256);
        // files get their final name only once verified, so the size is check enough against a truncated disk
        fs_err::metadata(&path)
            .is_ok_and(|meta| meta.len() == wanted.size)
            .then_some(path)
    }

    /// Fetches a small file whole, without knowing its content. The source has `patience` until its first byte.
    pub(crate) async fn small(&self, url: &str, patience: Duration) -> Result<Vec<u8>, String> {
        let get = async {
            let answer = self.answer(self.client.get(url), patience).await?;
            if !answer.status().is_success() {
                return Err(answer.status().to_string());
            }
            let mut body = Vec::new();
            let mut chunks = answer.bytes_stream();
            while let Some(chunk) = chunks.next().await {
                body.extend_from_slice(&chunk.map_err(client::explain)?);
                if body.len() > SMALL_LIMIT {
                    return Err("answer is too large".to_owned());
                }
            }
            Ok(body)
        };
        tokio::time::timeout(SMALL_DEADLINE, get)
            .await
            .map_err(|_| format!("no answer in {SMALL_DEADLINE:?}"))?
    }

    async fn answer(&self, request: reqwest::RequestBuilder, patience: Duration) -> Result<reqwest::Response, String> {
        let answer = tokio::time::timeout(patience, request.send()).await;
        answer
            .map_err(|_| format!("no answer in {} s", patience.as_secs()))?
            .map_err(client::explain)
    }

    /// Fetches a file known by its content, asking one source after the other. Another rkube that is at it is waited for.
    pub(crate) async fn file(&self, wanted: &Wanted) -> Result<PathBuf, ImagingError> {
        if let Some(path) = self.cached(wanted) {
            return Ok(path);
        }
        let path = self.blobs.join(&wanted.sha256);
        let part = path.with_extension("part");
        let _lock = lock::take(&part, FILE_DEADLINE, || (self.progress)(Event::Waiting)).await?;
        if let Some(path) = self.cached(wanted) {
            return Ok(path);
        }
        let mut answers = Vec::new();
        for url in &wanted.urls {
            let attempt = async {
                match self.attempt(url, wanted, &part).await {
                    // whose part was wrong nobody knows; this one gives all of it now
                    Err(Failure::Mixed) => self.attempt(url, wanted, &part).await,
                    outcome => outcome,
                }
            };
            let attempt = tokio::time::timeout(FILE_DEADLINE, attempt);
            match attempt
                .await
                .unwrap_or_else(|_| Err(Failure::Source(format!("not complete in {FILE_DEADLINE:?}"))))
            {
                Ok(()) => {
                    fs_err::rename(&part, &path)?;
                    return Ok(path);
                }
                Err(Failure::Source(reason)) => {
                    (self.progress)(Event::SourceFailed {
                        url: url.clone(),
                        reason: reason.clone(),
                    });
                    answers.push((url.clone(), reason));
                }
                // only what was begun can be mixed, and that is nothing any more
                Err(Failure::Mixed) => {}
                Err(Failure::Local(error)) => return Err(error.into()),
            }
        }
        Err(ImagingError::Sources {
            what: wanted.what.clone(),
            answers,
        })
    }

    async fn attempt(&self, url: &str, wanted: &Wanted, part: &Path) -> Result<(), Failure> {
        let mut have = fs_err::metadata(part).map_or(0, |meta| meta.len());
        if have >= wanted.size {
            have = 0;
        }
        let mut request = self.client.get(url);
        if have > 0 {
            request = request.header(reqwest::header::RANGE, format!("bytes={have}-"));
        }
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::Source(client::explain(error)))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Failure::Source(status.to_string()));
        }
        let resumed = have > 0 && status == reqwest::StatusCode::PARTIAL_CONTENT;
        if resumed {
            (self.progress)(Event::Downloaded { bytes: have });
        } else {
            have = 0;
        }
        let mut file = fs_err::tokio::OpenOptions::new()
            .create(true)
            .append(resumed)
            .write(true)
            .truncate(!resumed)
            .open(part)
            .await?;
        let mut chunks = answer.bytes_stream();
        let mut broken = None;
        while let Some(chunk) = chunks.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    broken = Some(client::explain(error));
                    break;
                }
            };
            have += chunk.len() as u64;
            if have > wanted.size {
                break;
            }
            file.write_all(&chunk).await?;
            (self.progress)(Event::Downloaded {
                bytes: chunk.len() as u64,
            });
        }
        // also after a break-off: what has arrived is where the next source resumes
        file.flush().await?;
        drop(file);
        let sum = sha256_of(part)?;
        if have == wanted.size && sum == wanted.sha256 {
            return Ok(());
        }
        if have >= wanted.size {
            // complete but wrong: resuming it would only fail again. Emptied and not removed, because it is locked
            fs_err::OpenOptions::new().write(true).truncate(true).open(part)?;
            if resumed {
                return Err(Failure::Mixed);
            }
            return Err(Failure::Source(format!(
                "content differs: SHA-256 {sum}, wanted {}",
                wanted.sha256
            )));
        }
        let reason = broken.unwrap_or_else(|| "the answer ended".to_owned());
        Err(Failure::Source(format!(
            "{reason} after {have} of {} bytes",
            wanted.size
        )))
    }
}

/// Why one attempt failed: the source's fault, so that the next is asked, or this machine's.
enum Failure {
    Source(String),
    /// The whole is wrong, and its beginning had been there before.
    Mixed,
    Local(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Local(error)
    }
}

/// SHA-256 of a file as lower-case hex.
pub(crate) fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests;
