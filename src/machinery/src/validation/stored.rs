//! How objects are stored, and their being stored anew.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cursor::{At, Check, IMMUTABLE};
use crate::field::FieldError;
use crate::names;

/// `GROUP.RESOURCE`.
pub(super) fn version_name(name: &str) -> Vec<String> {
    let Some((group, resource)) = name.rsplit_once('.') else {
        return vec!["name must be in the form of <group>.<resource>".to_owned()];
    };
    let part = |part: &str, messages: Vec<String>| told(&format!("the {part} segment "), messages);
    let mut wrong = part("group", names::dns1123_subdomain(group));
    wrong.extend(part("resource", names::dns1035_label(resource)));
    wrong
}

/// The messages, each after what it is about.
fn told(what: &str, messages: Vec<String>) -> Vec<String> {
    messages.into_iter().map(|message| format!("{what}{message}")).collect()
}

/// The status of a StorageVersion.
pub(super) fn versions(check: &mut Check<'_>) {
    let status = check.root().child("status");
    let mut servers = BTreeSet::new();
    let mut encodings = BTreeSet::new();
    for one in status.child("storageVersions").items() {
        let id = one.child("apiServerID");
        if !servers.insert(id.str()) {
            check.add(FieldError::duplicate(&id.path, id.str()));
        }
        encodings.insert(one.child("encodingVersion").str());
        of_server(check, &one);
    }
    let common = status.child("commonEncodingVersion");
    match encodings.first().filter(|_| encodings.len() == 1) {
        Some(actual) if !common.is_set() => check.invalid(&common, format!("the common encoding version is {actual}")),
        Some(actual) if common.str() != *actual => {
            check.invalid(&common, format!("the actual common encoding version is {actual}"));
        }
        None if common.is_set() => check.invalid(
            &common,
            "should be nil if servers do not agree on the same encoding version, or if there is no server reporting the \
             supported versions yet",
        ),
        _ => {}
    }
    let mut types = BTreeSet::new();
    for condition in status.child("conditions").items() {
        let ty = condition.child("type");
        if !types.insert(ty.str()) {
            check.invalid(&ty, "the type of the condition is not unique");
        }
        for field in ["type", "status"] {
            check.name(&condition.child(field), names::qualified_name);
        }
        for field in ["reason", "message"] {
            if !condition.child(field).has_any() {
                check.required(&condition.child(field), "");
            }
        }
    }
}

fn of_server(check: &mut Check<'_>, one: &At<'_>) {
    let id = one.child("apiServerID");
    check.all_invalid(&id, names::dns1123_subdomain(id.str()));
    let (encoding, decodable) = (one.child("encodingVersion"), one.child("decodableVersions"));
    let can_read = |version: &str| decodable.items().any(|one| one.str() == version);
    let valid = |check: &mut Check<'_>, at: &At<'_>| {
        let messages = api_version(at.str());
        if !messages.is_empty() {
            check.invalid(at, messages.join(","));
        }
    };
    valid(check, &encoding);
    decodable.items().for_each(|version| valid(check, &version));
    if !can_read(encoding.str()) {
        let detail = format!("decodableVersions must include encodingVersion {}", encoding.str());
        check.invalid(&decodable, detail);
    }
    for served in one.child("servedVersions").items() {
        valid(check, &served);
        if !can_read(served.str()) {
            let version = served.str();
            let all: Vec<&str> = decodable.items().map(|one| one.str()).collect();
            let detail = format!(
                "individual served version : {version} must be included in decodableVersions : [{}]",
                all.join(" ")
            );
            check.invalid(&served, detail);
        }
    }
}

/// What is wrong with `[GROUP/]VERSION`.
fn api_version(text: &str) -> Vec<String> {
    let (group, version) = text
        .split_once('/')
        .map_or((None, text), |(group, version)| (Some(group), version));
    let group = group.map(names::dns1123_subdomain).unwrap_or_default();
    let mut wrong = told("group part: ", group);
    wrong.extend(told("version part: ", names::dns1035_label(version)));
    wrong
}

/// The spec of a StorageVersionMigration.
pub(super) fn migration(check: &mut Check<'_>) {
    let resource = check.root().child("spec").child("resource");
    let (plural, group) = (resource.child("resource"), resource.child("group"));
    if plural.has_any() {
        let wrong = names::dns1035_label(plural.str());
        if !wrong.is_empty() {
            check.invalid(&plural, wrong.join(","));
        }
    } else {
        check.required(&plural, "resource is required to be set");
    }
    if group.has_any() {
        let wrong = names::dns1123_subdomain(group.str());
        if !wrong.is_empty() {
            check.invalid(&group, wrong.join(","));
        }
    }
}

/// What is to be migrated stays.
pub(super) fn update_migration(check: &mut Check<'_>, old: &Value) {
    check.immutable("/spec", old, "spec");
}

/// A migration's outcome is final.
pub(super) fn migration_status(check: &mut Check<'_>, old: &Value) {
    let status = check.root().child("status");
    let version = status.child("resourceVersion");
    if version.has_any() && version.str().parse::<u64>().is_err() {
        check.invalid(&version, "resource version is not well formed");
    }
    let before = old.pointer("/status/resourceVersion").and_then(Value::as_str);
    if before.is_some_and(|before| !before.is_empty() && before != version.str()) {
        check.invalid(&version, IMMUTABLE);
    }
    let conditions = status.child("conditions");
    let is_true = |conditions: Option<&Value>, ty: &str| {
        let all = conditions.and_then(Value::as_array);
        let mut all = all.into_iter().flatten();
        all.any(|condition| condition["type"] == ty && condition["status"] == "True")
    };
    let now = |ty: &str| is_true(Some(conditions.value), ty);
    let was = |ty: &str| is_true(old.pointer("/status/conditions"), ty);
    if now("Succeeded") && now("Failed") {
        check.invalid(
            &conditions,
            "Both success and failed conditions cannot be true at the same time",
        );
    }
    for (ty, word) in [("Succeeded", "Success"), ("Failed", "Failed")] {
        if was(ty) && !now(ty) {
            check.invalid(
                &conditions,
                format!("{word} condition cannot be set to false once it is true"),
            );
        }
    }
}
