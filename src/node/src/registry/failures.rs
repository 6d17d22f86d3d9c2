//! Why pulls failed lately. containerd tells the kubelet only that its one source, this registry, had an error; what each of
//! the real sources said is asked for here.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use mirrors::Reference;

/// Failures that are remembered.
const MOST: usize = 128;

/// The latest failures, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<VecDeque<Failure>>);

#[derive(Debug)]
struct Failure {
    registry: String,
    repository: String,
    at: Instant,
    text: String,
}

impl Failures {
    pub(super) fn note(&self, registry: &str, repository: &str, text: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| (one.registry.as_str(), one.repository.as_str()) != (registry, repository));
        if all.len() == MOST {
            all.pop_front();
        }
        all.push_back(Failure {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            at: Instant::now(),
            text,
        });
    }
}

impl kubelet::PullReport for Failures {
    fn failure(&self, reference: &str, since: Instant) -> Option<String> {
        let wanted = Reference::parse(reference)?;
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all
            .iter()
            .find(|one| (&one.registry, &one.repository) == (&wanted.registry, &wanted.repository));
        found.filter(|one| one.at >= since).map(|one| one.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use kubelet::PullReport as _;

    use super::*;

    #[test]
    fn a_failure_is_told_to_the_pull_that_met_it() {
        let (failures, before) = (Failures::default(), Instant::now());
        failures.note("docker.io", "library/nginx", "first".to_owned());
        failures.note("docker.io", "library/nginx", "second".to_owned());
        assert_eq!(failures.failure("nginx:1", before).as_deref(), Some("second"));
        assert_eq!(failures.failure("quay.io/library/nginx", before), None);
        assert_eq!(failures.failure("nginx:1", Instant::now()), None);
        for index in 0..2 * MOST {
            failures.note("r", &index.to_string(), String::new());
        }
        assert_eq!(failures.0.lock().unwrap().len(), MOST);
    }
}
