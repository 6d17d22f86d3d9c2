//! Node images of earlier builds, which nothing needs any more.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Start;
use super::image::REPOSITORY;
use crate::ClusterError;

/// Another rkube with profiles of its own may have loaded an image and be about to use it.
const SETTLED: SignedDuration = SignedDuration::from_hours(1);
/// A start is not kept up by more than this.
const DEADLINE: Duration = Duration::from_secs(5);

impl Start<'_> {
    /// Removes node images that were made here and that neither a container nor a profile has. A failure is for the log only.
    pub(super) async fn remove_superseded(&self) {
        let removed = tokio::time::timeout(DEADLINE, self.sweep()).await;
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "superseded node images stay"),
            Err(_) => tracing::debug!("superseded node images stay: the engine takes its time"),
        }
    }

    async fn sweep(&self) -> Result<(), ClusterError> {
        let mut kept = BTreeSet::new();
        for name in self.store.names()? {
            kept.extend(self.store.read(&name)?.map(|profile| profile.image));
        }
        let loaded = self.engine.loaded_images(REPOSITORY).await?;
        for (tag, _) in loaded.iter().filter(|(_, at)| at.is_none()) {
            // how long it has been here cannot be known; its time begins now
            self.engine.stamp(tag).await?;
        }
        for tag in superseded(&loaded, &kept, Timestamp::now()) {
            // the engine keeps what a container has, and says so
            match self.engine.remove_image(tag).await {
                Ok(()) => tracing::info!(tag, "superseded node image removed"),
                Err(error) => tracing::debug!(%error, tag, "node image stays"),
            }
        }
        Ok(())
    }
}

/// The tags that no profile has, of images that were loaded a while ago.
fn superseded<'a>(loaded: &'a [(String, Option<Timestamp>)], kept: &BTreeSet<String>, now: Timestamp) -> Vec<&'a str> {
    // Podman puts a host before it
    let is_kept = |tag: &str| kept.contains(tag.trim_start_matches("localhost/"));
    let settled = |at: &Option<Timestamp>| at.is_some_and(|at| now.duration_since(at) >= SETTLED);
    let old = loaded.iter().filter(|(tag, at)| !is_kept(tag) && settled(at));
    old.map(|(tag, _)| tag.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_that_no_profile_has_and_that_are_not_new_go() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let loaded = [
            ("rkube/node:old".to_owned(), at("2026-01-01T10:00:00Z")),
            ("rkube/node:of-a-profile".to_owned(), at("2026-01-01T10:00:00Z")),
            (
                "localhost/rkube/node:of-a-profile".to_owned(),
                at("2026-01-01T10:00:00Z"),
            ),
            ("rkube/node:new".to_owned(), at("2026-01-01T11:30:00Z")),
            ("rkube/node:unknown".to_owned(), None),
        ];
        let kept = BTreeSet::from(["rkube/node:of-a-profile".to_owned()]);
        assert_eq!(superseded(&loaded, &kept, now), ["rkube/node:old"]);
    }
}
