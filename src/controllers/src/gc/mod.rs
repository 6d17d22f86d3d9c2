//! Garbage collection by owner references: objects whose owners are gone go too; owners wait for their dependents if so
//! asked (foreground), or let go of them (orphan).
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/garbagecollector`.

mod collect;
mod graph;
mod watch;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use kube::api::ApiResource;
use tasks::Group;

use crate::shared::changes::Changes;
use crate::shared::{Ctx, Queue, Result, work};

use graph::Graph;

/// A thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// See whether the object is still wanted.
    Attempt(String),
    /// Release the dependents of an object that is being deleted.
    Orphan(String),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt(uid) => write!(f, "attempt {uid}"),
            Self::Orphan(uid) => write!(f, "orphan {uid}"),
        }
    }
}

/// What the watches and the workers share.
pub(super) struct Collector {
    client: Client,
    changes: Arc<Changes>,
    graph: Mutex<Graph>,
    queue: Arc<Queue<Task>>,
}

impl Collector {
    fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, tasks: Vec<Task>) {
        tasks.into_iter().for_each(|task| self.queue.add(task));
    }
}

/// A kind of object that can be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub api: ApiResource,
    pub namespaced: bool,
}

/// Runs the collector.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let collector = Arc::new(Collector {
        client: ctx.client.clone(),
        changes: ctx.changes.clone(),
        graph: Mutex::default(),
        queue: Queue::new(),
    });
    let group = Group::new();
    // Watches end with this run: dropping the guard cancels them.
    let _guard = group.token().clone().drop_guard();
    let watches = watch::follow(&collector, &group);
    let worker = collector.clone();
    let queue = collector.queue.clone();
    let workers = work("gc", &queue, 8, |task: Task| {
        let collector = worker.clone();
        async move { collector.act(&task).await }
    });
    tokio::select! {
        ended = watches => ended,
        ended = workers => ended,
    }
}
