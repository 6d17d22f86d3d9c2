//! Objects in other forms: YAML, protobuf, tables, OpenAPI.

use bytes::Bytes;
use jiff::Timestamp;
use machinery::protobuf;
use machinery::table::IncludeObject;
use schema::Resource;
use serde_json::{Value, json};

use crate::ApiError;

/// YAML with its keys in alphabetical order, as upstream writes it: people compare such texts.
pub(crate) fn to_yaml(object: &Value) -> Result<String, ApiError> {
    let mut object = object.clone();
    object.sort_all_objects();
    yaml::to_string(&object).map_err(ApiError::internal)
}

pub(crate) fn to_protobuf(object: &Value) -> Result<Bytes, ApiError> {
    protobuf::encode(object)
        .map(Bytes::from)
        .map_err(|error| ApiError::new(http::StatusCode::NOT_ACCEPTABLE, "NotAcceptable", error.to_string()))
}

pub(crate) fn watch_event_protobuf(kind: &str, object: &Value) -> Result<Bytes, ApiError> {
    Ok(Bytes::from(protobuf::watch_frame(kind, &to_protobuf(object)?)))
}

/// A table of the objects; only the first one of a watch describes its columns.
pub(crate) fn table(
    resource: &'static Resource,
    metadata: Value,
    items: &[Value],
    include: IncludeObject,
    columns: bool,
) -> Value {
    let printer = machinery::table::printer(resource.group, resource.kind);
    let mut table = printer.table(metadata, items, include, Timestamp::now());
    if !columns {
        table["columnDefinitions"] = json!([]);
    }
    table
}
