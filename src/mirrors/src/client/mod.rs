//! The registry client: manifests and blobs from the first source in order that has them, verified.

mod answer;
mod auth;
mod blob;
mod down;
mod http;
mod manifest;
mod probe;
mod race;

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, RANGE};
use reqwest::{Response, StatusCode};

use crate::source::Source;
use crate::table::Table;

pub use answer::{Answer, Kind};
pub use auth::Credentials;
pub use blob::FetchError;
pub use manifest::{Manifest, is_index};
pub use probe::Probe;
pub use race::in_order;

use auth::{Challenge, Tokens};
use down::Down;
use http::Http;

/// A source that others stand behind has this long until its first byte.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// The last one has more: nothing is won by leaving it.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// Asks the sources of a table.
#[derive(Debug, Default)]
pub struct Client {
    table: Table,
    http: Http,
    tokens: Tokens,
    down: Down,
}

/// What is asked of one source.
#[derive(Debug, Clone, Copy)]
struct Ask<'a> {
    /// `manifests/1`, `blobs/sha256:…`.
    what: &'a str,
    accept: &'a str,
    /// First byte wanted.
    from: u64,
    /// The asker's own, for the registry itself.
    credentials: Option<&'a Credentials>,
    patience: Duration,
}

impl Client {
    /// A client for the sources of `table`.
    pub fn new(table: Table) -> Self {
        Self {
            table,
            ..Self::default()
        }
    }

    /// Its table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Sources and how long each is waited for; those that were silent lately come last.
    fn sources(&self, registry: &str, repository: &str) -> Vec<(Source, Duration)> {
        let all = self.table.sources(registry, repository);
        let alone = all.len() == 1;
        let (mut up, down): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| alone || !self.down.is(one));
        let last = up.pop();
        let patient = |patience| move |source| (source, patience);
        up.into_iter()
            .map(patient(PATIENCE))
            .chain(last.into_iter().map(patient(LAST_PATIENCE)))
            .chain(down.into_iter().map(patient(PATIENCE)))
            .collect()
    }

    /// One source's answer to one question, up to its first byte; logs in if it has to.
    async fn ask(&self, source: &Source, ask: Ask<'_>) -> Result<Response, Answer> {
        let answer = self.ask_or_log_in(source, ask).await;
        match &answer {
            Err(failed) if failed.kind == Kind::Unreachable => self.down.note(&source.origin),
            _ => self.down.clear(&source.origin),
        }
        answer
    }

    async fn ask_or_log_in(&self, source: &Source, ask: Ask<'_>) -> Result<Response, Answer> {
        let client = self.http.client(&source.host.tls)?;
        // the pod's credentials are for the registry, not for whoever mirrors it
        let pods = ask.credentials.filter(|_| source.own).cloned();
        let credentials = pods.or_else(|| Credentials::of(&source.host.auth));
        let key = (source.origin.clone(), source.repository.clone(), credentials);
        let mut authorization = self.tokens.get(&key);
        let mut tried = false;
        loop {
            let mut request = client.get(source.url(ask.what)).header(ACCEPT, ask.accept);
            if let Some(value) = &authorization {
                request = request.header(AUTHORIZATION, value.clone());
            }
            if ask.from > 0 {
                request = request.header(RANGE, format!("bytes={}-", ask.from));
            }
            let response = tokio::time::timeout(ask.patience, request.send())
                .await
                .map_err(|_| Answer::late(ask.patience))?
                .map_err(Answer::of_error)?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED
                && !tried
                && let Some(challenge) = Challenge::of(response.headers())
            {
                tried = true;
                self.tokens.forget(&key);
                let met = self.tokens.meet(&client, challenge, key.clone(), ask.patience);
                authorization = Some(met.await?);
                continue;
            }
            return Err(Answer::of_response(response).await);
        }
    }
}

#[cfg(test)]
mod tests;
