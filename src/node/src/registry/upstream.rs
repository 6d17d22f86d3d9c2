//! What is neither embedded nor staged: fetched from the first source in order that has it, checked, and passed on.
//!
//! Blobs are spooled to a file first. A stream could not be taken back once its last byte shows that it was corrupt, and
//! containerd would resume after the bad half.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mirrors::{Credentials, FetchError, Manifest, Reference, SourcesError};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use super::table::Current;
use super::{Failures, http, loaded};

/// Blobs on their way at the same time, over all pulls.
const BLOBS: usize = 12;
/// Where blobs are until they have been passed on: without names, so that nothing can be left behind.
const SPOOL: &str = "/var/lib/rkube/pulling";
/// Manifests that are remembered: containerd asks for each two or three times.
const MANIFESTS: usize = 32;

#[derive(Debug)]
pub(super) struct Upstream {
    /// Registry of the embedded image: it exists nowhere else.
    nowhere: String,
    current: Current,
    failures: Arc<Failures>,
    blobs: Semaphore,
    recent: Recent,
}

impl Upstream {
    pub(super) fn new(embedded: &str, failures: Arc<Failures>) -> Self {
        Self {
            nowhere: embedded.split('/').next().unwrap_or_default().to_owned(),
            current: Current::default(),
            failures,
            blobs: Semaphore::new(BLOBS),
            recent: Recent::default(),
        }
    }

    /// A manifest by tag or digest.
    pub(super) async fn manifest(
        &self,
        registry: &str,
        (repository, version): (&str, &str),
        headers: &HeaderMap,
        head: bool,
    ) -> Response {
        let name = if version.contains(':') {
            format!("{registry}/{repository}@{version}")
        } else {
            format!("{registry}/{repository}:{version}")
        };
        let reference = Reference::parse(&name).filter(|_| registry != self.nowhere);
        let Some(reference) = reference else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let credentials = credentials(headers);
        let key = (reference.clone(), credentials);
        if let Some(manifest) = self.recent.get(&key) {
            return serve(&manifest, head);
        }
        match self.current.client().manifest(&reference, key.1.as_ref()).await {
            Ok(manifest) => {
                tracing::debug!(%reference, source = manifest.source, "found");
                loaded::supersede(registry, repository, version, &manifest.digest);
                let manifest = Arc::new(manifest);
                self.recent.keep(key, manifest.clone());
                serve(&manifest, head)
            }
            Err(error) => {
                let loaded = || loaded::find(registry, repository, version);
                if let Some(found) = error.undecided().then(loaded).flatten() {
                    tracing::info!(%reference, %error, "the image that was loaded here is taken");
                    return http::manifest_response(found.media_type, found.digest, found.text.into(), head);
                }
                self.failed(registry, repository, &error, key.1.is_some())
            }
        }
    }

    /// A blob by digest.
    pub(super) async fn blob(&self, registry: &str, repository: &str, digest: &str, headers: &HeaderMap) -> Response {
        if registry == self.nowhere {
            return StatusCode::NOT_FOUND.into_response();
        }
        let Ok(_permit) = self.blobs.acquire().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let credentials = credentials(headers);
        let fetch = async {
            fs_err::create_dir_all(SPOOL)?;
            let file = tokio::fs::File::from_std(tempfile::tempfile_in(SPOOL)?);
            let client = self.current.client();
            client
                .blob((registry, repository, digest), credentials.as_ref(), file, &|_| ())
                .await
        };
        match fetch.await {
            Ok((file, size)) => {
                let headers = [
                    (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                    (header::CONTENT_LENGTH, size.to_string()),
                ];
                let body = Body::from_stream(ReaderStream::with_capacity(file, http::CHUNK));
                (headers, body).into_response()
            }
            Err(FetchError::Sources(error)) => self.failed(registry, repository, &error, credentials.is_some()),
            Err(FetchError::Io(error)) => self.full(registry, repository, digest, &error),
        }
    }

    /// The answer of a registry that cannot give it; what the sources said is kept for whoever asks why.
    fn failed(&self, registry: &str, repository: &str, error: &SourcesError, logged_in: bool) -> Response {
        tracing::info!(%error, "a pull failed");
        self.failures.note(registry, repository, error.line());
        let (status, code) = if error.denied() && !logged_in {
            (StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
        } else if error.missing() {
            (StatusCode::NOT_FOUND, "NAME_UNKNOWN")
        } else {
            (StatusCode::BAD_GATEWAY, "UNAVAILABLE")
        };
        let mut answer = refuse(status, code, &error.line());
        if status == StatusCode::UNAUTHORIZED {
            // containerd then sends the pod's credentials, if it has any
            let challenge = header::HeaderValue::from_static("Basic realm=\"rkube\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }

    fn full(&self, registry: &str, repository: &str, digest: &str, error: &io::Error) -> Response {
        let text = format!("the node cannot keep {digest}: {error}");
        tracing::error!(text);
        self.failures.note(registry, repository, text.clone());
        refuse(StatusCode::INSUFFICIENT_STORAGE, "UNAVAILABLE", &text)
    }
}

/// Errors in the shape of the distribution API.
fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": message }] }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    Credentials::of_header(headers.get(header::AUTHORIZATION)?.to_str().ok()?)
}

fn serve(manifest: &Manifest, head: bool) -> Response {
    http::manifest_response(
        manifest.media_type.clone(),
        manifest.digest.clone(),
        manifest.bytes.clone(),
        head,
    )
}

/// Reference, and whose credentials it was fetched with: nobody else may see it.
type Key = (Reference, Option<Credentials>);

/// Manifests just fetched: enough for one pull, too short-lived to hide a tag that has moved.
#[derive(Debug, Default)]
struct Recent(std::sync::Mutex<std::collections::VecDeque<(Key, std::time::Instant, Arc<Manifest>)>>);

impl Recent {
    const LIFE: std::time::Duration = std::time::Duration::from_secs(5);

    fn get(&self, key: &Key) -> Option<Arc<Manifest>> {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = kept.iter().find(|(known, at, manifest)| {
            let same = known == key || (known.1 == key.1 && Some(&manifest.digest) == key.0.digest.as_ref());
            same && at.elapsed() < Self::LIFE
        });
        found.map(|(_, _, manifest)| manifest.clone())
    }

    fn keep(&self, key: Key, manifest: Arc<Manifest>) {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.retain(|(_, at, _)| at.elapsed() < Self::LIFE);
        if kept.len() == MANIFESTS {
            kept.pop_front();
        }
        kept.push_back((key, std::time::Instant::now(), manifest));
    }
}
