//! ServiceAccount: every pod runs as one, with a token where it expects one.

use serde_json::{Value, json};

use crate::object::{Object as _, child, text_at};
use crate::registry::Call;
use crate::{ApiError, Subject};

const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Seconds a pod's token lives, as upstream's: an hour and a little for slow rotation.
const TOKEN_SECONDS: i64 = 3607;

pub(super) async fn admit(call: &Call<'_>, pod: &mut Value) -> Result<(), ApiError> {
    if pod
        .pointer("/metadata/annotations")
        .is_some_and(|annotations| annotations.get(MIRROR).is_some())
    {
        return Ok(());
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
    let account = call
        .api
        .peek("", "serviceaccounts", call.namespace(), &name)
        .await?
        .ok_or_else(|| {
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
