//! One request while it is answered. There is none unless somebody traces.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderMap, Response, header};
use schema::Resource;
use serde_json::Value;
use traces::{Actor, Change, Id, Object as Named, Outcome, Phase, Recorder, Request, Touched};

use crate::object::{Object as _, text_at};
use crate::{ApiError, Body, RequestInfo, User, codec};

/// The task that serves a connection, which says nothing of who is at its other end.
const CONNECTION: &str = "api-connection";
/// Objects of one request that are noted.
const OBJECTS: usize = 64;
/// Steps of one request that are noted; the deletion of a collection has some for each object.
const PHASES: usize = 64;
/// References of one object that are noted: an EndpointSlice has as many as this.
const REFERENCES: usize = 128;
/// Fields of one refusal that are noted.
const FIELDS: usize = 32;

#[derive(Debug)]
pub(crate) struct Span {
    recorder: Recorder,
    began: Instant,
    notes: Mutex<Notes>,
    traced: bool,
    agent: String,
}

#[derive(Debug)]
struct Notes {
    request: Request,
    /// When the last phase ended.
    last: Instant,
}

impl Span {
    /// A span if the client asks for one, or if somebody traces and this request may be a consequence.
    pub(crate) fn begin(recorder: &Recorder, info: &RequestInfo, headers: &HeaderMap) -> Option<Self> {
        let trace = identity(headers);
        if trace.is_none() && !(recorder.is_on() && may_follow(info)) {
            return None;
        }
        let (began, traced) = (Instant::now(), trace.is_some());
        let agent = text(headers, header::USER_AGENT.as_str());
        let request = Request {
            trace,
            at: traces::now(),
            verb: info.verb.to_owned(),
            path: info.path.clone(),
            subresource: info.subresource.clone(),
            ..Request::default()
        };
        Some(Self {
            recorder: recorder.clone(),
            began,
            notes: Mutex::new(Notes { request, last: began }),
            traced,
            agent: agent.split('/').next().unwrap_or_default().to_owned(),
        })
    }

    /// True if the client asked for a trace, which wants more to be noted.
    pub(crate) fn is_traced(&self) -> bool {
        self.traced
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks. Whoever presented nothing makes us remember nothing.
    pub(crate) fn user(&self, user: &User, how: &str, name: &str) {
        let known = user.is_in(crate::user::AUTHENTICATED);
        if self.traced && known {
            self.recorder.listen();
        }
        self.notes().request.actor = actor(user, &self.agent);
        let detail = if user.name == name {
            how.to_owned()
        } else {
            format!("{how} ({name} as {})", user.name)
        };
        self.phase("authentication", Outcome::Passed, detail);
    }

    /// A step is over.
    pub(crate) fn phase(&self, name: &str, outcome: Outcome, detail: impl Into<String>) {
        if !self.traced {
            return;
        }
        let now = Instant::now();
        let mut notes = self.notes();
        let took = now.duration_since(notes.last).as_micros() as u64;
        notes.last = now;
        if notes.request.phases.len() >= PHASES {
            return;
        }
        notes.request.phases.push(Phase {
            name: name.to_owned(),
            outcome,
            detail: detail.into(),
            at: traces::now(),
            took,
        });
    }

    /// How many fields were filled in that the client left out. Not told of protobuf.
    pub(crate) fn defaults(&self, sent: &[u8], object: &Value) {
        if !self.traced {
            return;
        }
        let added = codec::parse_yaml(sent).map(|sent| leaves(object).saturating_sub(leaves(&sent)));
        match added {
            Ok(0) => self.phase("defaults", Outcome::Passed, ""),
            Ok(count) => self.phase("defaults", Outcome::Changed, count.to_string()),
            Err(_) => self.phase("defaults", Outcome::Changed, ""),
        }
    }

    /// The request is about this object, which so far it has not changed.
    pub(crate) fn about(&self, resource: &Resource, object: &Value) {
        let mut notes = self.notes();
        if notes.request.touched.is_empty() {
            notes.request.touched.push(touched(resource, object));
        }
    }

    /// The object was written.
    pub(crate) fn wrote(&self, resource: &Resource, object: &Value, change: Change, revision: u64) {
        let written = Touched {
            change,
            revision,
            ..touched(resource, object)
        };
        {
            let list = &mut self.notes().request.touched;
            let room = list.len() < OBJECTS;
            match list.first_mut() {
                Some(first) if first.change == Change::None => *first = written,
                _ if room => list.push(written),
                _ => {}
            }
        }
        self.phase("store", Outcome::Passed, revision.to_string());
    }

    /// The request is answered.
    pub(crate) fn end(self, outcome: &Result<Response<Body>, ApiError>) {
        let (code, error) = match outcome {
            Ok(response) => (response.status(), None),
            Err(error) => (error.code, Some(error)),
        };
        if let Some(error) = error {
            self.refused(error);
        }
        let notes = self.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut request = notes.request;
        if !request
            .actor
            .groups
            .iter()
            .any(|group| group == crate::user::AUTHENTICATED)
        {
            return;
        }
        request.took = self.began.elapsed().as_micros() as u64;
        request.code = code.as_u16();
        self.recorder.request(request);
    }

    fn refused(&self, error: &ApiError) {
        let step = match (error.reason, self.notes().request.phases.len()) {
            ("Forbidden", 1) => Some(("authorization", error.message.clone())),
            ("Invalid", _) => Some(("validation", String::new())),
            _ => None,
        };
        if let Some((step, detail)) = step {
            self.phase(step, Outcome::Refused, detail);
        }
        let mut notes = self.notes();
        error.reason.clone_into(&mut notes.request.reason);
        let causes = error.details.as_ref().and_then(|details| details["causes"].as_array());
        let fields = causes.into_iter().flatten().take(FIELDS);
        notes.request.fields = fields
            .map(|cause| format!("{}: {}", text_at(cause, "field"), text_at(cause, "reason")))
            .collect();
    }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn identity(headers: &HeaderMap) -> Option<Id> {
    headers.get(traces::TRACESTATE)?;
    Id::of_headers(&text(headers, traces::TRACEPARENT), &text(headers, traces::TRACESTATE))
}

/// Writes may; heartbeats, events and questions about rights only make noise.
fn may_follow(info: &RequestInfo) -> bool {
    matches!(info.verb, "create" | "update" | "patch" | "delete" | "deletecollection")
        && !matches!(info.resource.as_str(), "events" | "leases")
        && !matches!(info.group.as_str(), "authentication.k8s.io" | "authorization.k8s.io")
}

pub(super) fn actor(user: &User, agent: &str) -> Actor {
    // components of this process say no user agent, and call in their own tasks
    let own = matches!(agent, "" | "unknown") && user.name.starts_with("system:");
    let task = tasks::current().filter(|task| own && *task != CONNECTION);
    Actor {
        user: user.name.clone(),
        groups: user.groups.clone(),
        component: task.unwrap_or_default().to_owned(),
        agent: agent.to_owned(),
    }
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(leaves).sum(),
        Value::Array(list) => list.iter().map(leaves).sum(),
        _ => 1,
    }
}

fn touched(resource: &Resource, object: &Value) -> Touched {
    let owners: Vec<String> = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|owner| text_at(owner, "uid"))
        .collect();
    let mut others = Vec::new();
    for (field, value) in object.as_object().into_iter().flatten() {
        if field != "metadata" {
            references(value, &mut others);
        }
    }
    Touched {
        object: Named {
            group: resource.group.to_owned(),
            resource: resource.plural.to_owned(),
            kind: resource.kind.to_owned(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
        },
        owners,
        others,
        state: state(resource, object),
        node: node(resource, object),
        ..Touched::default()
    }
}

/// UIDs of other objects, which Kubernetes always calls `uid` inside a reference.
fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (field, value) in map {
                match value {
                    Value::String(uid) if field == "uid" && into.len() < REFERENCES => into.push(uid.clone()),
                    _ => references(value, into),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

fn is_pod(resource: &Resource) -> bool {
    resource.plural == "pods" && resource.group.is_empty()
}

fn node(resource: &Resource, object: &Value) -> String {
    if is_pod(resource) {
        text_at(object, "spec.nodeName")
    } else {
        String::new()
    }
}

/// A pod's phase, and `Ready` if it is.
fn state(resource: &Resource, object: &Value) -> String {
    if !is_pod(resource) {
        return String::new();
    }
    let phase = text_at(object, "status.phase");
    if is_ready(object) {
        format!("{phase}, Ready")
    } else {
        phase
    }
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.into_iter().flatten().any(ready)
}
