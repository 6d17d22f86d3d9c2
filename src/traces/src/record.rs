//! What components note: one type per place where something happens.

use serde::{Deserialize, Serialize};

use crate::Id;

/// Microseconds since the epoch.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Which object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// API group; empty for the core.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Kind.
    pub kind: String,
    /// Empty if cluster-scoped.
    pub namespace: String,
    /// Name; empty while it is the server's to make.
    pub name: String,
    /// Identity over time; empty if it was never written.
    pub uid: String,
}

impl Object {
    /// True for the same name, whatever object had it.
    pub fn is(&self, other: &Self) -> bool {
        self.name == other.name
            && self.namespace == other.namespace
            && self.resource == other.resource
            && self.group == other.group
    }
}

/// What a request did to an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Nothing: it was refused, or wanted what there was, or was a dry run.
    #[default]
    None,
    /// It is new.
    Created,
    /// It is there, and different.
    Updated,
    /// It is gone.
    Deleted,
}

/// An object that a request was about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    /// The object.
    pub object: Object,
    /// What became of it.
    pub change: Change,
    /// The store's revision that holds it.
    pub revision: u64,
    /// UIDs of its owners.
    pub owners: Vec<String>,
    /// UIDs of other objects that it names.
    pub others: Vec<String>,
    /// Of a pod, its phase and whether it is ready, in Kubernetes' words.
    pub state: String,
    /// Of a pod, its node.
    pub node: String,
}

/// Who asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The user's name.
    pub user: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// Which of the control plane's components it is, if it is one: `controller-deployment`, `scheduler`.
    pub component: String,
    /// First word of the user agent.
    pub agent: String,
}

impl Actor {
    /// The shortest name that says who it is.
    pub fn title(&self) -> String {
        if let Some(node) = self.user.strip_prefix("system:node:") {
            return format!("kubelet {node}");
        }
        match (self.component.as_str(), self.user.as_str()) {
            ("", user) => user.to_owned(),
            (component, _) => component.to_owned(),
        }
    }
}

/// How a step inside the API server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It let the request go on.
    Passed,
    /// It changed the object.
    Changed,
    /// It ended the request.
    Refused,
}

/// One step of a request inside the API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// `authentication`, `authorization`, `defaults`, `admission`, `validation`, `store`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The plugin, the rule, the revision: what there is to say.
    pub detail: String,
    /// Microseconds since the epoch at its end.
    pub at: i64,
    /// Microseconds.
    pub took: u64,
}

/// One request to the API server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Set if the client asked to be traced.
    pub trace: Option<Id>,
    /// Microseconds since the epoch at its beginning.
    pub at: i64,
    /// Microseconds.
    pub took: u64,
    /// `create`, `patch`…
    pub verb: String,
    /// The path, without the query.
    pub path: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// Who asked.
    pub actor: Actor,
    /// HTTP status.
    pub code: u16,
    /// Of a refusal: `Forbidden`, `Invalid`…
    pub reason: String,
    /// Of a refusal, the fields that are wrong and how: `spec.replicas: FieldValueInvalid`.
    pub fields: Vec<String>,
    /// Only of requests whose client asked to be traced.
    pub phases: Vec<Phase>,
    /// Objects it was about.
    pub touched: Vec<Touched>,
}

/// A watcher was told of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Microseconds since the epoch.
    pub at: i64,
    /// The revision.
    pub revision: u64,
    /// The watcher, as [`Actor::title`] says it.
    pub who: String,
}

/// Why a node will not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The filter.
    pub plugin: String,
    /// Its reasons, in upstream's words.
    pub reasons: Vec<String>,
}

/// What the scheduler thought of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The node.
    pub node: String,
    /// What spoke against it.
    pub refused: Option<Refused>,
    /// Each plugin's score with its weight; empty if there was nothing to choose from.
    pub scores: Vec<(String, i64)>,
}

impl Verdict {
    /// The sum of the scores.
    pub fn total(&self) -> i64 {
        self.scores.iter().map(|(_, score)| score).sum()
    }
}

/// One decision of the scheduler.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Microseconds since the epoch at its beginning.
    pub at: i64,
    /// Microseconds.
    pub took: u64,
    /// The pod.
    pub uid: String,
    /// The pod's name.
    pub pod: String,
    /// The node; none if no node will do.
    pub chosen: Option<String>,
    /// Nodes looked at.
    pub count: usize,
    /// The first of them, the chosen one among them.
    pub nodes: Vec<Verdict>,
}

/// Nodes that one decision tells of.
const NODES: usize = 16;

impl Decision {
    /// With what was thought of the nodes; if they are many, of the best, then of some that were refused.
    #[must_use]
    pub fn of(mut self, mut verdicts: Vec<Verdict>) -> Self {
        self.count = verdicts.len();
        let last = |verdict: &Verdict| {
            let chosen = self.chosen.as_ref() == Some(&verdict.node);
            (!chosen, verdict.refused.is_some(), -verdict.total())
        };
        verdicts.sort_by_key(last);
        verdicts.truncate(NODES);
        self.nodes = verdicts;
        self
    }
}

/// One step of a kubelet for a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Microseconds since the epoch at its end.
    pub at: i64,
    /// Microseconds, if it lasted.
    pub took: Option<u64>,
    /// The pod.
    pub uid: String,
    /// Empty if about the whole pod.
    pub container: String,
    /// `Volumes`, `Sandbox`, `ImagePresent`, `Started`… or the reason of a warning.
    pub step: String,
    /// An image's name.
    pub detail: String,
    /// Something went wrong.
    pub warning: bool,
}
