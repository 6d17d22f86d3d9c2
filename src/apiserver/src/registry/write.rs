//! Writing a changed object: nothing if it did not change, a removal if it was the last finalizer's.

use std::sync::Arc;

use serde_json::Value;
use store::{Entry, Expect, Op, StoreError, Write};

use super::{Call, unsaved};
use crate::object::Object as _;
use crate::{ApiError, admission, storage};

/// Replaces `entry` by `new`, together with what it is charged. `None` if one of them is no longer the newest.
pub(super) async fn put(
    call: &Call<'_>,
    entry: &Arc<Entry>,
    old: &Value,
    new: &Value,
    charge: admission::Charge,
) -> Result<Option<Arc<Entry>>, ApiError> {
    if same(old, new) {
        return Ok(Some(Arc::clone(entry)));
    }
    if call.info.is_dry_run() {
        return Ok(Some(Arc::new(unsaved(call, new, entry.mod_revision)?)));
    }
    if is_finished(call, old, new) {
        return remove(call, entry, new).await;
    }
    let op = Op::Put(storage::payload(call.resource.group, call.resource.plural, new)?);
    let written = commit(call, entry, op, charge.writes).await?;
    if let (Some(span), Some(written)) = (call.span, &written) {
        span.wrote(call.resource, new, traces::Change::Updated, written.mod_revision.0);
    }
    Ok(written)
}

/// Removes `entry`; watchers are shown `last`.
pub(super) async fn remove(call: &Call<'_>, entry: &Arc<Entry>, last: &Value) -> Result<Option<Arc<Entry>>, ApiError> {
    let op = Op::Delete(storage::payload(call.resource.group, call.resource.plural, last)?);
    let api = call.api;
    let writes = api.allocators.on_removal(&*api.store, call.resource, last).await?;
    let removed = commit(call, entry, op, writes).await?;
    if let Some(removed) = &removed {
        call.api.allocators.release(call.resource, last);
        if let Some(span) = call.span {
            span.wrote(call.resource, last, traces::Change::Deleted, removed.mod_revision.0);
        }
    }
    Ok(removed)
}

async fn commit(call: &Call<'_>, entry: &Arc<Entry>, op: Op, with: Vec<Write>) -> Result<Option<Arc<Entry>>, ApiError> {
    let write = Write {
        key: entry.key.to_string(),
        expect: Expect::At(entry.mod_revision),
        op,
    };
    let writes = std::iter::once(write).chain(with).collect();
    match call.api.store.commit(writes).await {
        Ok(entries) => Ok(entries.into_iter().next()),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The last finalizer of an object that is being deleted went, and its grace period is over.
fn is_finished(call: &Call<'_>, old: &Value, new: &Value) -> bool {
    let spec_finalizers = |object: &Value| {
        call.resource.plural == "namespaces"
            && object
                .pointer("/spec/finalizers")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty())
    };
    new.is_deleting()
        && new.finalizers().is_empty()
        && !spec_finalizers(new)
        && new.grace_seconds().unwrap_or_default() == 0
        && (!old.finalizers().is_empty() || spec_finalizers(old))
}

/// Equal but for the version and for the times at which managers last wrote.
fn same(old: &Value, new: &Value) -> bool {
    let (Some(old_meta), Some(new_meta)) = (old.meta(), new.meta()) else {
        return false;
    };
    let plain = |name: &str| !matches!(name, "resourceVersion" | "managedFields");
    let count = |meta: &serde_json::Map<String, Value>| meta.keys().filter(|name| plain(name)).count();
    count(old_meta) == count(new_meta)
        && new_meta
            .iter()
            .filter(|(name, _)| plain(name))
            .all(|(name, value)| old_meta.get(name) == Some(value))
        && same_managers(old_meta.get("managedFields"), new_meta.get("managedFields"))
        && same_rest(old, new)
}

fn same_rest(old: &Value, new: &Value) -> bool {
    fn rest(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        object
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(field, _)| *field != "metadata")
    }
    rest(old).eq(rest(new))
}

fn same_managers(old: Option<&Value>, new: Option<&Value>) -> bool {
    let untimed = |managers: Option<&Value>| -> Vec<Value> {
        let list = managers.and_then(Value::as_array).cloned().unwrap_or_default();
        list.into_iter()
            .map(|mut manager| {
                if let Some(map) = manager.as_object_mut() {
                    map.remove("time");
                }
                manager
            })
            .collect()
    };
    untimed(old) == untimed(new)
}
