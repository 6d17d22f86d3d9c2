//! Lists: stored bytes joined, or parsed where the view or encoding asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use http::{Response, StatusCode};
use jiff::Timestamp;
use machinery::table::{IncludeObject, partial};
use schema::Resource;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use store::{Entry, Revision};

use super::{Media, Negotiated, View, negotiate, raw};
use crate::{ApiError, Body, codec, convert, storage};

/// Bytes of a row, about.
const ROW: usize = 1400;

/// A list's `metadata`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListMeta {
    pub(crate) revision: Revision,
    pub(crate) continue_token: String,
    pub(crate) remaining: Option<usize>,
}

impl ListMeta {
    fn json(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if !self.continue_token.is_empty() {
            meta["continue"] = self.continue_token.clone().into();
            if let Some(remaining) = self.remaining {
                meta["remainingItemCount"] = remaining.into();
            }
        }
        meta
    }
}

/// A list response.
pub(crate) fn list(
    negotiated: Negotiated,
    resource: &'static Resource,
    meta: &ListMeta,
    entries: &[Arc<Entry>],
) -> Result<Response<Body>, ApiError> {
    if negotiated.media == Media::Json && negotiated.view == View::Whole && !convert::differs(resource) {
        return Ok(raw(
            StatusCode::OK,
            "application/json",
            joined(resource, meta, entries).freeze(),
        ));
    }
    let usual = negotiated.view == View::Table && negotiated.include == IncludeObject::Metadata;
    if usual && negotiated.media == Media::Json && !convert::differs(resource) {
        return Ok(raw(
            StatusCode::OK,
            "application/json",
            tabled(resource, meta, entries)?.freeze(),
        ));
    }
    let mut items = Vec::with_capacity(entries.len());
    for entry in entries {
        items.push(convert::to_served(resource, storage::parse(entry)?));
    }
    parsed(negotiated, resource, meta.json(), &items)
}

/// A list of objects, stored or not.
pub(crate) fn parsed(
    negotiated: Negotiated,
    resource: &'static Resource,
    metadata: Value,
    items: &[Value],
) -> Result<Response<Body>, ApiError> {
    let whole = match negotiated.view {
        View::Whole => {
            json!({"kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": metadata, "items": items})
        }
        View::Metadata => json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "items": items.iter().map(partial).collect::<Vec<_>>(),
        }),
        View::Table => codec::table(resource, metadata, items, negotiated.include, true),
    };
    let (media, bytes) = negotiate::encode(negotiated.media, &whole)?;
    Ok(raw(StatusCode::OK, media, bytes))
}

/// An object for its cells, which nothing in `managedFields` is in, and its metadata as it is stored.
fn sparing(stored: &[u8]) -> serde_json::Result<(Value, &RawValue)> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_slice(stored)?;
    let metadata = fields.remove("metadata").unwrap_or(RawValue::NULL);
    let mut own: BTreeMap<String, &RawValue> = serde_json::from_str(metadata.get())?;
    own.remove("managedFields");
    let parsed = |fields: BTreeMap<String, &RawValue>| -> serde_json::Result<Map<String, Value>> {
        let fields = fields.into_iter();
        fields
            .map(|(name, raw)| Ok((name, serde_json::from_str(raw.get())?)))
            .collect()
    };
    let mut object = parsed(fields)?;
    object.insert("metadata".to_owned(), parsed(own)?.into());
    Ok((object.into(), metadata))
}

/// The table that every `kubectl get` asks for: cells are computed, metadata, most of its bytes, is copied.
fn tabled(resource: &'static Resource, meta: &ListMeta, entries: &[Arc<Entry>]) -> Result<BytesMut, ApiError> {
    let printer = machinery::table::printer(resource.group, resource.kind);
    let now = Timestamp::now();
    let head = format!(
        "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{},\"columnDefinitions\":{},\"rows\":[",
        meta.json(),
        printer.definitions()
    );
    let mut bytes = BytesMut::with_capacity(entries.len() * ROW + head.len());
    bytes.put_slice(head.as_bytes());
    for (index, entry) in entries.iter().enumerate() {
        let (object, metadata) = sparing(&entry.value).map_err(ApiError::internal)?;
        let row = printer.row(&object, IncludeObject::None, now).to_string();
        if index > 0 {
            bytes.put_u8(b',');
        }
        bytes.put_slice(row.strip_suffix('}').unwrap_or(&row).as_bytes());
        bytes.put_slice(br#","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#);
        bytes.put_slice(metadata.get().as_bytes());
        bytes.put_slice(b"}}");
    }
    bytes.put_slice(b"]}");
    Ok(bytes)
}

fn joined(resource: &Resource, meta: &ListMeta, entries: &[Arc<Entry>]) -> BytesMut {
    let size: usize = entries.iter().map(|entry| entry.value.len() + 1).sum();
    let mut bytes = BytesMut::with_capacity(size + 256);
    let head = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
        resource.list_kind,
        resource.api_version(),
        meta.json()
    );
    bytes.put_slice(head.as_bytes());
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            bytes.put_u8(b',');
        }
        bytes.put_slice(&entry.value);
    }
    bytes.put_slice(b"]}");
    bytes
}
