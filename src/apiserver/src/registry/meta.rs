//! Metadata that the server owns.

use jiff::Timestamp;
use rand::Rng as _;
use serde_json::Value;

use super::Call;
use crate::ApiError;
use crate::object::Object as _;

/// Letters that upstream uses for generated names: no vowels, no look-alikes.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Now, as `metav1.Time` writes it.
pub(crate) fn now() -> String {
    stamp(Timestamp::now())
}

/// An object's identity.
pub(crate) fn new_uid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A time in whole seconds.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Five random letters.
fn suffix() -> String {
    let mut random = rand::rng();
    (0..5)
        .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
        .collect()
}

/// Fills what the server fills on creation, and refuses what only it may set.
pub(super) fn before_create(call: &Call<'_>, object: &mut Value) -> Result<(), ApiError> {
    check_namespace(call, object)?;
    if object.name().is_empty() {
        let base = object.meta_str("generateName");
        if !base.is_empty() {
            // names are at most 63 characters long, five of them random
            let base: String = base.chars().take(58).collect();
            object.set_meta("name", format!("{base}{}", suffix()));
        }
    }
    let url_name = &call.info.name;
    if !url_name.is_empty() && call.info.subresource.is_empty() && object.name() != url_name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({url_name})",
            object.name()
        )));
    }
    if !object.resource_version().is_empty() {
        return Err(ApiError::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        object.remove_meta(field);
    }
    object.set_meta("uid", new_uid());
    object.set_meta("creationTimestamp", now());
    Ok(())
}

/// Keeps what a writer may not change.
pub(super) fn before_update(call: &Call<'_>, new: &mut Value, old: &Value) -> Result<(), ApiError> {
    check_namespace(call, new)?;
    let name = &call.info.name;
    if !name.is_empty() && new.name() != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            new.name()
        )));
    }
    if !new.uid().is_empty() && new.uid() != old.uid() {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            new.uid(),
            old.uid()
        );
        return Err(ApiError::conflict(call.subject(), name, why));
    }
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
    ] {
        match old.meta().and_then(|meta| meta.get(field)) {
            Some(kept) => new.set_meta(field, kept.clone()),
            None => drop(new.remove_meta(field)),
        }
    }
    new.remove_meta("selfLink");
    Ok(())
}

fn check_namespace(call: &Call<'_>, object: &mut Value) -> Result<(), ApiError> {
    if !call.resource.namespaced {
        object.remove_meta("namespace");
        return Ok(());
    }
    let wanted = call.namespace();
    let own = object.meta_str("namespace");
    if own.is_empty() {
        object.set_meta("namespace", wanted);
    } else if own != wanted {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}
