//! What remote servers add to OpenAPI: parts of the document of version 2, entries of the index of version 3.

use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::fetch::{self, About};
use super::{Remote, pass};
use crate::{Api, ApiError, Body, User, body, user};

/// The index's entries for remote group versions, by path.
pub(crate) async fn remote_paths(api: &Api) -> Result<Map<String, Value>, ApiError> {
    let seen = fetch::all(api, About::OpenApiV3).await?;
    let mut paths = Map::new();
    for one in seen {
        let path = format!("apis/{}/{}", one.remote.group, one.remote.version);
        if let Some(entry) = one.document.filter(|document| document.is_object()) {
            paths.insert(path, (*entry).clone());
        }
    }
    Ok(paths)
}

/// The remote servers' parts of the document of version 2.
pub(crate) async fn remote_parts(api: &Api) -> Result<Vec<Arc<Value>>, ApiError> {
    let seen = fetch::all(api, About::OpenApiV2).await?;
    Ok(seen
        .into_iter()
        .filter_map(|one| one.document)
        .filter(|part| part.is_object())
        .collect())
}

/// What the remote server's document says of the group version; null from servers that have none of version 2.
pub(super) async fn ask_v2(api: &Api, remote: &Remote) -> Result<Value, ApiError> {
    let (status, _, bytes) = fetch::get(api, remote, "/openapi/v2", "application/json").await?;
    match status {
        StatusCode::NOT_FOUND => Ok(Value::Null),
        status if status.is_success() => {
            let (group, version) = (remote.group.clone(), remote.version.clone());
            // such a document is megabytes long
            let work = tokio::task::spawn_blocking(move || {
                let document: Value = serde_json::from_slice(&bytes)?;
                Ok::<_, serde_json::Error>(::openapi::part(&document, &group, &version))
            });
            work.await.map_err(ApiError::internal)?.map_err(ApiError::internal)
        }
        status => Err(ApiError::unavailable(format!("/openapi/v2: {status}"))),
    }
}

/// The remote server's entry for the group version; null from servers that have no OpenAPI of version 3.
pub(super) async fn ask_v3(api: &Api, remote: &Remote) -> Result<Value, ApiError> {
    let (status, _, bytes) = fetch::get(api, remote, "/openapi/v3", "application/json").await?;
    match status {
        StatusCode::NOT_FOUND => Ok(Value::Null),
        status if status.is_success() => {
            let index: Value = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
            let path = format!("apis/{}/{}", remote.group, remote.version);
            let entry = &index["paths"][&path];
            match entry["serverRelativeURL"].as_str() {
                Some(url) if url.starts_with("/openapi/v3/") => Ok(json!({"serverRelativeURL": url})),
                _ => Ok(Value::Null),
            }
        }
        status => Err(ApiError::unavailable(format!("/openapi/v3: {status}"))),
    }
}

/// The remote server's document of a group version.
pub(crate) async fn remote_document(api: &Api, remote: &Remote, url: &str) -> Result<Response<Body>, ApiError> {
    let request = Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(body::full(""))
        .map_err(ApiError::internal)?;
    let user = User::authenticated("system:aggregator", [user::MASTERS]);
    pass::send(api, &user, remote, request).await
}
