//! Strategic merge patch: like a merge patch, but lists merge by key where the schema table says so, with directives in
//! the patch for order, deletion and replacement.
//!
//! Semantics: `k8s.io/apimachinery/pkg/util/strategicpatch`.

use schema::{Field, FieldType, PatchStrategy, Type};
use serde_json::{Map, Value};

use super::PatchError;
use super::order::{Key, in_order};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const ORDER: &str = "$setElementOrder";

type Object = Map<String, Value>;
type Result<T> = std::result::Result<T, PatchError>;

/// Applies the patch to an object of the type.
pub fn strategic_merge_patch(original: Value, patch: Value, ty: &'static Type) -> Result<Value> {
    let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
        return Err(PatchError::BadRequest("invalid JSON document".to_owned()));
    };
    merge_map(original, patch, Some(ty)).map(Value::Object)
}

fn merge_map(mut original: Object, mut patch: Object, ty: Option<&'static Type>) -> Result<Object> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Object::new()),
            _ => Err(unknown_directive(&directive, &patch)),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    merge_ordered_lists(&mut original, &mut patch, ty)?;
    for (key, value) in patch {
        let (key, deletes) = match key.strip_prefix(DELETE_FROM) {
            Some(rest) => (
                rest.strip_prefix('/')
                    .ok_or_else(|| bad_format("primitive list"))?
                    .to_owned(),
                true,
            ),
            None => (key, false),
        };
        if value.is_null() {
            original.remove(&key);
            continue;
        }
        let field = ty.and_then(|ty| ty.field(&key));
        let merged = match (original.remove(&key), value) {
            (Some(Value::Object(original)), Value::Object(patch)) => {
                let merged = if field
                    .and_then(|field| field.patch)
                    .is_some_and(|p| !p.merge && !p.retain_keys)
                {
                    patch
                } else {
                    merge_map(original, patch, field.and_then(message_of))?
                };
                Some(Value::Object(merged))
            }
            (Some(Value::Array(original)), Value::Array(patch)) => {
                Some(Value::Array(merge_list(original, patch, field, deletes)?))
            }
            // A deletion list for something that is not there, or no list, changes nothing.
            (original, _) if deletes => original,
            (_, mut value) => {
                discard_nulls(&mut value);
                without_directives(value)
            }
        };
        if let Some(merged) = merged {
            original.insert(key, merged);
        }
    }
    Ok(original)
}

/// Keys that `$retainKeys` does not name leave the original.
fn retain_keys(original: &mut Object, patch: &mut Object) -> Result<()> {
    let Some(keep) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let keep = keep.as_array().ok_or_else(|| bad_format("retainKeys"))?;
    let named = |key: &str| keep.iter().any(|kept| kept == key);
    let is_directive = |key: &str| key.starts_with(DELETE_FROM) || key.starts_with(ORDER);
    if patch
        .iter()
        .any(|(key, value)| !value.is_null() && !is_directive(key) && !named(key))
    {
        return Err(bad_format("retainKeys"));
    }
    original.retain(|key, _| named(key));
    Ok(())
}

/// Lists with a `$setElementOrder` merge first; their entries leave the patch.
fn merge_ordered_lists(original: &mut Object, patch: &mut Object, ty: Option<&'static Type>) -> Result<()> {
    let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(ORDER)).cloned().collect();
    for directive in directives {
        let order = patch.remove(&directive).unwrap_or(Value::Null);
        let name = directive[ORDER.len()..]
            .strip_prefix('/')
            .ok_or_else(|| bad_format("setElementOrder list"))?;
        let Value::Array(order) = order else {
            return Err(bad_format("setElementOrder list"));
        };
        let field = ty.and_then(|ty| ty.field(name));
        let key = merge_key(field);
        let listed = list_of(patch.get(name))?;
        let existing = list_of(original.get(name))?;
        check_order(listed.unwrap_or_default(), &order, key)?;
        let merged = match (existing, listed) {
            (None, None) => continue,
            (Some(existing), None) => existing.to_vec(),
            (None, Some(listed)) => listed
                .iter()
                .filter_map(|value| without_directives(value.clone()))
                .collect(),
            (Some(existing), Some(listed)) => merge_list(existing.to_vec(), listed.to_vec(), field, false)?,
        };
        let ordered = in_order(merged, &order, existing.unwrap_or_default(), key)?;
        original.insert(name.to_owned(), Value::Array(ordered));
        patch.remove(name);
    }
    Ok(())
}

fn list_of(value: Option<&Value>) -> Result<Option<&[Value]>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => {
            let message = format!("expected a []interface {{}}, but received a {}", go_kind(other));
            Err(PatchError::Internal(message))
        }
    }
}

/// What the patch adds must stand in the same order in the order list.
fn check_order(patch: &[Value], order: &[Value], key: Key) -> Result<()> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
        let wanted = key.of(item)?;
        let found = rest.any(|candidate| key.of(candidate).is_ok_and(|value| value == wanted));
        if !found {
            let message = format!(
                "The order in patch list:\n{}\n doesn't match {ORDER} list:\n{}\n",
                Value::Array(patch.to_vec()),
                Value::Array(order.to_vec())
            );
            return Err(PatchError::Internal(message));
        }
    }
    Ok(())
}

fn merge_list(
    original: Vec<Value>,
    patch: Vec<Value>,
    field: Option<&'static Field>,
    deletes: bool,
) -> Result<Vec<Value>> {
    let merges = field
        .and_then(|field| field.patch)
        .is_some_and(|strategy| strategy.merge);
    if !merges && !deletes {
        return Ok(patch);
    }
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    let key = merge_key(field);
    let of_objects = original.first().or(patch.first()).is_some_and(Value::is_object);
    if !of_objects {
        if deletes {
            return Ok(original.into_iter().filter(|item| !patch.contains(item)).collect());
        }
        let mut merged: Vec<Value> = Vec::new();
        for item in original.iter().chain(&patch) {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        return in_order(merged, &patch, &original, Key::None);
    }
    if matches!(key, Key::None) {
        let name = field.map_or("", |field| field.name);
        return Err(PatchError::Internal(format!(
            "cannot merge lists without merge key for {name}"
        )));
    }
    let before = original.clone();
    let (mut merged, plain) = apply_item_directives(original, patch, key)?;
    let ty = field.and_then(item_of);
    for item in &plain {
        let wanted = key.of(item)?;
        let found = merged
            .iter()
            .position(|candidate| key.of(candidate).is_ok_and(|value| value == wanted));
        match (found, item) {
            (Some(at), Value::Object(item)) => {
                let existing = merged[at].as_object().cloned().unwrap_or_default();
                merged[at] = Value::Object(merge_map(existing, item.clone(), ty)?);
            }
            _ => merged.push(item.clone()),
        }
    }
    in_order(merged, &plain, &before, key)
}

/// Deletes and replaces as items of the patch say; returns the original's remainder and the patch's plain items.
fn apply_item_directives(mut original: Vec<Value>, patch: Vec<Value>, key: Key) -> Result<(Vec<Value>, Vec<Value>)> {
    let mut plain = Vec::new();
    let mut replace = false;
    for item in patch {
        match item.get(DIRECTIVE).and_then(Value::as_str) {
            None if item.get(DIRECTIVE).is_none() => plain.push(item),
            Some("delete") => {
                let wanted = key.of(&item)?.clone();
                original.retain(|candidate| key.of(candidate).map_or(true, |value| *value != wanted));
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err(PatchError::Internal(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            _ => {
                let directive = item.get(DIRECTIVE).cloned().unwrap_or(Value::Null);
                return Err(unknown_directive(
                    &directive,
                    item.as_object().unwrap_or(&Object::new()),
                ));
            }
        }
    }
    Ok(if replace {
        (plain, Vec::new())
    } else {
        (original, plain)
    })
}

fn merge_key(field: Option<&'static Field>) -> Key {
    match field.and_then(|field| field.patch) {
        Some(PatchStrategy { key: Some(key), .. }) => Key::Field(key),
        _ => Key::None,
    }
}

fn message_of(field: &'static Field) -> Option<&'static Type> {
    if let FieldType::Message(ty) = field.ty {
        Some(ty)
    } else {
        None
    }
}

fn item_of(field: &'static Field) -> Option<&'static Type> {
    if let FieldType::List(FieldType::Message(ty)) = field.ty {
        Some(*ty)
    } else {
        None
    }
}

/// None if the value itself is marked.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(entries) if entries.contains_key(DIRECTIVE) => None,
        Value::Object(entries) => {
            let kept = entries
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            entries.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

fn bad_format(what: &str) -> PatchError {
    PatchError::BadRequest(format!("invalid patch format of {what}"))
}

fn unknown_directive(directive: &Value, patch: &Object) -> PatchError {
    let directive = directive
        .as_str()
        .map_or_else(|| directive.to_string(), ToOwned::to_owned);
    PatchError::Internal(format!(
        "unknown patch type: {directive} in map: {}",
        Value::Object(patch.clone())
    ))
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
