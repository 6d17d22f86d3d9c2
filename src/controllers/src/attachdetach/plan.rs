//! What a volume's attachments need next. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

/// From a node that is not ready, a volume is taken after this, in use or not; upstream's `maxWaitForUnmountDuration`.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(6);

/// One attachment.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) node: String,
    /// It is to go already.
    pub(super) deleting: bool,
    /// The node says that it has the volume mounted.
    pub(super) in_use: bool,
    pub(super) node_ready: bool,
    pub(super) out_of_service: bool,
    /// For how long no pod has needed it.
    pub(super) unneeded: Duration,
}

/// The next step for one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Attach(String),
    /// `forced`: whatever the node says.
    Detach {
        node: String,
        forced: bool,
    },
    /// The node has it mounted; to be looked at again after this, if that matters.
    Wait(Option<Duration>),
    /// Other nodes have it, and only one may.
    Taken {
        node: String,
        by: Vec<String>,
    },
}

/// Detaching first: what one node gives back another may wait for.
pub(super) fn steps(wanted: &BTreeSet<String>, seen: &[Seen], exclusive: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for one in seen.iter().filter(|one| !one.deleting && !wanted.contains(&one.node)) {
        let late = !one.node_ready && one.unneeded >= LONGEST_WAIT;
        let forced = late || one.out_of_service;
        steps.push(if one.in_use && !forced {
            Step::Wait(LONGEST_WAIT.checked_sub(one.unneeded).filter(|left| !left.is_zero()))
        } else {
            Step::Detach {
                node: one.node.clone(),
                forced,
            }
        });
    }
    let mut holders: Vec<String> = seen.iter().map(|one| one.node.clone()).collect();
    for node in wanted {
        if holders.contains(node) {
            continue;
        }
        if exclusive && !holders.is_empty() {
            let by = holders.clone();
            steps.push(Step::Taken { node: node.clone(), by });
        } else {
            steps.push(Step::Attach(node.clone()));
            holders.push(node.clone());
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(node: &str) -> Seen {
        Seen {
            node: node.to_owned(),
            node_ready: true,
            ..Seen::default()
        }
    }

    fn wanted(nodes: &[&str]) -> BTreeSet<String> {
        nodes.iter().map(|&node| node.to_owned()).collect()
    }

    fn detach(node: &str, forced: bool) -> Step {
        Step::Detach {
            node: node.to_owned(),
            forced,
        }
    }

    #[test]
    fn an_exclusive_volume_moves_only_when_it_has_been_given_back() {
        let mut held = on("a");
        held.in_use = true;
        let taken = Step::Taken {
            node: "b".to_owned(),
            by: vec!["a".to_owned()],
        };
        let wait = Step::Wait(Some(LONGEST_WAIT));
        assert_eq!(steps(&wanted(&["b"]), &[held.clone()], true), [wait, taken.clone()]);
        held.in_use = false;
        assert_eq!(
            steps(&wanted(&["b"]), &[held.clone()], true),
            [detach("a", false), taken.clone()]
        );
        held.deleting = true;
        assert_eq!(steps(&wanted(&["b"]), &[held], true), [taken]);
        assert_eq!(steps(&wanted(&["b"]), &[], true), [Step::Attach("b".to_owned())]);
    }

    #[test]
    fn of_two_nodes_that_want_it_one_gets_an_exclusive_volume() {
        let both = steps(&wanted(&["a", "b"]), &[], true);
        assert!(
            matches!(&both[..], [Step::Attach(first), Step::Taken { .. }] if first == "a"),
            "{both:?}"
        );
        let shared = steps(&wanted(&["a", "b"]), &[], false);
        assert_eq!(shared, [Step::Attach("a".to_owned()), Step::Attach("b".to_owned())]);
    }

    #[test]
    fn a_dead_node_is_waited_for_and_one_out_of_service_is_not() {
        let mut held = on("a");
        held.in_use = true;
        held.unneeded = LONGEST_WAIT;
        assert_eq!(
            steps(&wanted(&[]), &[held.clone()], true),
            [Step::Wait(None)],
            "it is ready"
        );
        held.node_ready = false;
        assert_eq!(steps(&wanted(&[]), &[held.clone()], true), [detach("a", true)]);
        held.unneeded = Duration::ZERO;
        assert_eq!(
            steps(&wanted(&[]), &[held.clone()], true),
            [Step::Wait(Some(LONGEST_WAIT))]
        );
        held.out_of_service = true;
        assert_eq!(steps(&wanted(&[]), &[held], true), [detach("a", true)]);
    }
}
