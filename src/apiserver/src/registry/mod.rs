//! The generic registry: every verb on every resource of the table.

mod allocate;
mod create;
mod delete;
mod delete_collection;
mod label_keys;
mod list;
mod meta;
mod patch;
mod selection;
mod strategy;
mod update;
mod watch;
mod write;

use std::sync::Arc;

use http::{Response, StatusCode};
use schema::Resource;
use serde_json::Value;
use store::Entry;

pub(crate) use allocate::Allocators;
use create::create_missing;
pub(crate) use create::{create, create_object};
pub(crate) use delete::{DeleteOptions, delete, delete_object};
pub(crate) use delete_collection::delete_collection;
pub(crate) use list::list;
pub(crate) use meta::{new_uid, now, stamp};
pub(crate) use patch::patch;
pub(crate) use strategy::kept_by_status;
pub(crate) use update::{Part, update, update_object};
pub(crate) use watch::watch;

use crate::respond::{self, Negotiated};
use crate::trace::Span;
use crate::{Api, ApiError, Body, RequestInfo, Subject, User, storage};

/// One request on one resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) user: &'a User,
    pub(crate) info: &'a RequestInfo,
    pub(crate) resource: &'static Resource,
    pub(crate) negotiated: Negotiated,
    /// Set if somebody traces.
    pub(crate) span: Option<&'a Span>,
    /// From `fieldManager`, or from the user agent.
    pub(crate) manager: &'a str,
    /// A server-side apply, which notes the owners of fields itself.
    pub(crate) applying: bool,
}

impl<'a> Call<'a> {
    /// How errors name the resource.
    pub(crate) fn subject(&self) -> Subject<'static> {
        Subject {
            group: self.resource.group,
            resource: self.resource.plural,
        }
    }

    /// How validation errors name it.
    pub(crate) fn kind(&self) -> Subject<'static> {
        Subject {
            group: self.resource.group,
            resource: self.resource.kind,
        }
    }

    pub(crate) fn namespace(&self) -> &'a str {
        if self.resource.namespaced {
            &self.info.namespace
        } else {
            ""
        }
    }

    pub(crate) fn key(&self, name: &str) -> String {
        storage::key(self.resource, self.namespace(), name)
    }

    /// The stored entry of the named object.
    pub(crate) async fn entry(&self, name: &str) -> Result<Arc<Entry>, ApiError> {
        self.api
            .store
            .get(&self.key(name))
            .await?
            .ok_or_else(|| ApiError::not_found(self.subject(), name))
    }

    /// The named object, parsed.
    pub(crate) async fn object(&self, name: &str) -> Result<Value, ApiError> {
        let entry = self.entry(name).await?;
        storage::parse(&entry)
    }

    /// The same caller on another resource.
    pub(crate) fn on(self, resource: &'static Resource) -> Self {
        Self { resource, ..self }
    }

    pub(crate) fn respond(&self, code: StatusCode, entry: &Entry) -> Result<Response<Body>, ApiError> {
        respond::one(self.negotiated, self.resource, code, entry)
    }
}

/// `GET` of one object.
pub(crate) async fn get(call: Call<'_>) -> Result<Response<Body>, ApiError> {
    let entry = call.entry(&call.info.name).await?;
    call.respond(StatusCode::OK, &entry)
}

/// An entry that is not in the store, for answering dry runs.
pub(crate) fn unsaved(call: &Call<'_>, object: &Value, revision: store::Revision) -> Result<Entry, ApiError> {
    let payload = storage::payload(call.resource.group, call.resource.plural, object)?;
    let digits = if revision.0 == 0 {
        String::new()
    } else {
        revision.to_string()
    };
    let value = [payload.head.as_ref(), digits.as_bytes(), payload.tail.as_ref()].concat();
    Ok(Entry {
        key: Arc::from(""),
        value: value.into(),
        header: payload.header,
        create_revision: revision,
        mod_revision: revision,
    })
}
