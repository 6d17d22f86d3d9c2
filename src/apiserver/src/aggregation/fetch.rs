//! Documents of remote servers that this one shows as part of its own, kept for a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use tokio::time::Instant;

use super::{Remote, discovery, openapi, pass};
use crate::{Api, ApiError, User, body, user};

/// As often as upstream asks.
const FRESH: Duration = Duration::from_secs(60);
/// A server that has not answered by then is shown as it was last.
const DEADLINE: Duration = Duration::from_secs(5);
const LARGEST: usize = 8 << 20;

/// What a document is about: discovery, or OpenAPI of one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum About {
    Discovery,
    OpenApiV2,
    OpenApiV3,
}

impl About {
    async fn ask(self, api: &Api, remote: &Remote) -> Result<Value, ApiError> {
        match self {
            Self::Discovery => discovery::ask(api, remote).await,
            Self::OpenApiV2 => openapi::ask_v2(api, remote).await,
            Self::OpenApiV3 => openapi::ask_v3(api, remote).await,
        }
    }
}

#[derive(Debug, Clone)]
struct Kept {
    at: Instant,
    remote: Arc<Remote>,
    document: Option<Arc<Value>>,
    current: bool,
}

/// The newest document of each remote server.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<(About, String), Kept>>);

/// A remote server's document, if it ever gave one, and whether that is how things are now.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) remote: Arc<Remote>,
    pub(super) document: Option<Arc<Value>>,
    pub(super) current: bool,
}

/// The documents of all remote servers; those not known are asked for at once.
pub(super) async fn all(api: &Api, about: About) -> Result<Vec<Seen>, ApiError> {
    let remotes = api.aggregator.all().await?;
    let cache = &api.aggregator.cache.0;
    {
        // those of APIServices that are gone
        let mut kept = cache.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, name), _| remotes.iter().any(|remote| remote.name == *name));
    }
    let seen = remotes.into_iter().map(|remote| one(api, about, remote));
    Ok(join_all(seen).await)
}

async fn one(api: &Api, about: About, remote: Arc<Remote>) -> Seen {
    let cache = &api.aggregator.cache.0;
    let key = (about, remote.name.clone());
    let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(known) = &known
        && Arc::ptr_eq(&known.remote, &remote)
        && known.at.elapsed() < FRESH
    {
        return Seen {
            remote,
            document: known.document.clone(),
            current: known.current,
        };
    }
    let asked = match &remote.unavailable {
        Some(_) => None,
        None => match tokio::time::timeout(DEADLINE, about.ask(api, &remote)).await {
            Ok(Ok(document)) => Some(Arc::new(document)),
            Ok(Err(error)) => {
                tracing::debug!(name = remote.name, %error, ?about, "no document from a remote server");
                None
            }
            Err(_) => None,
        },
    };
    let current = asked.is_some();
    let document = asked.or_else(|| known.and_then(|known| known.document));
    let kept = Kept {
        at: Instant::now(),
        remote: Arc::clone(&remote),
        document: document.clone(),
        current,
    };
    cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept);
    Seen {
        remote,
        document,
        current,
    }
}

/// A document, with its media type.
pub(super) async fn get(
    api: &Api,
    remote: &Remote,
    path: &str,
    accept: &str,
) -> Result<(StatusCode, String, Bytes), ApiError> {
    let request = Request::get(path)
        .header(header::ACCEPT, accept)
        .body(body::full(""))
        .map_err(ApiError::internal)?;
    let user = User::authenticated(pass::CHECKER, [user::MASTERS]);
    let (parts, incoming) = pass::send(api, &user, remote, request).await?.into_parts();
    let media = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let bytes = Limited::new(incoming, LARGEST)
        .collect()
        .await
        .map_err(ApiError::internal)?
        .to_bytes();
    Ok((parts.status, media.to_owned(), bytes))
}
