//! Versions of jobs as last written: what an informer shows from before must not be acted on, for the finalizers that
//! told finished pods apart may be gone by now.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;

use crate::shared::Key;

/// Uid and version by job.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<HashMap<Key, (String, u64)>>);

fn version(job: &Job) -> Option<u64> {
    job.resource_version()?.parse().ok()
}

impl Written {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Key, (String, u64)>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, job: &Job) {
        if let (Some(uid), Some(version)) = (job.uid(), version(job)) {
            self.with(|all| all.insert(Key::of(job), (uid, version)));
        }
    }

    pub(super) fn is_stale(&self, job: &Job) -> bool {
        self.with(|all| {
            all.get(&Key::of(job)).is_some_and(|(uid, written)| {
                job.uid().as_ref() == Some(uid) && version(job).is_some_and(|version| version < *written)
            })
        })
    }

    pub(super) fn forget(&self, key: &Key) {
        self.with(|all| all.remove(key));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_older_than_the_last_write_is_stale() {
        let job = |uid: &str, version: &str| -> Job {
            let meta = json!({"name": "j", "namespace": "n", "uid": uid, "resourceVersion": version});
            serde_json::from_value(json!({"metadata": meta})).expect("job")
        };
        let written = Written::default();
        assert!(!written.is_stale(&job("a", "9")));
        written.note(&job("a", "10"));
        assert!(written.is_stale(&job("a", "9")), "versions are numbers");
        assert!(!written.is_stale(&job("a", "10")) && !written.is_stale(&job("a", "11")));
        assert!(!written.is_stale(&job("b", "9")), "another job of that name");
        written.forget(&Key::new("n", "j"));
        assert!(!written.is_stale(&job("a", "9")));
    }
}
