//! Components that are restarted when they end or panic, and what can be said of their health.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;

use crate::Group;

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// A component that ran this long starts over with the shortest back-off.
const SETTLED: Duration = Duration::from_mins(1);

/// What is known of one component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// False between an end and the next start.
    pub running: bool,
    /// Starts beyond the first.
    pub restarts: u32,
    /// Why it last ended: the error or the panic's message.
    pub last_error: Option<String>,
}

/// Runs components by name and restarts each on its own. Clones share the same set.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    group: Group,
    health: Arc<Mutex<BTreeMap<&'static str, Health>>>,
}

impl Supervisor {
    /// A supervisor whose components end with `group`.
    pub fn new(group: Group) -> Self {
        Self {
            group,
            health: Arc::default(),
        }
    }

    /// The group that the components run in.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Health of every component, by name.
    pub fn health(&self) -> BTreeMap<&'static str, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the component made by `start` running until the group ends. `Ok` from a component is an end like any other.
    pub fn run<M, F, E>(&self, name: &'static str, mut start: M)
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let this = self.clone();
        self.group.spawn(name, async move {
            let mut backoff = FIRST_BACKOFF;
            loop {
                this.note(name, |health| health.running = true);
                let began = Instant::now();
                let reason = match AssertUnwindSafe(start()).catch_unwind().await {
                    Ok(Ok(())) => "ended".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(panic) => format!("panicked: {}", panic_text(&*panic)),
                };
                tracing::error!(component = name, reason, "component ended; restarting");
                if began.elapsed() > SETTLED {
                    backoff = FIRST_BACKOFF;
                }
                this.note(name, |health| {
                    health.running = false;
                    health.restarts += 1;
                    health.last_error = Some(reason);
                });
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
        });
    }

    fn note(&self, name: &'static str, change: impl FnOnce(&mut Health)) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        change(health.entry(name).or_default());
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
