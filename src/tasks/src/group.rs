//! A set of tasks with one owner and one end.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

tokio::task_local! {
    static NAME: &'static str;
}

/// The name of the task that asks.
pub fn current() -> Option<&'static str> {
    NAME.try_with(|name| *name).ok()
}

/// Starts a named task whose handle the caller keeps; prefer [`Group::spawn`].
#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(NAME.scope(name, future.instrument(tracing::info_span!("task", name))))
}

/// Tasks that start and end together. Clones share the same set.
#[derive(Debug, Clone, Default)]
pub struct Group {
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Group {
    /// An empty group with its own cancellation.
    pub fn new() -> Self {
        Self::default()
    }

    /// A group that ends when `parent` is cancelled.
    pub fn below(parent: &CancellationToken) -> Self {
        Self {
            tracker: TaskTracker::new(),
            cancel: parent.child_token(),
        }
    }

    /// The token that tasks of this group watch.
    pub fn token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Starts a task that is dropped at its next await point when the group is cancelled.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let cancel = self.cancel.clone();
        drop(spawn(
            name,
            self.tracker.track_future(async move {
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = future => {}
                }
            }),
        ));
    }

    /// Starts a task that watches the group's token itself, to end in its own time.
    pub fn spawn_graceful<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(spawn(name, self.tracker.track_future(future)));
    }

    /// Cancels all tasks and waits for them, up to `deadline`. True if all ended.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }
}
