//! `DELETE` of a collection: every selected object, each as if deleted alone.

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use serde_json::json;
use store::Entry;

use super::delete::{DeleteOptions, delete_object};
use super::{Call, selection::Selection};
use crate::{ApiError, Body, RequestInfo, respond, storage};

/// Deletions under way together: the store commits them in groups.
const AT_ONCE: usize = 32;

pub(crate) async fn delete_collection(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let options = DeleteOptions::of(&call, request).await?;
    let selection = Selection::of(call.info, call.resource)?;
    let prefix = storage::prefix(call.resource, call.namespace());
    let range = call.api.store.range(store::RangeQuery::all(&prefix)).await?;
    let selected = range.entries.iter().filter(|entry| selection.matches(entry));
    let deletions: Vec<BoxFuture<'_, _>> = selected
        .map(|entry| delete_one(call, entry, &options).boxed())
        .collect();
    let mut under_way = stream::iter(deletions).buffer_unordered(AT_ONCE);
    while let Some(done) = under_way.next().await {
        done?;
    }
    let details = json!({"kind": call.resource.plural, "group": call.resource.group});
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    respond::plain(call.negotiated, StatusCode::OK, &status)
}

async fn delete_one(call: Call<'_>, entry: &Entry, options: &DeleteOptions) -> Result<(), ApiError> {
    let header = storage::Header::of(entry);
    let name = header.field("metadata.name").unwrap_or_default();
    let info = RequestInfo {
        name: name.to_owned(),
        namespace: header.field("metadata.namespace").unwrap_or_default().to_owned(),
        ..call.info.clone()
    };
    match delete_object(Call { info: &info, ..call }, name, options).await {
        Err(error) if error.code != StatusCode::NOT_FOUND => Err(error),
        _ => Ok(()),
    }
}
