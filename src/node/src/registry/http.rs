//! Routes of the distribution API. Repository names contain slashes, hence one fallback handler that splits the path.

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use super::embedded::{self, MANIFEST_TYPE};
use super::{KEY_HEADER, Registry, staging};

pub(super) const CHUNK: usize = 256 * 1024;

pub(super) fn router(registry: Arc<Registry>) -> Router {
    Router::new().fallback(serve).with_state(registry)
}

enum Target<'a> {
    Base,
    Manifest { repository: &'a str, reference: &'a str },
    Blob { repository: &'a str, digest: &'a str },
}

fn target(path: &str) -> Option<Target<'_>> {
    let rest = path.strip_prefix("/v2/").or_else(|| path.strip_prefix("/v2"))?;
    if rest.is_empty() {
        return Some(Target::Base);
    }
    if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
        return Some(Target::Manifest { repository, reference });
    }
    rest.rsplit_once("/blobs/")
        .map(|(repository, digest)| Target::Blob { repository, digest })
}

async fn serve(State(registry): State<Arc<Registry>>, request: Request) -> Response {
    if !shows(&registry.key, request.headers()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let head = request.method() == Method::HEAD;
    if !head && request.method() != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    // containerd names the registry it stands in for; without it, the request is for this registry itself.
    let query = request.uri().query().unwrap_or_default();
    let namespace = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("ns="))
        .unwrap_or_default()
        .replace("%3A", ":");
    let headers = request.headers();
    match target(request.uri().path()) {
        Some(Target::Base) => StatusCode::OK.into_response(),
        Some(Target::Manifest { repository, reference }) => {
            if let Some(answer) = manifest(&registry, &namespace, repository, reference, head) {
                return answer;
            }
            let wanted = (repository, reference);
            registry.upstream.manifest(&namespace, wanted, headers, head).await
        }
        Some(Target::Blob { repository, digest }) => match blob(&registry, digest, head).await {
            Some(answer) => answer,
            None => registry.upstream.blob(&namespace, repository, digest, headers).await,
        },
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether it is containerd who asks. Digests are compared, whose first difference says nothing of the key.
fn shows(key: &str, headers: &HeaderMap) -> bool {
    let shown = headers.get(KEY_HEADER).map(|value| Sha256::digest(value.as_bytes()));
    shown == Some(Sha256::digest(key))
}

/// A manifest that is here.
fn manifest(registry: &Registry, namespace: &str, repository: &str, reference: &str, head: bool) -> Option<Response> {
    let own = &registry.embedded;
    let is_own = own.name == format!("{repository}:{reference}") || own.manifest.digest == reference;
    let (media_type, digest, text) = if is_own {
        (
            MANIFEST_TYPE.to_owned(),
            own.manifest.digest.clone(),
            own.manifest.text.clone(),
        )
    } else {
        let found = staging::offered(namespace, repository, reference)?;
        (found.media_type, found.digest, found.text)
    };
    Some(manifest_response(media_type, digest, text.into(), head))
}

pub(super) fn manifest_response(media_type: String, digest: String, text: Bytes, head: bool) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, text.len().to_string()),
        (header::HeaderName::from_static("docker-content-digest"), digest),
    ];
    (headers, if head { Body::empty() } else { Body::from(text) }).into_response()
}

/// A blob that is here.
async fn blob(registry: &Registry, digest: &str, head: bool) -> Option<Response> {
    let own = &registry.embedded;
    let sized = |size: u64, body: Body| {
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, size.to_string()),
        ];
        (headers, if head { Body::empty() } else { body }).into_response()
    };
    if digest == own.config.digest {
        return Some(sized(own.config.text.len() as u64, Body::from(own.config.text.clone())));
    }
    if digest == own.layer_digest {
        return Some(sized(own.layer_size, if head { Body::empty() } else { layer_body() }));
    }
    let file = fs_err::tokio::File::open(staging::blob(digest)?).await.ok()?;
    let size = file.metadata().await.ok()?.len();
    Some(sized(size, Body::from_stream(ReaderStream::with_capacity(file, CHUNK))))
}

/// The layer read on a blocking thread, a few chunks ahead of the network.
fn layer_body() -> Body {
    let (send, receive) = mpsc::channel::<std::io::Result<Vec<u8>>>(4);
    drop(tokio::task::spawn_blocking(move || {
        let mut layer = match embedded::layer() {
            Ok(layer) => layer,
            Err(error) => return drop(send.blocking_send(Err(error))),
        };
        loop {
            let mut chunk = vec![0; CHUNK];
            match layer.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => {
                    chunk.truncate(count);
                    if send.blocking_send(Ok(chunk)).is_err() {
                        return;
                    }
                }
                Err(error) => return drop(send.blocking_send(Err(error))),
            }
        }
    }));
    Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_shows_the_key_is_served() {
        let shown = |value: Option<&'static str>| {
            let value = value.map(|value| (KEY_HEADER.parse().unwrap(), header::HeaderValue::from_static(value)));
            shows("abc", &HeaderMap::from_iter(value))
        };
        assert!(shown(Some("abc")));
        for wrong in [None, Some(""), Some("ab"), Some("abcd")] {
            assert!(!shown(wrong), "{wrong:?}");
        }
    }
}
