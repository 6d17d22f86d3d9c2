//! `GET /traces` and `/traces/{id}`. Whoever may read these paths sees names, verbs and times; of objects, those that they may
//! `get`. `/traces?resource=pods&namespace=default&name=web` lists the traces that tell something of an object.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use http::Response;
use serde_json::{Value, json};
use traces::{Id, Object as Named, PodState, Records, Request, Story, Summary};

use super::kubelets;
use super::span::is_ready;
use crate::authz::{self, Attributes, Decision};
use crate::object::text_at;
use crate::{Api, ApiError, Body, RequestInfo, User, respond};

pub(crate) async fn answer(
    api: &Arc<Api>,
    user: &User,
    info: &RequestInfo,
    rest: &[&str],
) -> Result<Response<Body>, ApiError> {
    let traces = &api.traces;
    match rest {
        [] => {
            let list = match info.param("resource") {
                Some(_) => about(api, user, info).await?,
                None => traces.list(),
            };
            let list = known(api, user, list).await?;
            Ok(respond::json(&json!({ "traces": list })))
        }
        [id] => {
            let id: Id = id
                .parse()
                .map_err(|_| ApiError::bad_request(format!("{id:?} is no trace: expected 32 hexadecimal digits")))?;
            let records = traces.records(&id).ok_or_else(|| {
                let why = format!("there is no trace {id}, or it has been forgotten");
                ApiError::new(http::StatusCode::NOT_FOUND, "NotFound", why)
            })?;
            let story = story(api, user, records).await?;
            let story = serde_json::to_value(&story).map_err(ApiError::internal)?;
            Ok(respond::json(&story))
        }
        _ => Err(ApiError::no_such_path()),
    }
}

/// Those of the traces whose line names no object that the reader may not get; their own ones in any case.
async fn known(api: &Api, user: &User, list: Vec<Summary>) -> Result<Vec<Summary>, ApiError> {
    let mut allowed = HashMap::new();
    let mut kept = Vec::with_capacity(list.len());
    for one in list {
        let own = one.user == user.name;
        let may = match named(&one.path).filter(|_| !own) {
            None => true,
            Some(key) => {
                let may = match allowed.get(&key) {
                    Some(known) => *known,
                    None => may_get(api, user, &key).await?,
                };
                allowed.insert(key, may);
                may
            }
        };
        if may {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// Group, resource, namespace and name of the object that a path names.
fn named(path: &str) -> Option<(String, String, String, String)> {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let (resource, namespace, name) = match rest {
        ["namespaces", name] | ["namespaces", name, "status" | "finalize"] => ("namespaces", "", *name),
        ["namespaces", namespace, resource, name, ..] => (*resource, *namespace, *name),
        ["namespaces", ..] => return None,
        [resource, name, ..] => (*resource, "", *name),
        _ => return None,
    };
    Some((
        group.to_owned(),
        resource.to_owned(),
        namespace.to_owned(),
        name.to_owned(),
    ))
}

/// The traces that tell of the object that the query names, if the reader may get it.
async fn about(api: &Api, user: &User, info: &RequestInfo) -> Result<Vec<Summary>, ApiError> {
    let text = |name: &str| info.param(name).unwrap_or_default().to_owned();
    let object = Named {
        group: text("group"),
        resource: text("resource"),
        namespace: text("namespace"),
        name: text("name"),
        ..Named::default()
    };
    let key = object.clone();
    let key = (key.group, key.resource, key.namespace, key.name);
    if !may_get(api, user, &key).await? {
        return Ok(Vec::new());
    }
    Ok(api.traces.list_about(&object))
}

async fn story(api: &Arc<Api>, user: &User, mut records: Records) -> Result<Story, ApiError> {
    let mut allowed = HashMap::new();
    let all = traces::requests(&records);
    records.asked = visible(api, user, &mut allowed, records.asked).await?;
    records.following = visible(api, user, &mut allowed, records.following).await?;
    let withheld = all - traces::requests(&records);
    let (uids, pods) = traces::followed(&records);
    let mut nodes: BTreeSet<String> = BTreeSet::new();
    for decision in records.decisions.iter().filter(|decision| uids.contains(&decision.uid)) {
        nodes.extend(decision.chosen.clone());
    }
    for touched in records
        .asked
        .iter()
        .chain(&records.following)
        .flat_map(|request| &request.touched)
    {
        if !touched.node.is_empty() && uids.contains(&touched.object.uid) {
            nodes.insert(touched.node.clone());
        }
    }
    let mut states = Vec::new();
    for pod in &pods {
        let live = api.peek("", "pods", &pod.namespace, &pod.name).await?;
        let live = live.filter(|live| text_at(live, "metadata.uid") == pod.uid);
        states.push(state(&records, pod, live.as_ref()));
    }
    let pods: Vec<String> = pods.into_iter().map(|pod| pod.uid).collect();
    if !pods.is_empty() {
        records.steps = kubelets::steps(api, nodes, &pods).await;
        let first = records.asked.iter().map(|request| request.at).min().unwrap_or_default();
        records.steps.retain(|(_, step)| step.at >= first);
    }
    Ok(Story::of(&records, states, withheld))
}

/// The requests whose objects the reader may get; their own ones in any case.
async fn visible(
    api: &Api,
    user: &User,
    allowed: &mut HashMap<(String, String, String, String), bool>,
    requests: Vec<Request>,
) -> Result<Vec<Request>, ApiError> {
    let mut kept = Vec::with_capacity(requests.len());
    for request in requests {
        let mut may = true;
        for touched in &request.touched {
            let Named {
                group,
                resource,
                namespace,
                name,
                ..
            } = touched.object.clone();
            let key = (group, resource, namespace, name);
            let known = match allowed.get(&key) {
                Some(known) => *known,
                None => may_get(api, user, &key).await?,
            };
            allowed.insert(key, known);
            may &= known;
        }
        if may || request.trace.is_some() && request.actor.user == user.name {
            kept.push(request);
        }
    }
    Ok(kept)
}

async fn may_get(api: &Api, user: &User, key: &(String, String, String, String)) -> Result<bool, ApiError> {
    let (group, resource, namespace, name) = key.clone();
    let asked = Attributes {
        verb: "get".to_owned(),
        group,
        resource,
        namespace,
        name,
        ..Attributes::default()
    };
    Ok(matches!(authz::decide(api, user, &asked).await?, Decision::Allow(_)))
}

/// What is still to be expected of a pod.
fn state(records: &Records, pod: &Named, live: Option<&Value>) -> PodState {
    let phase = live.map(|live| text_at(live, "status.phase")).unwrap_or_default();
    let nowhere = || {
        let last = records.decisions.iter().rev().find(|decision| decision.uid == pod.uid);
        last.is_some_and(|decision| decision.chosen.is_none())
    };
    let deleting = live.is_some_and(|live| !text_at(live, "metadata.deletionTimestamp").is_empty());
    let settled = match live {
        None => true,
        Some(_) if deleting => false,
        Some(live) => is_ready(live) || matches!(phase.as_str(), "Succeeded" | "Failed") || nowhere(),
    };
    PodState {
        name: format!("{}/{}", pod.namespace, pod.name),
        phase,
        settled,
    }
}
