//! `DELETE` of one object: grace periods, finalizers, propagation and preconditions.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Entry;

use super::{Call, meta, write};
use crate::object::{Object as _, text_at};
use crate::{ApiError, Body, admission, body, codec, respond, storage};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
const ATTEMPTS: usize = 10;

/// `meta/v1.DeleteOptions`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeleteOptions {
    pub(crate) grace_period_seconds: Option<i64>,
    pub(crate) propagation_policy: Option<String>,
    pub(crate) orphan_dependents: Option<bool>,
    pub(crate) preconditions: Option<Preconditions>,
    pub(crate) dry_run: Vec<String>,
}

/// What has to hold for the deletion to go ahead.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Preconditions {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

impl DeleteOptions {
    /// Whether nothing is to be persisted.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run.iter().any(|value| value == "All")
    }

    /// From the body if there is one, else from the query.
    pub(crate) async fn of(call: &Call<'_>, request: Request<Body>) -> Result<Self, ApiError> {
        let (parts, incoming) = request.into_parts();
        let bytes = body::read(incoming).await?;
        let options = if bytes.is_empty() {
            let info = call.info;
            let number = |name: &str| match info.param(name) {
                None => Ok(None),
                Some(text) => text
                    .parse()
                    .map(Some)
                    .map_err(|_| ApiError::bad_request(format!("invalid {name}: {text:?}"))),
            };
            Self {
                grace_period_seconds: number("gracePeriodSeconds")?,
                propagation_policy: info.param("propagationPolicy").map(str::to_owned),
                orphan_dependents: info.param("orphanDependents").map(|text| text == "true"),
                ..Self::default()
            }
        } else {
            let object = codec::decode_options(&parts.headers, &bytes, "DeleteOptions")?;
            serde_json::from_value(object).map_err(|error| ApiError::bad_request(error.to_string()))?
        };
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.orphan_dependents.is_some() && self.propagation_policy.is_some() {
            return Err(ApiError::unprocessable(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \
                 orphanDependents and deletionPropagation cannot be both set",
            ));
        }
        match self.propagation_policy.as_deref() {
            None | Some("Orphan" | "Background" | "Foreground") => Ok(()),
            Some(other) => Err(ApiError::unprocessable(format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{other}\": \
                 supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            ))),
        }
    }

    /// The finalizer that the propagation asks for.
    fn finalizer(&self) -> Option<&'static str> {
        match (self.propagation_policy.as_deref(), self.orphan_dependents) {
            (Some("Orphan"), _) | (None, Some(true)) => Some(ORPHAN),
            (Some("Foreground"), _) => Some(FOREGROUND),
            _ => None,
        }
    }

    /// The grace period that was asked for. Less than none means at once, but never without telling the kubelet.
    fn grace(&self) -> Option<i64> {
        self.grace_period_seconds
            .map(|seconds| if seconds < 0 { 1 } else { seconds })
    }

    fn says(&self) -> bool {
        self.propagation_policy.is_some() || self.orphan_dependents.is_some()
    }
}

/// What became of the object.
pub(crate) enum Deleted {
    /// It is gone; this was its last state.
    Gone(Arc<Entry>),
    /// It goes once its finalizers or its grace period allow it.
    Going(Arc<Entry>),
}

pub(crate) async fn delete(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let options = DeleteOptions::of(&call, request).await?;
    let name = &call.info.name;
    match delete_object(call, name, &options).await? {
        Deleted::Going(entry) => call.respond(StatusCode::OK, &entry),
        Deleted::Gone(entry)
            if matches!(
                call.resource.plural,
                "pods"
                    | "services"
                    | "serviceaccounts"
                    | "persistentvolumes"
                    | "persistentvolumeclaims"
                    | "resourcequotas"
                    | "podtemplates"
            ) =>
        {
            call.respond(StatusCode::OK, &entry)
        }
        Deleted::Gone(entry) => {
            let uid = storage::parse(&entry)?.uid().to_owned();
            let mut details = json!({"name": name, "kind": call.resource.plural, "uid": uid});
            if !call.resource.group.is_empty() {
                details["group"] = call.resource.group.into();
            }
            let status =
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            respond::plain(call.negotiated, StatusCode::OK, &status)
        }
    }
}

/// Deletes the named object of the call's namespace.
pub(crate) async fn delete_object(call: Call<'_>, name: &str, options: &DeleteOptions) -> Result<Deleted, ApiError> {
    for _ in 0..ATTEMPTS {
        let entry = call.entry(name).await?;
        let old = storage::parse(&entry)?;
        if let Some(span) = call.span {
            span.about(call.resource, &old);
        }
        check(&call, name, &old, options)?;
        admission::validate(&call, admission::Operation::Delete, &old, Some(&old)).await?;
        let mut new = old.clone();
        let next = mark(&call, &mut new, options)?;
        if call.info.is_dry_run() || options.is_dry_run() {
            return Ok(Deleted::Going(entry));
        }
        let outcome = match next {
            Next::Unchanged => Some(Deleted::Going(entry)),
            Next::Marked => write::put(&call, &entry, &old, &new, admission::Charge::default())
                .await?
                .map(Deleted::Going),
            Next::Removed => write::remove(&call, &entry, &new).await?.map(Deleted::Gone),
        };
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
    Err(ApiError::modified(call.subject(), name))
}

fn check(call: &Call<'_>, name: &str, object: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
    let Some(wanted) = &options.preconditions else {
        return Ok(());
    };
    let refuse = |what: &str, wanted: &str, actual: &str| {
        let why = format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {actual}");
        Err(ApiError::conflict(call.subject(), name, why))
    };
    match (&wanted.uid, &wanted.resource_version) {
        (Some(uid), _) if uid != object.uid() => refuse("UID", uid, object.uid()),
        (_, Some(version)) if version != object.resource_version() => {
            refuse("ResourceVersion", version, object.resource_version())
        }
        _ => Ok(()),
    }
}

/// What a deletion does to the object as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It goes already, and no sooner for this.
    Unchanged,
    /// It is marked, or marked anew.
    Marked,
    /// Nothing keeps it.
    Removed,
}

/// Marks the object as going.
fn mark(call: &Call<'_>, object: &mut Value, options: &DeleteOptions) -> Result<Next, ApiError> {
    let graceful = call.resource.plural == "pods" && call.resource.group.is_empty();
    let running = object.grace_seconds().unwrap_or_default();
    if graceful && object.is_deleting() && running > 0 {
        return shorten(object, options, running);
    }
    set_propagation(call, object, options);
    let namespace = call.resource.plural == "namespaces";
    let was_deleting = object.is_deleting();
    if namespace && !was_deleting {
        crate::object::child(object, "status").insert("phase".to_owned(), "Terminating".into());
    }
    let kept = !object.finalizers().is_empty()
        || (namespace
            && object
                .pointer("/spec/finalizers")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty()));
    let seconds = if graceful && !was_deleting {
        grace(object, options)
    } else {
        0
    };
    if seconds == 0 && !kept {
        object.set_meta("deletionGracePeriodSeconds", 0);
        return Ok(Next::Removed);
    }
    if !was_deleting {
        let end = Timestamp::now() + SignedDuration::from_secs(seconds);
        object.set_meta("deletionTimestamp", meta::stamp(end));
        object.set_meta("deletionGracePeriodSeconds", seconds);
        if object.generation() > 0 {
            let next = object.generation() + 1;
            object.set_meta("generation", next);
        }
    }
    Ok(Next::Marked)
}

/// A pod that is terminating only goes sooner if somebody says so.
fn shorten(pod: &mut Value, options: &DeleteOptions, running: i64) -> Result<Next, ApiError> {
    let Some(asked) = options.grace().filter(|asked| *asked < running) else {
        return Ok(Next::Unchanged);
    };
    let end: Timestamp = text_at(pod, "metadata.deletionTimestamp")
        .parse()
        .map_err(ApiError::internal)?;
    let end = end - SignedDuration::from_secs(running - asked);
    let now = Timestamp::now();
    // what is left is never less than nothing, and the kubelet still hears of it unless nobody is to wait for it
    let (end, seconds) = if end < now { (now, asked.min(1)) } else { (end, asked) };
    pod.set_meta("deletionTimestamp", meta::stamp(end));
    pod.set_meta("deletionGracePeriodSeconds", seconds);
    if seconds == 0 && pod.finalizers().is_empty() {
        return Ok(Next::Removed);
    }
    Ok(Next::Marked)
}

/// How long a pod has from now on.
fn grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let phase = text_at(pod, "status.phase");
    if text_at(pod, "spec.nodeName").is_empty() || phase == "Succeeded" || phase == "Failed" {
        return 0;
    }
    let own = pod
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(30);
    options.grace().unwrap_or(if own < 0 { 1 } else { own })
}

/// Kinds whose dependents stay behind if nobody says what becomes of them, as they did before there was a choice.
const ORPHANS: &[(&str, &str, &str)] = &[("", "v1", "replicationcontrollers"), ("batch", "v1", "jobs")];

fn set_propagation(call: &Call<'_>, object: &mut Value, options: &DeleteOptions) {
    let mut finalizers: Vec<String> = object.finalizers().into_iter().map(str::to_owned).collect();
    let mut wanted = options.finalizer();
    let propagates = |own: &String| own == ORPHAN || own == FOREGROUND;
    if options.says() {
        finalizers.retain(|own| !propagates(own));
    } else {
        let kind = (call.resource.group, call.resource.version, call.resource.plural);
        wanted = (ORPHANS.contains(&kind) && !finalizers.iter().any(propagates)).then_some(ORPHAN);
    }
    if let Some(wanted) = wanted
        && !finalizers.iter().any(|own| own == wanted)
    {
        finalizers.push(wanted.to_owned());
    }
    if finalizers.is_empty() {
        object.remove_meta("finalizers");
    } else {
        object.set_meta("finalizers", finalizers);
    }
}
