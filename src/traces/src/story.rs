//! From records to a story: which request led to which write, decision and step. Pure.
//!
//! A write belongs to a request if it is about the object that the request wrote, or about something that this object owns,
//! however deep, or if it names one of them. Objects themselves say so; nothing is written into them.

mod about;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::{Change, Decision, Delivery, Object, Outcome, Phase, Request, Step, Touched};

/// Entries of one story; what comes later is left out, and said to be.
const MOST: usize = 1500;

/// What may belong to a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// Requests whose client asked to be traced.
    pub asked: Vec<Request>,
    /// Others since the first of them.
    pub following: Vec<Request>,
    /// What watchers were told since.
    pub deliveries: Vec<Delivery>,
    /// The scheduler's decisions since.
    pub decisions: Vec<Decision>,
    /// Kubelets' steps, with the node's name.
    pub steps: Vec<(String, Step)>,
}

/// A pod of the story, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodState {
    /// Namespace and name.
    pub name: String,
    /// `Pending`, `Running`…; empty if it is gone.
    pub phase: String,
    /// Nothing more is expected of it.
    pub settled: bool,
}

/// What became of the requests of one trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// Microseconds since the epoch; all other times count from here.
    pub began: i64,
    /// In the order to be read: each behind the one that it follows from.
    pub entries: Vec<Entry>,
    /// Pods that came out of it.
    pub pods: Vec<PodState>,
    /// Records about objects that the reader may not see.
    pub withheld: usize,
    /// There were more entries than fit.
    pub cut: bool,
}

/// One line of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// 0 for a request that was traced; its consequences are one deeper.
    pub depth: u8,
    /// Microseconds since the story began, at the beginning of what happened.
    pub at: i64,
    /// Microseconds.
    pub took: Option<u64>,
    /// Who did it.
    pub actor: String,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum What {
    /// The traced request.
    Request(Asked),
    /// A step of it inside the API server.
    Phase {
        /// See [`Phase::name`].
        name: String,
        /// How it ended.
        outcome: Outcome,
        /// What there is to say.
        detail: String,
    },
    /// Watchers were told of what was written.
    Told {
        /// Who, in the order in which they were told.
        who: Vec<String>,
    },
    /// Somebody wrote because of it.
    Write(Written),
    /// The scheduler decided.
    Decision(Decision),
    /// A kubelet did something.
    Step {
        /// The node.
        node: String,
        /// Empty if about the whole pod.
        container: String,
        /// See [`Step::step`].
        step: String,
        /// An image's name.
        detail: String,
        /// Something went wrong.
        warning: bool,
    },
}

/// A traced request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The path.
    pub path: String,
    /// What it came to.
    #[serde(flatten)]
    pub written: Written,
    /// Fields that are wrong, and how.
    pub fields: Vec<String>,
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// `create`, `patch`…
    pub verb: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// What it was about, if it came so far.
    pub object: Object,
    /// What became of that.
    pub change: Change,
    /// The revision that holds it.
    pub revision: u64,
    /// A pod's phase and readiness.
    pub state: String,
    /// HTTP status.
    pub code: u16,
    /// Of a refusal.
    pub reason: String,
}

struct Node {
    parent: Option<usize>,
    at: i64,
    took: Option<u64>,
    actor: String,
    what: What,
}

/// Who wrote what first, and where everything else hangs.
#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    /// The entries that consequences of an object's change follow from, by UID: the latest before them.
    home: HashMap<String, Vec<(i64, usize)>>,
    pods: Vec<Object>,
}

/// UIDs of all objects in the story, and the pods among them.
pub fn followed(records: &Records) -> (BTreeSet<String>, Vec<Object>) {
    let tree = Tree::of(records);
    (tree.home.keys().cloned().collect(), tree.pods)
}

impl Story {
    /// The story that the records tell. `pods` is what the reader is told of their present state.
    pub fn of(records: &Records, pods: Vec<PodState>, withheld: usize) -> Self {
        let mut tree = Tree::of(records);
        for decision in &records.decisions {
            tree.hang(
                &decision.uid,
                decision.at,
                Some(decision.took),
                "scheduler",
                What::Decision(decision.clone()),
            );
        }
        for (node, step) in &records.steps {
            let what = What::Step {
                node: node.clone(),
                container: step.container.clone(),
                step: step.step.clone(),
                detail: step.detail.clone(),
                warning: step.warning,
            };
            let began = step.at - step.took.unwrap_or_default() as i64;
            tree.hang(&step.uid, began, step.took, &format!("kubelet {node}"), what);
        }
        let began = records.asked.iter().map(|request| request.at).min().unwrap_or_default();
        let entries = tree.flat(began);
        Self {
            began,
            cut: entries.len() > MOST,
            entries: entries.into_iter().take(MOST).collect(),
            pods,
            withheld,
        }
    }
}

/// Requests in the story of these records.
pub fn requests(records: &Records) -> usize {
    let tree = Tree::of(records);
    let told = tree.nodes.iter();
    told.filter(|node| matches!(node.what, What::Request(_) | What::Write(_)))
        .count()
}

impl Tree {
    fn of(records: &Records) -> Self {
        let mut tree = Self::default();
        let mut requests: Vec<&Request> = records.asked.iter().chain(&records.following).collect();
        requests.sort_by_key(|request| request.at);
        for request in requests {
            match request.trace {
                Some(_) => tree.asked(request, &records.deliveries),
                None => tree.followed(request, &records.deliveries),
            }
        }
        tree
    }

    fn add(&mut self, parent: Option<usize>, at: i64, took: Option<u64>, actor: String, what: What) -> usize {
        self.nodes.push(Node {
            parent,
            at,
            took,
            actor,
            what,
        });
        self.nodes.len() - 1
    }

    /// The latest entry before a moment that wrote the object at somebody's wish.
    fn home(&self, uid: &str, at: i64) -> Option<usize> {
        let all = self.home.get(uid)?;
        let before = all.iter().rev().find(|(since, _)| *since <= at);
        before.or_else(|| all.first()).map(|(_, entry)| *entry)
    }

    /// Adds what is about an object, if it is one of the story's.
    fn hang(&mut self, uid: &str, at: i64, took: Option<u64>, actor: &str, what: What) {
        if let Some(home) = self.home(uid, at) {
            self.add(Some(home), at, took, actor.to_owned(), what);
        }
    }

    fn settle(&mut self, touched: &Touched, at: usize) {
        let object = &touched.object;
        if object.uid.is_empty() {
            return;
        }
        if object.resource == "pods" && object.group.is_empty() && !self.home.contains_key(&object.uid) {
            self.pods.push(object.clone());
        }
        let since = self.nodes[at].at;
        self.home.entry(object.uid.clone()).or_default().push((since, at));
    }

    fn asked(&mut self, request: &Request, deliveries: &[Delivery]) {
        let first = request.touched.first().cloned().unwrap_or_default();
        let what = What::Request(Asked {
            path: request.path.clone(),
            written: Written::of(request, &first),
            fields: request.fields.clone(),
        });
        let own = self.add(None, request.at, Some(request.took), request.actor.title(), what);
        for Phase {
            name,
            outcome,
            detail,
            at,
            took,
        } in request.phases.iter().cloned()
        {
            let what = What::Phase { name, outcome, detail };
            // rounded to microseconds, the first may seem to begin before the request
            let began = (at - took as i64).max(request.at);
            self.add(Some(own), began, Some(took), "apiserver".to_owned(), what);
        }
        for touched in request.touched.iter().filter(|touched| touched.change != Change::None) {
            self.settle(touched, own);
            self.told(own, touched.revision, deliveries);
        }
    }

    fn followed(&mut self, request: &Request, deliveries: &[Delivery]) {
        let mut own = None;
        for touched in &request.touched {
            if touched.change == Change::None && request.code < 400 {
                continue;
            }
            let home = |uid: &String| self.home(uid, request.at);
            let known = home(&touched.object.uid);
            let owner = touched.owners.iter().find_map(home);
            let named = || touched.others.iter().find_map(home);
            let Some(parent) = known.or(owner).or_else(|| named().map(|at| self.top(at))) else {
                continue;
            };
            let at = *own.get_or_insert_with(|| {
                let what = What::Write(Written::of(request, touched));
                self.add(
                    Some(parent),
                    request.at,
                    Some(request.took),
                    request.actor.title(),
                    what,
                )
            });
            if known.is_none() && owner.is_some() {
                self.settle(touched, at);
            }
            if touched.change != Change::Updated || request.subresource == "binding" {
                self.told(at, touched.revision, deliveries);
            }
        }
    }

    /// The traced request above an entry.
    fn top(&self, mut at: usize) -> usize {
        while let Some(parent) = self.nodes.get(at).and_then(|node| node.parent) {
            at = parent;
        }
        at
    }

    fn told(&mut self, parent: usize, revision: u64, deliveries: &[Delivery]) {
        let mut told: Vec<&Delivery> = deliveries.iter().filter(|one| one.revision == revision).collect();
        told.sort_by_key(|one| one.at);
        let (Some(first), Some(last)) = (told.first(), told.last()) else {
            return;
        };
        let (at, took) = (first.at, (last.at - first.at) as u64);
        let mut who: Vec<String> = told.iter().map(|one| one.who.clone()).collect();
        let mut seen = BTreeSet::new();
        who.retain(|one| seen.insert(one.clone()));
        self.add(Some(parent), at, Some(took), "apiserver".to_owned(), What::Told { who });
    }

    fn flat(self, began: i64) -> Vec<Entry> {
        let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            children.entry(node.parent).or_default().push(index);
        }
        for list in children.values_mut() {
            list.sort_by_key(|index| self.nodes[*index].at);
        }
        let mut entries = Vec::with_capacity(self.nodes.len());
        let mut waiting: Vec<(usize, u8)> = roots(&children, None, 0);
        while let Some((index, depth)) = waiting.pop() {
            let node = &self.nodes[index];
            entries.push(Entry {
                depth,
                // clocks of two sources may differ by a few microseconds
                at: (node.at - began).max(0),
                took: node.took,
                actor: node.actor.clone(),
                what: node.what.clone(),
            });
            waiting.extend(roots(&children, Some(index), depth.saturating_add(1)));
        }
        entries
    }
}

/// The entries below one, last first.
fn roots(children: &HashMap<Option<usize>, Vec<usize>>, of: Option<usize>, depth: u8) -> Vec<(usize, u8)> {
    let list = children.get(&of).into_iter().flatten();
    list.rev().map(|index| (*index, depth)).collect()
}

impl Written {
    fn of(request: &Request, touched: &Touched) -> Self {
        Self {
            verb: request.verb.clone(),
            subresource: request.subresource.clone(),
            object: touched.object.clone(),
            change: touched.change,
            revision: touched.revision,
            state: touched.state.clone(),
            code: request.code,
            reason: request.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
