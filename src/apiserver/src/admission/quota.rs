//! ResourceQuota: what an object uses is added to the quotas of its namespace, in the transaction that writes the object.
//!
//! Semantics: `k8s.io/apiserver/pkg/admission/plugin/resourcequota`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use machinery::quantity::Quantity;
use machinery::quota::{self, ObjectKind};
use machinery::resources::{self, ResourceList};
use serde_json::Value;
use store::{Entry, Expect, Op, Write};
use tokio::sync::{Mutex, OwnedMutexGuard};
use traces::Outcome;

use super::Operation;
use crate::object::Object as _;
use crate::registry::Call;
use crate::{ApiError, storage};

/// Turns, by namespace: writers of one namespace would only undo one another's work.
#[derive(Debug, Default)]
pub(crate) struct Turns([Arc<Mutex<()>>; 16]);

impl Turns {
    async fn take(&self, namespace: &str) -> OwnedMutexGuard<()> {
        let mut hasher = DefaultHasher::new();
        namespace.hash(&mut hasher);
        let at = hasher.finish() % self.0.len() as u64;
        Arc::clone(&self.0[at as usize]).lock_owned().await
    }
}

/// Writes that belong to the object's own. Hold it until they are committed.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    pub(crate) writes: Vec<Write>,
    _turn: Option<OwnedMutexGuard<()>>,
}

/// Adds what the object uses to the quotas that are about it. Fails if one would be exceeded.
pub(crate) async fn charge(
    call: &Call<'_>,
    operation: Operation,
    object: &Value,
    old: Option<&Value>,
) -> Result<Charge, ApiError> {
    let charged = weigh(call, operation, object, old).await;
    if let Some(span) = call.span {
        let outcome = match &charged {
            Err(_) => Outcome::Refused,
            Ok(_) => Outcome::Passed,
        };
        span.phase("admission", outcome, "ResourceQuota");
    }
    charged
}

async fn weigh(call: &Call<'_>, operation: Operation, object: &Value, old: Option<&Value>) -> Result<Charge, ApiError> {
    let kind = ObjectKind {
        group: call.resource.group,
        plural: call.resource.plural,
    };
    if !call.resource.namespaced || !counts(call, operation, object, old) || quotas(call).await?.is_empty() {
        return Ok(Charge::default());
    }
    let turn = call.api.quotas.take(call.namespace()).await;
    let mut used = quota::usage(kind, object, true);
    if let Some(before) = old.map(|old| quota::usage(kind, old, true)) {
        for (name, amount) in &mut used {
            before.get(name).into_iter().for_each(|before| amount.sub(before));
        }
    }
    let mut writes = Vec::new();
    for entry in quotas(call).await? {
        let mut quota = storage::parse(&entry)?;
        if quota::matches(&quota, kind, object) {
            let matched_before = old.is_some_and(|old| quota::matches(&quota, kind, old));
            let more = match old {
                Some(_) if !matched_before => quota::usage(kind, object, true),
                _ => used.clone(),
            };
            if let Some(sum) = add(call, kind, object, &quota, more)? {
                for (name, amount) in sum {
                    quota["status"]["used"][name] = amount.to_string().into();
                }
                writes.push(Write {
                    key: entry.key.to_string(),
                    expect: Expect::At(entry.mod_revision),
                    op: Op::Put(storage::payload("", "resourcequotas", &quota)?),
                });
            }
        }
    }
    Ok(Charge {
        writes,
        _turn: Some(turn),
    })
}

/// Creations always count, changes only of kinds whose use can change.
fn counts(call: &Call<'_>, operation: Operation, object: &Value, old: Option<&Value>) -> bool {
    let deadline = |pod: &Value| pod["spec"]["activeDeadlineSeconds"].is_i64();
    match (
        operation,
        call.resource.group,
        call.resource.plural,
        call.info.subresource.as_str(),
    ) {
        (Operation::Create, _, _, "")
        | (Operation::Update, "", "pods", "resize")
        | (Operation::Update, "", "services" | "persistentvolumeclaims", "") => true,
        (Operation::Update, "", "pods", "") => old.is_some_and(|old| deadline(old) != deadline(object)),
        _ => false,
    }
}

async fn quotas(call: &Call<'_>) -> Result<Vec<Arc<Entry>>, ApiError> {
    let prefix = format!("{}{}/", storage::collection("", "resourcequotas"), call.namespace());
    let query = store::RangeQuery::all(&prefix);
    Ok(call.api.store.range(query).await?.entries)
}

/// The new amounts of what changes. `None` if nothing does.
fn add(
    call: &Call<'_>,
    kind: ObjectKind<'_>,
    object: &Value,
    quota: &Value,
    more: ResourceList,
) -> Result<Option<ResourceList>, ApiError> {
    let refuse = |why: String| Err(ApiError::forbidden(call.subject(), object.name(), why));
    let hard = resources::list(&quota["status"]["hard"]);
    let used = resources::list(&quota["status"]["used"]);
    let bounded: ResourceList = hard
        .iter()
        .filter(|(name, _)| quota::tracked(kind, name))
        .map(own)
        .collect();
    if (kind.group, kind.plural) == ("", "pods")
        && let Some(missing) = quota::missing(object, &bounded)
    {
        return refuse(format!("failed quota: {}: {missing}", quota.name()));
    }
    let expected = resources::list(&quota["spec"]["hard"]).into_iter();
    let unknown: Vec<String> = expected
        .filter(|(name, _)| quota::tracked(kind, name) && !(hard.contains_key(name) && used.contains_key(name)))
        .map(|(name, _)| name)
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(",");
        return refuse(format!(
            "status unknown for quota: {}, resources: {unknown}",
            quota.name()
        ));
    }
    let more: ResourceList = quota::mask(&more, &hard)
        .into_iter()
        .filter(|(_, amount)| !amount.is_zero())
        .collect();
    let mut sum = quota::mask(&used, &more);
    resources::add(&mut sum, &more);
    let exceeded: ResourceList = sum
        .iter()
        .filter(|(name, amount)| !more[*name].is_negative() && hard.get(*name).is_some_and(|hard| *amount > hard))
        .map(own)
        .collect();
    if !exceeded.is_empty() {
        let said = |list: &ResourceList| {
            let pairs: Vec<String> = quota::mask(list, &exceeded)
                .iter()
                .map(|(name, amount)| format!("{name}={amount}"))
                .collect();
            pairs.join(",")
        };
        let (requested, used, limited) = (said(&more), said(&used), said(&hard));
        return refuse(format!(
            "exceeded quota: {}, requested: {requested}, used: {used}, limited: {limited}",
            quota.name()
        ));
    }
    Ok((!sum.is_empty()).then_some(sum))
}

fn own((name, amount): (&String, &Quantity)) -> (String, Quantity) {
    (name.clone(), amount.clone())
}
