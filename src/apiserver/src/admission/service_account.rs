//! ServiceAccount: every pod runs as one, with a token where it expects one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::object::{Object as _, child, text_at};
use crate::registry::Call;
use crate::{ApiError, Subject, references, storage};

const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long a pod waits for its namespace's first account.
const FIRST_ACCOUNT: Duration = Duration::from_secs(2);
/// Seconds a pod's token lives, as upstream's: an hour and a little for slow rotation.
const TOKEN_SECONDS: i64 = 3607;

pub(super) async fn admit(call: &Call<'_>, pod: &mut Value) -> Result<(), ApiError> {
    if references::is_mirror(pod) {
        return mirror(pod);
    }
    let spec = child(pod, "spec");
    let given = spec
        .get("serviceAccountName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let older = spec
        .get("serviceAccount")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let name = given.or(older).unwrap_or("default").to_owned();
    spec.insert("serviceAccountName".to_owned(), name.as_str().into());
    spec.insert("serviceAccount".to_owned(), name.as_str().into());
    let account = account(call, &name).await?.ok_or_else(|| {
        let why = format!(
            "error looking up service account {}/{name}: serviceaccount \"{name}\" not found",
            call.namespace()
        );
        ApiError::forbidden(
            Subject {
                group: "",
                resource: "pods",
            },
            pod.name(),
            why,
        )
    })?;
    if pod
        .pointer("/spec/imagePullSecrets")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
        && let Some(secrets) = account.get("imagePullSecrets").filter(|list| list.is_array())
    {
        pod["spec"]["imagePullSecrets"] = secrets.clone();
    }
    let wanted = match (
        pod.pointer("/spec/automountServiceAccountToken"),
        account.get("automountServiceAccountToken"),
    ) {
        (Some(Value::Bool(pod)), _) => *pod,
        (_, Some(Value::Bool(account))) => *account,
        _ => true,
    };
    if wanted {
        mount_token(pod);
    }
    Ok(())
}

/// The account; `default` is made a moment after its namespace, so that pods may come with the namespace.
async fn account(call: &Call<'_>, name: &str) -> Result<Option<Value>, ApiError> {
    let found = call.api.peek("", "serviceaccounts", call.namespace(), name).await?;
    if found.is_some() || name != "default" {
        return Ok(found);
    }
    match tokio::time::timeout(FIRST_ACCOUNT, made(call, name)).await {
        Ok(found) => found.map(Some),
        Err(_) => Ok(None),
    }
}

/// Waits for the account.
async fn made(call: &Call<'_>, name: &str) -> Result<Value, ApiError> {
    let prefix = format!("{}{}/", storage::collection("", "serviceaccounts"), call.namespace());
    let mut watch = call.api.store.watch(&prefix, call.api.store.revision())?;
    loop {
        if let Some(found) = call.api.peek("", "serviceaccounts", call.namespace(), name).await? {
            return Ok(found);
        }
        watch.next().await?;
    }
}

/// What a node runs by itself has no account, and no tokens or secrets by way of its mirror.
fn mirror(pod: &Value) -> Result<(), ApiError> {
    let projects = |volume: &Value| {
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
        let mut sources = sources.into_iter().flatten();
        sources.any(|source| source.get("serviceAccountToken").is_some())
    };
    let why = match references::of_any(pod) {
        Some("serviceaccounts") => "a mirror pod may not reference service accounts",
        Some("secrets") => "a mirror pod may not reference secrets",
        _ if references::volumes(pod).any(projects) => {
            "a mirror pod may not use ServiceAccountToken volume projections"
        }
        _ => return Ok(()),
    };
    let subject = Subject {
        group: "",
        resource: "pods",
    };
    Err(ApiError::forbidden(subject, pod.name(), why))
}

/// Adds the projected volume and mounts it into every container that has nothing of its own there.
fn mount_token(pod: &mut Value) {
    let mounted = |container: &Value| {
        container["volumeMounts"]
            .as_array()
            .is_some_and(|mounts| mounts.iter().any(|mount| mount["mountPath"] == MOUNT))
    };
    let spec = child(pod, "spec");
    let existing = spec
        .get("volumes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|volume| text_at(volume, "name"));
    let existing = existing.into_iter().find(|name| name.starts_with("kube-api-access-"));
    let add = existing.is_none();
    let volume =
        existing.unwrap_or_else(|| format!("kube-api-access-{}", &uuid::Uuid::new_v4().simple().to_string()[..5]));
    let mut used = false;
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if !mounted(container) {
                used = true;
                let mounts = child_list(container, "volumeMounts");
                mounts.push(json!({"name": volume, "readOnly": true, "mountPath": MOUNT}));
            }
        }
    }
    if used && add {
        let volumes = spec.entry("volumes").or_insert_with(|| json!([]));
        if let Some(list) = volumes.as_array_mut() {
            list.push(token_volume(&volume));
        }
    }
}

fn child_list<'a>(value: &'a mut Value, field: &str) -> &'a mut Vec<Value> {
    if !value[field].is_array() {
        value[field] = json!([]);
    }
    let Value::Array(list) = &mut value[field] else {
        unreachable!("made a list above")
    };
    list
}

fn token_volume(name: &str) -> Value {
    json!({"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}})
}
