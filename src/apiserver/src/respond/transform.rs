//! Single objects and watch events in the negotiated view and encoding.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Response, StatusCode};
use machinery::table::partial;
use schema::Resource;
use serde_json::{Value, json};
use store::Entry;

use super::{Media, Negotiated, View, negotiate, raw};
use crate::{ApiError, Body, codec, convert, storage};

/// A stored object. JSON as it is stored goes out as it is.
pub(crate) fn one(
    negotiated: Negotiated,
    resource: &'static Resource,
    code: StatusCode,
    entry: &Entry,
) -> Result<Response<Body>, ApiError> {
    if negotiated.media == Media::Json && negotiated.view == View::Whole && !convert::differs(resource) {
        return Ok(raw(code, "application/json", entry.value.clone()));
    }
    let object = convert::to_served(resource, storage::parse(entry)?);
    one_parsed(negotiated, resource, code, object)
}

/// An object, stored or not.
pub(crate) fn one_parsed(
    negotiated: Negotiated,
    resource: &'static Resource,
    code: StatusCode,
    object: Value,
) -> Result<Response<Body>, ApiError> {
    let object = viewed(negotiated, resource, object, true);
    let (media, bytes) = negotiate::encode(negotiated.media, &object)?;
    Ok(raw(code, media, bytes))
}

/// The object, or a table of one row, or its metadata.
fn viewed(negotiated: Negotiated, resource: &'static Resource, object: Value, columns: bool) -> Value {
    match negotiated.view {
        View::Whole => object,
        View::Table => {
            let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            codec::table(resource, metadata, &[object], negotiated.include, columns)
        }
        View::Metadata => partial(&object),
    }
}

/// One event of a watch stream, framed for its encoding. `first` tables carry the column definitions.
pub(crate) fn watch_frame(
    negotiated: Negotiated,
    resource: &'static Resource,
    kind: &'static str,
    entry: &Entry,
    first: bool,
) -> Result<Bytes, ApiError> {
    if negotiated.media != Media::Protobuf && negotiated.view == View::Whole && !convert::differs(resource) {
        let mut frame = BytesMut::with_capacity(entry.value.len() + 40);
        frame.put_slice(b"{\"type\":\"");
        frame.put_slice(kind.as_bytes());
        frame.put_slice(b"\",\"object\":");
        frame.put_slice(&entry.value);
        frame.put_slice(b"}\n");
        return Ok(frame.freeze());
    }
    let object = viewed(
        negotiated,
        resource,
        convert::to_served(resource, storage::parse(entry)?),
        first,
    );
    event_frame(negotiated.media, kind, object)
}

/// A framed event of any object (bookmarks, errors).
pub(crate) fn event_frame(media: Media, kind: &str, object: Value) -> Result<Bytes, ApiError> {
    if media == Media::Protobuf {
        return codec::watch_event_protobuf(kind, &object);
    }
    let mut frame = json!({"type": kind, "object": object}).to_string();
    frame.push('\n');
    Ok(Bytes::from(frame))
}
