//! Traces: what a request is noted to have gone through, and the story of what became of it (docs/adr/0010).

mod answer;
mod kubelets;
mod span;
mod watch;

pub(crate) use answer::answer;
pub(crate) use span::Span;
pub(crate) use watch::Plugin;

/// Who is asking, for a watcher's name in a story.
pub(crate) fn title(user: &crate::User, agent: &str) -> String {
    span::actor(user, agent).title()
}
