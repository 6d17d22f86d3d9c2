//! `DELETE` of a collection: every selected object, each as if deleted alone.

use http::{Request, Response, StatusCode};
use serde_json::json;

use super::delete::{DeleteOptions, delete_object};
use super::{Call, selection::Selection};
use crate::{ApiError, Body, RequestInfo, respond, storage};

pub(crate) async fn delete_collection(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let options = DeleteOptions::of(&call, request).await?;
    let selection = Selection::of(call.info, call.resource)?;
    let prefix = storage::prefix(call.resource, call.namespace());
    let range = call
        .api
        .store
        .range(store::RangeQuery {
            prefix: &prefix,
            ..store::RangeQuery::default()
        })
        .await?;
    for entry in range.entries.iter().filter(|entry| selection.matches(entry)) {
        let header = storage::Header::of(entry);
        let name = header.field("metadata.name").unwrap_or_default();
        let namespace = header.field("metadata.namespace").unwrap_or_default();
        let info = RequestInfo {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            ..call.info.clone()
        };
        match delete_object(Call { info: &info, ..call }, name, &options).await {
            Ok(_) => {}
            Err(error) if error.code == StatusCode::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    let details = json!({"kind": call.resource.plural, "group": call.resource.group});
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    respond::plain(call.negotiated, StatusCode::OK, &status)
}
