//! Server-side apply: merging by field ownership, and keeping track of ownership in every other write.
//!
//! Semantics: KEP-555, `sigs.k8s.io/structured-merge-diff` and `k8s.io/apimachinery/pkg/util/managedfields`. Of managers
//! at another version of the object than the request's, fields are kept as they are: no conversion takes place here.

mod compare;
mod conflict;
mod fieldset;
mod managed;
mod merge;
mod node;
mod path;
mod set;
mod updater;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use conflict::Conflict;
use managed::{Managed, ManagerId, Owned};
use node::Node;
pub use node::Schema;
pub use path::{FieldPath, PathElement};
pub use set::Set;
use updater::Actor;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Owner of what an object had before its first apply, if nobody was noted until then.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Why an apply is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Malformed: status 400.
    #[error("{0}")]
    BadRequest(String),
    /// Fields of others would change: status 409.
    #[error("{}", conflict::message(.0))]
    Conflict(Vec<Conflict>),
    /// Not of the object's type: upstream answers 500.
    #[error("{0}")]
    Typed(String),
}

/// Who writes, through which endpoint, when.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// `fieldManager`.
    pub manager: &'a str,
    /// Version of the request, `apps/v1`.
    pub api_version: &'a str,
    /// Empty, or the subresource.
    pub subresource: &'a str,
    /// Fields that the endpoint resets, so that nobody owns them through it: `status` for the object itself, for example.
    pub ignored: &'a Set,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Writer<'a> {
    fn actor(&self, apply: bool) -> Actor<'a> {
        let id = ManagerId::new(apply, self.manager, self.api_version, self.subresource);
        Actor {
            id,
            api_version: self.api_version,
            ignored: self.ignored,
        }
    }
}

/// Metadata that nobody owns.
fn stripped() -> Set {
    Set::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// Notes in `new` who owns what after a create (`live` is none), update or patch.
pub fn update(live: Option<&Value>, mut new: Value, schema: Schema<'_>, writer: &Writer<'_>) -> Value {
    let mut managed = managed_of(live, &new, !writer.subresource.is_empty());
    without_managed_fields(&mut new);
    let created = live.is_none_or(|live| live.pointer("/metadata/uid").is_none());
    // Objects that nobody was noted on stay that way until someone applies.
    if managed.0.is_empty() && !created {
        return new;
    }
    let empty = empty_like(&new, schema);
    let live = live.map_or(empty, |live| {
        let mut live = live.clone();
        without_managed_fields(&mut live);
        live
    });
    track_update(&live, &new, schema.into(), &mut managed, writer);
    managed.write(&mut new);
    new
}

fn track_update(live: &Value, new: &Value, node: Node<'_>, managed: &mut Managed, writer: &Writer<'_>) {
    let actor = writer.actor(false);
    // A name that no manager can have stands for this operation until it is known what it changed.
    let current = Actor {
        id: ManagerId {
            manager: String::new(),
            ..actor.id.clone()
        },
        ..actor
    };
    if let Some(set) = updater::update(live, new, node, managed, &current) {
        let set = set.difference(&stripped());
        if !set.is_empty() {
            let id = writer.actor(false).id;
            let before = managed.0.get(&id).map(|owned| owned.set.clone()).unwrap_or_default();
            let owned = Owned {
                set: set.union(&before),
                api_version: writer.api_version.to_owned(),
                time: Some(writer.now),
            };
            managed.0.insert(id, owned);
        }
    }
    managed.cap();
}

/// The object after applying `config`, with managed fields; defaults are the caller's to fill in, then.
pub fn apply(
    live: Option<&Value>,
    config: &Value,
    schema: Schema<'_>,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, ApplyError> {
    if config
        .pointer("/metadata/managedFields")
        .is_some_and(|fields| !fields.is_null())
    {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    let given = config.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if given != writer.api_version {
        let message = "Incorrect version specified in apply patch. Specified patch version";
        return Err(ApplyError::BadRequest(format!(
            "{message}: {given}, expected: {}",
            writer.api_version
        )));
    }
    let node = Node::from(schema);
    let problems = fieldset::check(config, node);
    if !problems.is_empty() {
        return Err(ApplyError::Typed(format!(
            "failed to create typed patch object ({}): {}",
            describe(config),
            aggregate(&problems)
        )));
    }
    let mut managed = match live.map(Managed::of) {
        None => Managed::default(),
        Some(Some(managed)) => managed,
        Some(None) => return Err(ApplyError::Typed("failed to decode managed fields".to_owned())),
    };
    let mut live = live.cloned().unwrap_or_else(|| empty_like(config, schema));
    without_managed_fields(&mut live);
    if managed.0.is_empty() {
        let before = Writer {
            manager: BEFORE_FIRST_APPLY,
            ..*writer
        };
        track_update(&empty_like(&live, schema), &live, node, &mut managed, &before);
    }
    let actor = writer.actor(true);
    let mut attempt = managed.clone();
    let result = match updater::apply(&live, config, node, &mut attempt, &actor, force) {
        Err(conflicts) if writer.manager == "kubectl" => {
            // What kubectl itself last applied on the client's side is its own to change.
            let allowed = last_applied_set(&live, node, writer.api_version).unwrap_or_default();
            let real: Vec<Conflict> = conflicts
                .into_iter()
                .filter(|conflict| !allowed.has(&conflict.path))
                .collect();
            if !real.is_empty() {
                return Err(ApplyError::Conflict(real));
            }
            attempt = managed;
            updater::apply(&live, config, node, &mut attempt, &actor, true).map_err(ApplyError::Conflict)?
        }
        other => other.map_err(ApplyError::Conflict)?,
    };
    let changed = result.is_some();
    let mut object = result.unwrap_or(live);
    finish(&mut attempt, &actor.id, changed, writer.now);
    if let Schema::Builtin(ty) = schema {
        let converted = crate::decode::convert(object, ty);
        object = converted.map_err(|error| ApplyError::Typed(error.to_string()))?.value;
    } else {
        drop_nulls(&mut object);
    }
    if writer.manager == "kubectl" {
        renew_last_applied(&mut object, config);
    }
    attempt.write(&mut object);
    Ok(object)
}

fn finish(managed: &mut Managed, id: &ManagerId, changed: bool, now: Timestamp) {
    if let Some(owned) = managed.0.get_mut(id) {
        owned.set = owned.set.difference(&stripped());
        if changed {
            owned.time = Some(now);
        }
        if owned.set.is_empty() {
            managed.0.remove(id);
        }
    }
}

/// If nothing but the times of managed fields changed, `new` with the old times: no write is needed.
pub fn keep_times_if_unchanged(old: &Value, new: Value) -> Value {
    let (Some(before), Some(after)) = (Managed::of(old), Managed::of(&new)) else {
        return new;
    };
    let timeless = |managed: &Managed| -> Vec<_> {
        managed
            .0
            .iter()
            .map(|(id, owned)| (id.clone(), owned.set.clone(), owned.api_version.clone()))
            .collect()
    };
    let (mut bare_old, mut bare_new) = (old.clone(), new.clone());
    without_managed_fields(&mut bare_old);
    without_managed_fields(&mut bare_new);
    if timeless(&before) == timeless(&after) && bare_old == bare_new {
        old.clone()
    } else {
        new
    }
}

/// Entries sent by the client count if they can be read; `[]` and `[{}]` mean to forget all.
fn managed_of(live: Option<&Value>, new: &Value, subresource: bool) -> Managed {
    let of_live = || live.and_then(Managed::of).unwrap_or_default();
    if subresource {
        return of_live();
    }
    if let Some(entries) = new.pointer("/metadata/managedFields").and_then(Value::as_array) {
        let reset = match entries.as_slice() {
            [] => true,
            [one] => one.as_object().is_some_and(serde_json::Map::is_empty),
            _ => false,
        };
        if reset {
            return Managed::default();
        }
    }
    match Managed::of(new) {
        Some(managed) if !managed.0.is_empty() => managed,
        _ => of_live(),
    }
}

fn without_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// An object of the same type with nothing set; of built-in kinds, what their encoder writes nevertheless.
fn empty_like(object: &Value, schema: Schema<'_>) -> Value {
    let empty = json!({"apiVersion": object.get("apiVersion"), "kind": object.get("kind")});
    match schema {
        Schema::Builtin(ty) => crate::decode::convert(empty.clone(), ty).map_or(empty, |converted| converted.value),
        Schema::Custom(_) => empty,
    }
}

/// `namespace/name; group/version, Kind=kind`.
fn describe(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let version = text("/apiVersion");
    let version = if version.contains('/') {
        version.to_owned()
    } else {
        format!("/{version}")
    };
    format!("{namespace}/{name}; {version}, Kind={}", text("/kind"))
}

fn aggregate(problems: &[String]) -> String {
    match problems {
        [one] => one.clone(),
        many => format!("errors:\n  {}\n", many.join("\n  ")),
    }
}

/// Fields of the last client-side apply that nobody has changed since.
fn last_applied_set(live: &Value, node: Node<'_>, api_version: &str) -> Option<Set> {
    let annotation = live.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str()?;
    let last: Value = serde_json::from_str(annotation).ok()?;
    if last.get("apiVersion")? != api_version || !fieldset::check(&last, node).is_empty() {
        return None;
    }
    let changed = compare::compare(&last, live, node);
    let set = fieldset::field_set(&last, node);
    Some(
        set.difference(&changed.modified)
            .difference(&changed.added)
            .difference(&changed.removed),
    )
}

/// Keeps the annotation of client-side apply up to date, where an object has one.
fn renew_last_applied(object: &mut Value, config: &Value) {
    let annotations = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut);
    let Some(annotation) = annotations.and_then(|annotations| annotations.get_mut(LAST_APPLIED)) else {
        return;
    };
    if annotation.as_str().is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(LAST_APPLIED);
    }
    *annotation = format!("{config}\n").into();
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            entries.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
