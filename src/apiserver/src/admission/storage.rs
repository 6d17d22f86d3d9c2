//! Storage: claims get the default class and, like volumes, protection from being deleted while in use.
//!
//! Semantics: upstream's plugins DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize.

use machinery::quantity::Quantity;
use serde_json::{Value, json};

use crate::object::{Object as _, child, text_at};
use crate::registry::Call;
use crate::{ApiError, storage};

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const CLASS_BEFORE: &str = "volume.beta.kubernetes.io/storage-class";

pub(super) async fn claim(call: &Call<'_>, claim: &mut Value) -> Result<(), ApiError> {
    protect(claim, "kubernetes.io/pvc-protection");
    let annotated = claim
        .pointer("/metadata/annotations")
        .is_some_and(|annotations| annotations.get(CLASS_BEFORE).is_some());
    let unset = claim.pointer("/spec/storageClassName").is_none_or(Value::is_null);
    if unset
        && !annotated
        && let Some(name) = default_class(call).await?
    {
        child(claim, "spec").insert("storageClassName".to_owned(), name.into());
    }
    Ok(())
}

/// A claim may ask for more only if it is bound and its class lets volumes grow.
pub(super) async fn resize(call: &Call<'_>, claim: &Value, old: &Value) -> Result<(), ApiError> {
    let amount = |claim: &Value| {
        let text = claim.pointer("/spec/resources/requests/storage")?.as_str()?;
        text.parse::<Quantity>().ok()
    };
    let (Some(now), Some(before)) = (amount(claim), amount(old)) else {
        return Ok(());
    };
    if now <= before {
        return Ok(());
    }
    let refuse = |why: &str| Err(ApiError::forbidden(call.subject(), claim.name(), why));
    if text_at(old, "status.phase") != "Bound" {
        return refuse("Only bound persistent volume claims can be expanded");
    }
    let name = text_at(claim, "spec.storageClassName");
    let class = call.api.peek("storage.k8s.io", "storageclasses", "", &name).await?;
    if class.is_some_and(|class| class.pointer("/allowVolumeExpansion") == Some(&Value::Bool(true))) {
        return Ok(());
    }
    refuse(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    )
}

pub(super) fn volume(volume: &mut Value) {
    protect(volume, "kubernetes.io/pv-protection");
}

fn protect(object: &mut Value, finalizer: &str) {
    let finalizers = object.meta_mut().entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = finalizers.as_array_mut()
        && !list.iter().any(|known| known == finalizer)
    {
        list.push(finalizer.into());
    }
}

/// Of several, the newest; of equally new ones, the first by name.
async fn default_class(call: &Call<'_>) -> Result<Option<String>, ApiError> {
    let prefix = storage::collection("storage.k8s.io", "storageclasses");
    let query = store::RangeQuery::all(&prefix);
    let found = call.api.store.range(query).await?;
    let classes: Vec<Value> = found
        .entries
        .iter()
        .map(|entry| storage::parse(entry))
        .collect::<Result<_, _>>()?;
    let is_default = |class: &Value| {
        class
            .pointer("/metadata/annotations")
            .and_then(|annotations| annotations.get(DEFAULT_CLASS))
            .is_some_and(|value| value == "true")
    };
    let created = |class: &Value| text_at(class, "metadata.creationTimestamp");
    let defaults = classes.into_iter().filter(is_default);
    let newest = defaults.max_by_key(|class| (created(class), std::cmp::Reverse(class.name().to_owned())));
    Ok(newest.map(|class| class.name().to_owned()))
}
