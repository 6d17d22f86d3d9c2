//! Requests that make something. The engine carries them out even if nobody waits for the answer any more; so they are not
//! broken off when their caller is, and whoever takes away what was made waits for them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::RwLock;

use super::Engine;

/// How long what takes things away waits for the engine's answers.
const DEADLINE: Duration = Duration::from_secs(30);

/// Held by each of these requests; to have it alone is to know that there are none. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Making(Arc<RwLock<()>>);

impl Making {
    /// Sees the request through, whatever becomes of the caller.
    pub(super) async fn see_through<F>(&self, request: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let making = self.0.clone().read_owned().await;
        let seen_through = tasks::spawn("engine-request", async move {
            let answer = request.await;
            drop(making);
            answer
        });
        match seen_through.await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // the program ends
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl Engine {
    /// Waits until nothing is being made. The caller has given up whatever might ask for more.
    pub(crate) async fn settle(&self) {
        if tokio::time::timeout(DEADLINE, self.making.0.write()).await.is_err() {
            tracing::warn!("the engine is still busy making something after {DEADLINE:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_is_waited_for_after_its_caller_has_gone() {
        let making = Making::default();
        let (done, seen) = tokio::sync::oneshot::channel();
        let request = async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            done.send(()).expect("somebody looks");
        };
        let caller = making.see_through(request);
        tokio::time::timeout(Duration::from_secs(1), caller).await.unwrap_err();
        let mut seen = seen;
        seen.try_recv().unwrap_err();
        drop(making.0.write().await);
        seen.try_recv().expect("done");
    }
}
