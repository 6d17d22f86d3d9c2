//! `GET ?watch=true`: changes as a stream, with initial events and bookmarks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, Response, header};
use rand::Rng as _;
use serde_json::{Value, json};
use store::{Entry, Event, RangeQuery, Revision, StoreError, Watch};
use tokio::time::Instant;

use super::list::revision_param;
use super::{Call, selection::Selection};
use crate::body::BodyError;
use crate::object::Object as _;
use crate::respond::{self, Media, Negotiated};
use crate::{ApiError, Body, body, storage, trace};

/// As upstream's `--min-request-timeout`: watches end somewhere between this and twice this.
const SHORTEST: u64 = 1800;
/// How often an idle watch that allows bookmarks gets one.
const BOOKMARK: Duration = Duration::from_secs(60);
/// Bytes that one chunk gathers at most before it is sent.
const CHUNK: usize = 64 << 10;

struct Stream {
    resource: &'static schema::Resource,
    negotiated: Negotiated,
    selection: Selection,
    watch: Watch,
    initial: VecDeque<Arc<Entry>>,
    /// Revision of the bookmark that ends the initial events.
    initial_end: Option<Revision>,
    bookmarks: bool,
    first: bool,
    ends: Instant,
    next_bookmark: Instant,
    done: bool,
    traces: traces::Recorder,
    /// Whom a trace says to have been told.
    who: String,
}

pub(crate) async fn watch(call: Call<'_>) -> Result<Response<Body>, ApiError> {
    let info = call.info;
    let selection = Selection::of(info, call.resource)?;
    let prefix = match (info.name.as_str(), info.namespace.is_empty()) {
        ("", _) => storage::prefix(call.resource, call.namespace()),
        (_, true) if call.resource.namespaced => storage::prefix(call.resource, ""),
        (name, _) => call.key(name),
    };
    let asked = revision_param(info)?;
    let bookmarks = info.flag("allowWatchBookmarks");
    let send_initial = match info.param("sendInitialEvents") {
        None | Some("") => None,
        Some(text) => Some(matches!(text, "true" | "1")),
    };
    check_initial(info.param("resourceVersionMatch"), send_initial)?;
    let with_initial = match (send_initial, asked) {
        (Some(wanted), _) => wanted,
        (None, None | Some(Revision(0))) => true,
        (None, Some(_)) => false,
    };
    let newest = call.api.store.revision();
    let (initial, from) = if with_initial {
        if let Some(asked) = asked.filter(|asked| *asked > newest) {
            return Err(StoreError::Future { asked, newest }.into());
        }
        let range = call.api.store.range(RangeQuery::all(&prefix)).await?;
        let mut entries = range.entries;
        entries.retain(|entry| selection.matches(entry));
        (entries.into(), range.revision)
    } else {
        let from = asked.filter(|revision| revision.0 > 0).unwrap_or(newest);
        // a client may have seen another component's newer revision than this collection's newest: wait from there
        (VecDeque::new(), from.min(newest))
    };
    let now = Instant::now();
    let seconds = info
        .param("timeoutSeconds")
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|seconds| *seconds > 0);
    let seconds = seconds.unwrap_or_else(|| rand::rng().random_range(SHORTEST..SHORTEST * 2));
    let watch = match call.api.store.watch(&prefix, from) {
        Ok(watch) => watch,
        // as upstream: an event in the stream, which clients answer with a new list; some repeat on a bare 410
        Err(error @ StoreError::Compacted { .. }) => {
            let frame = respond::event_frame(call.negotiated.media, "ERROR", ApiError::from(error).status())?;
            return Ok(streaming(call.negotiated.media, stream::iter([Ok(frame)])));
        }
        Err(error) => return Err(error.into()),
    };
    let stream = Stream {
        resource: call.resource,
        negotiated: call.negotiated,
        selection,
        watch,
        initial,
        initial_end: (send_initial == Some(true) && bookmarks).then_some(from),
        bookmarks,
        first: true,
        ends: now + Duration::from_secs(seconds),
        next_bookmark: now + BOOKMARK,
        done: false,
        traces: call.api.traces.clone(),
        who: trace::title(call.user, call.manager),
    };
    let chunks = stream::unfold(stream, |mut stream| async move {
        let chunk = stream.chunk().await?;
        Some((Ok::<Bytes, BodyError>(chunk), stream))
    });
    Ok(streaming(call.negotiated.media, chunks))
}

fn streaming<S>(media: Media, chunks: S) -> Response<Body>
where
    S: futures::Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
{
    let media = match media {
        Media::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        _ => "application/json",
    };
    let mut response = Response::new(body::stream(chunks));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn check_initial(matching: Option<&str>, send: Option<bool>) -> Result<(), ApiError> {
    let why = match (matching.filter(|text| !text.is_empty()), send) {
        (Some("NotOlderThan"), Some(_)) | (None, None) => return Ok(()),
        (_, Some(_)) => "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        (_, None) => "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    };
    let message = format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {why}");
    Err(ApiError::unprocessable(message))
}

impl Stream {
    /// The next bytes to send; `None` ends the stream.
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        match self.next().await {
            Ok(chunk) => chunk,
            Err(error) => {
                self.done = true;
                respond::event_frame(self.negotiated.media, "ERROR", error.status()).ok()
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK
            && let Some(entry) = self.initial.pop_front()
        {
            chunk.extend_from_slice(&self.frame("ADDED", &entry)?);
        }
        if self.initial.is_empty()
            && let Some(revision) = self.initial_end.take()
        {
            chunk.extend_from_slice(&self.bookmark(revision, true)?);
        }
        while chunk.is_empty() {
            let wait = self
                .ends
                .min(if self.bookmarks { self.next_bookmark } else { self.ends });
            let events = match tokio::time::timeout_at(wait, self.watch.next()).await {
                Ok(events) => events?,
                Err(_) => self.watch.ready()?,
            };
            for event in &events {
                if let Some(frame) = self.event(event)? {
                    self.traces.delivery(event.revision().0, &self.who);
                    chunk.extend_from_slice(&frame);
                }
            }
            let now = Instant::now();
            if now >= self.next_bookmark && self.bookmarks {
                self.next_bookmark = now + BOOKMARK;
                chunk.extend_from_slice(&self.bookmark(self.watch.position(), false)?);
            }
            if now >= self.ends {
                self.done = true;
                if self.bookmarks {
                    chunk.extend_from_slice(&self.bookmark(self.watch.position(), false)?);
                }
                return Ok(Some(Bytes::from(chunk)).filter(|chunk| !chunk.is_empty()));
            }
        }
        Ok(Some(Bytes::from(chunk)))
    }

    /// An object that comes into the selection is added, one that leaves it is deleted.
    fn event(&mut self, event: &Event) -> Result<Option<Bytes>, ApiError> {
        let is = !event.deleted && self.selection.matches(&event.entry);
        let was = event
            .previous
            .as_ref()
            .is_some_and(|previous| self.selection.matches(previous));
        match (was, is) {
            (false, false) => Ok(None),
            (false, true) => self.frame("ADDED", &event.entry).map(Some),
            (true, true) => self.frame("MODIFIED", &event.entry).map(Some),
            (true, false) if event.deleted => self.frame("DELETED", &event.entry).map(Some),
            (true, false) => {
                // the last state that was selected, at the revision at which it left
                let previous = event.previous.as_ref().unwrap_or(&event.entry);
                let mut object = storage::parse(previous)?;
                object.set_meta("resourceVersion", event.revision().to_string());
                let entry = Entry {
                    value: Bytes::from(object.to_string()),
                    ..(**previous).clone()
                };
                self.frame("DELETED", &entry).map(Some)
            }
        }
    }

    fn frame(&mut self, kind: &'static str, entry: &Entry) -> Result<Bytes, ApiError> {
        let first = std::mem::take(&mut self.first);
        respond::watch_frame(self.negotiated, self.resource, kind, entry, first)
    }

    fn bookmark(&self, revision: Revision, ends_initial: bool) -> Result<Bytes, ApiError> {
        let mut object: Value = json!({
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version(),
            "metadata": {"resourceVersion": revision.to_string(), "creationTimestamp": null},
        });
        if ends_initial {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        match self.negotiated.view {
            respond::View::Whole => {}
            respond::View::Metadata => {
                object["kind"] = "PartialObjectMetadata".into();
                object["apiVersion"] = "meta.k8s.io/v1".into();
            }
            respond::View::Table => {
                let metadata = object["metadata"].take();
                object = json!({
                    "kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": [],
                    "metadata": {"resourceVersion": revision.to_string()},
                    "rows": [{"cells": [], "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}}],
                });
            }
        }
        respond::event_frame(self.negotiated.media, "BOOKMARK", object)
    }
}
