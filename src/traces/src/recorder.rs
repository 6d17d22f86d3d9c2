//! Where the components of a control plane leave records, and how long it listens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::record::now;
use crate::{Decision, Delivery, Id, Object, Records, Request, Ring, Story};

/// Microseconds for which records are taken after a request that asked to be traced.
const WINDOW: i64 = 30_000_000;
/// A trace this old is not waited for any longer.
const OLD: i64 = 600_000_000;
/// Traced requests, in all traces: kubectl makes a few per command.
const ASKED: usize = 256;
/// Other requests, for their consequences.
const FOLLOWING: usize = 2048;
const DELIVERIES: usize = 4096;
const DECISIONS: usize = 512;

/// The records of one control plane. Clones are the same recorder. It takes nothing, and costs an atomic load, unless
/// somebody has asked for a trace within the last half minute.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    until: AtomicI64,
    asked: Ring<Request>,
    following: Ring<Request>,
    deliveries: Ring<Delivery>,
    decisions: Ring<Decision>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            until: AtomicI64::new(0),
            asked: Ring::new(ASKED),
            following: Ring::new(FOLLOWING),
            deliveries: Ring::new(DELIVERIES),
            decisions: Ring::new(DECISIONS),
        }
    }
}

/// A trace in a list of traces.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its identity.
    pub id: Id,
    /// Microseconds since the epoch.
    pub at: i64,
    /// Who asked.
    pub user: String,
    /// The request that says most: the first that changed something or was refused, else the first.
    pub verb: String,
    /// Its path.
    pub path: String,
    /// Its HTTP status.
    pub code: u16,
    /// Requests of the trace.
    pub requests: usize,
}

impl Recorder {
    /// True while somebody traces.
    pub fn is_on(&self) -> bool {
        let until = self.0.until.load(Ordering::Relaxed);
        until != 0 && now() < until
    }

    /// Takes records for another while.
    pub fn listen(&self) {
        self.0.until.fetch_max(now() + WINDOW, Ordering::Relaxed);
    }

    /// Keeps a request; what it asks for if its client did, else for what it may be a consequence of.
    pub fn request(&self, request: Request) {
        if request.trace.is_some() {
            self.0.asked.push(request);
        } else if self.is_on() {
            self.0.following.push(request);
        }
    }

    /// Keeps what a watcher was told.
    pub fn delivery(&self, revision: u64, who: &str) {
        if self.is_on() {
            self.0.deliveries.push(Delivery {
                at: now(),
                revision,
                who: who.to_owned(),
            });
        }
    }

    /// Keeps a decision of the scheduler.
    pub fn decision(&self, decision: Decision) {
        if self.is_on() {
            self.0.decisions.push(decision);
        }
    }

    /// Everything that may belong to a trace; none if there is no such trace. Listens on while the trace is young.
    pub fn records(&self, id: &Id) -> Option<Records> {
        let records = self.kept(id)?;
        let first = records.asked.iter().map(|request| request.at).min()?;
        if now() - first < OLD {
            self.listen();
        }
        Some(records)
    }

    fn kept(&self, id: &Id) -> Option<Records> {
        let asked = self.0.asked.find(|request| request.trace.as_ref() == Some(id));
        let first = asked.iter().map(|request| request.at).min()?;
        Some(Records {
            asked,
            following: self.0.following.find(|request| request.at >= first),
            deliveries: self.0.deliveries.find(|delivery| delivery.at >= first),
            decisions: self.0.decisions.find(|decision| decision.at >= first),
            steps: Vec::new(),
        })
    }

    /// The traces that are remembered, newest first.
    pub fn list(&self) -> Vec<Summary> {
        let mut traces: BTreeMap<Id, Vec<Request>> = BTreeMap::new();
        for request in self.0.asked.find(|_| true) {
            if let Some(id) = request.trace.clone() {
                traces.entry(id).or_default().push(request);
            }
        }
        let mut list: Vec<Summary> = traces.into_iter().filter_map(|(id, all)| summary(id, &all)).collect();
        list.sort_by_key(|one| std::cmp::Reverse(one.at));
        list
    }

    /// Those of them that tell something of an object.
    pub fn list_about(&self, object: &Object) -> Vec<Summary> {
        let tells = |one: &Summary| {
            let records = self.kept(&one.id);
            records.is_some_and(|records| Story::of(&records, Vec::new(), 0).about(object).is_some())
        };
        self.list().into_iter().filter(tells).collect()
    }
}

fn summary(id: Id, all: &[Request]) -> Option<Summary> {
    let says = |request: &&Request| {
        request.code >= 400 && request.code != 404 || !matches!(request.verb.as_str(), "get" | "list" | "watch")
    };
    let shown = all.iter().find(says).or_else(|| all.first())?;
    Some(Summary {
        id,
        at: all.iter().map(|request| request.at).min()?,
        user: shown.actor.user.clone(),
        verb: shown.verb.clone(),
        path: shown.path.clone(),
        code: shown.code,
        requests: all.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Touched};

    fn asked(verb: &str, code: u16) -> Request {
        Request {
            trace: "0af7651916cd43dd8448eb211c80319c".parse().ok(),
            at: now(),
            verb: verb.to_owned(),
            code,
            ..Request::default()
        }
    }

    #[test]
    fn nothing_is_kept_unless_somebody_traces() {
        let recorder = Recorder::default();
        recorder.request(Request {
            at: now(),
            ..Request::default()
        });
        recorder.delivery(7, "scheduler");
        recorder.request(asked("create", 201));
        let id = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        let records = recorder.records(&id).unwrap();
        assert_eq!(
            (records.asked.len(), records.following.len(), records.deliveries.len()),
            (1, 0, 0)
        );
        // asking for the records has opened the window
        recorder.request(Request {
            at: now(),
            ..Request::default()
        });
        recorder.delivery(8, "scheduler");
        let records = recorder.records(&id).unwrap();
        assert_eq!((records.following.len(), records.deliveries.len()), (1, 1));
        assert_eq!(
            recorder.records(&"1af7651916cd43dd8448eb211c80319c".parse().unwrap()),
            None
        );
    }

    #[test]
    fn traces_of_an_object_are_those_that_tell_of_it() {
        let pod = Object {
            resource: "pods".to_owned(),
            name: "web".to_owned(),
            uid: "1".to_owned(),
            ..Object::default()
        };
        let recorder = Recorder::default();
        recorder.request(Request {
            touched: vec![Touched {
                object: pod.clone(),
                change: Change::Created,
                ..Touched::default()
            }],
            ..asked("create", 201)
        });
        let other = Object {
            name: "other".to_owned(),
            ..pod.clone()
        };
        assert_eq!(
            (recorder.list_about(&pod).len(), recorder.list_about(&other).len()),
            (1, 0)
        );
        assert!(!recorder.is_on(), "asking which traces there are opens no window");
    }

    #[test]
    fn a_trace_is_listed_by_the_request_that_says_most() {
        let recorder = Recorder::default();
        for (verb, code) in [("get", 200), ("get", 404), ("create", 201)] {
            recorder.request(asked(verb, code));
        }
        let list = recorder.list();
        assert_eq!((list.len(), list[0].verb.as_str(), list[0].requests), (1, "create", 3));
    }
}
