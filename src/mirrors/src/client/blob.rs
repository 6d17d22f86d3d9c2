//! Blobs: into a file, resumed at the next source if one breaks off, and checked before anybody sees them.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use super::answer::{Answer, Kind};
use super::auth::Credentials;
use super::{Ask, Client, race};
use crate::error::SourcesError;
use crate::reference::digits;

/// No single source may take longer for one blob, however slowly it trickles in.
const DEADLINE: Duration = Duration::from_mins(20);

/// A source that breaks off is asked to go on this often, after the others.
const RETRIES: usize = 3;

/// Why a blob is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No source gave it.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// This machine could not keep it: a full disk, most often.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What has arrived.
struct Arrived {
    file: File,
    size: u64,
    hash: Sha256,
}

impl Arrived {
    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes).await?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    async fn start_over(&mut self) -> std::io::Result<()> {
        // what a write has begun must be over before the file is cut
        self.file.flush().await?;
        self.file.set_len(0).await?;
        self.file.rewind().await?;
        (self.size, self.hash) = (0, Sha256::new());
        Ok(())
    }
}

impl Client {
    /// Fetches a blob of a repository into an empty file; gives the file, at its start, and the size. `seen` is told of every
    /// piece that arrives.
    pub async fn blob(
        &self,
        (registry, repository, digest): (&str, &str, &str),
        credentials: Option<&Credentials>,
        file: File,
        seen: &(dyn Fn(u64) + Sync),
    ) -> Result<(File, u64), FetchError> {
        let mut arrived = Arrived {
            file,
            size: 0,
            hash: Sha256::new(),
        };
        let mut answers = Vec::new();
        let mut own_answer = None;
        let mut sources = self.sources(registry, repository);
        let mut retries = RETRIES;
        let what = format!("blobs/{digest}");
        if digits(digest).is_none() {
            let answer = Answer::new(Kind::Refused, "only sha256 digests can be checked");
            answers.extend(
                sources
                    .drain(..)
                    .map(|(source, _)| (source.to_string(), answer.clone())),
            );
        }
        while !sources.is_empty() {
            let from = arrived.size;
            let ask = |index: usize| -> futures::future::BoxFuture<'_, Result<Response, Answer>> {
                let (source, patience) = &sources[index];
                let ask = Ask {
                    what: &what,
                    accept: "*/*",
                    from,
                    credentials,
                    patience: *patience,
                };
                Box::pin(self.ask(source, ask))
            };
            let (won, failed) = race::in_order(sources.len(), ask).await;
            let asked = failed.len() + usize::from(won.is_some());
            let gone: Vec<_> = sources.drain(..asked).collect();
            let own = |(index, _): &&(usize, Answer)| gone[*index].0.own;
            own_answer = failed.iter().find(own).map(|(_, answer)| answer.kind).or(own_answer);
            answers.extend(
                failed
                    .into_iter()
                    .map(|(index, answer)| (gone[index].0.to_string(), answer)),
            );
            let (Some((_, response)), Some(giver)) = (won, gone.last()) else {
                continue;
            };
            let receive = tokio::time::timeout(DEADLINE, receive(response, digest, &mut arrived, seen));
            match receive.await.unwrap_or_else(|_| Ok(Err(Answer::late(DEADLINE))))? {
                Ok(Taken::Mixed) => {
                    // whose part was wrong nobody knows; this one gives all of it now
                    sources.insert(0, giver.clone());
                }
                Ok(Taken::Whole) => {
                    arrived.file.flush().await?;
                    arrived.file.rewind().await?;
                    return Ok((arrived.file, arrived.size));
                }
                Err(answer) => {
                    if giver.0.own {
                        own_answer = Some(answer.kind);
                    }
                    if answer.kind == Kind::Unreachable && retries > 0 {
                        retries -= 1;
                        sources.push(giver.clone());
                    }
                    answers.push((giver.0.to_string(), answer));
                }
            }
        }
        Err(FetchError::Sources(SourcesError {
            what: format!("{digest} of {registry}/{repository}"),
            answers,
            registry: own_answer,
        }))
    }
}

/// How a blob that came to its end is.
enum Taken {
    /// What it should be.
    Whole,
    /// Wrong, but another source had given its beginning. Nothing is left of it.
    Mixed,
}

/// Takes a blob in. The outer error is this machine's, the inner one the source's.
async fn receive(
    mut response: Response,
    digest: &str,
    arrived: &mut Arrived,
    seen: &(dyn Fn(u64) + Sync),
) -> std::io::Result<Result<Taken, Answer>> {
    if arrived.size > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
        arrived.start_over().await?;
    }
    let begun = arrived.size > 0;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                arrived.write(&chunk).await?;
                seen(chunk.len() as u64);
            }
            Ok(None) => break,
            // what has arrived is where the next source goes on
            Err(error) => {
                let answer = Answer::of_error(error);
                return Ok(Err(Answer::new(
                    answer.kind,
                    format!("it broke off after {} bytes: {answer}", arrived.size),
                )));
            }
        }
    }
    let got = format!("sha256:{}", hex::encode(arrived.hash.clone().finalize()));
    if got == digest {
        return Ok(Ok(Taken::Whole));
    }
    if begun {
        arrived.start_over().await?;
        return Ok(Ok(Taken::Mixed));
    }
    let answer = Answer::corrupt(format!("it gave {} bytes of {got} instead", arrived.size));
    arrived.start_over().await?;
    Ok(Err(answer))
}
