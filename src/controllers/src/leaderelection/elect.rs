//! What is to be done next about one lease. Pure.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::coordination::v1beta1::LeaseCandidate;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt as _;
use semver::Version;

/// The one strategy that is decided here.
const OLDEST: &str = "OldestEmulationVersion";
/// How long candidates have time to answer, and an answer is good for.
const ELECTION: SignedDuration = SignedDuration::from_secs(5);
/// A candidate that has not said for so long that it is there is none any more.
const VALID: SignedDuration = SignedDuration::from_mins(30);

/// The next step.
#[derive(Debug)]
pub(super) enum Step {
    /// The right one holds the lease.
    Rest,
    /// There is nothing to decide yet, or nobody to decide for.
    Wait(&'static str),
    /// These must say that they are there.
    Ask(Vec<Arc<LeaseCandidate>>),
    /// The lease is to be `holder`'s, or another's to decide.
    Elect { strategy: String, holder: Option<String> },
}

fn renewed(candidate: &LeaseCandidate) -> Option<Timestamp> {
    candidate.spec.renew_time.as_ref().map(|time| time.0)
}

fn pinged(candidate: &LeaseCandidate) -> Option<Timestamp> {
    candidate.spec.ping_time.as_ref().map(|time| time.0)
}

/// Whether nobody has renewed the candidate for long.
pub(super) fn is_expired(candidate: &LeaseCandidate, now: Timestamp) -> bool {
    renewed(candidate).is_none_or(|time| time + VALID < now)
}

/// Whether the candidate has not answered yet.
pub(super) fn is_asked(candidate: &LeaseCandidate) -> bool {
    let (pinged, renewed) = (pinged(candidate), renewed(candidate));
    pinged.is_some_and(|pinged| renewed.is_some_and(|renewed| renewed < pinged))
}

/// Whether its holder has not renewed the lease in time.
fn has_run_out(lease: &LeaseSpec, now: Timestamp) -> bool {
    let (Some(MicroTime(renewed)), Some(seconds)) = (&lease.renew_time, lease.lease_duration_seconds) else {
        return true;
    };
    *renewed + SignedDuration::from_secs(seconds.into()) < now
}

fn holder(lease: &LeaseSpec) -> Option<&str> {
    lease.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// Decides on the next step.
pub(super) fn step(lease: Option<&Lease>, candidates: &[Arc<LeaseCandidate>], now: Timestamp) -> Step {
    match is_needed(lease, candidates, now) {
        Ok(true) => {}
        Ok(false) => return Step::Rest,
        Err(why) => return Step::Wait(why),
    }
    let mut ask = Vec::new();
    let mut all_answered = true;
    for candidate in candidates {
        let is_fresh = renewed(candidate).is_some_and(|time| time + ELECTION > now);
        let Some(asked) = pinged(candidate) else {
            if !is_fresh {
                ask.push(candidate.clone());
            }
            continue;
        };
        if is_asked(candidate) {
            // who does not answer in time has no part in the election
            all_answered &= asked + ELECTION <= now;
        } else if !is_fresh && asked + ELECTION < now {
            ask.push(candidate.clone());
        }
    }
    if !ask.is_empty() {
        return Step::Ask(ask);
    }
    if !all_answered {
        return Step::Wait("candidates still have time to answer");
    }
    let answered: Vec<Arc<LeaseCandidate>> = candidates
        .iter()
        .filter(|one| renewed(one).is_some_and(|time| time + ELECTION > now))
        .cloned()
        .collect();
    if answered.is_empty() {
        return Step::Wait("no candidate has answered");
    }
    match strategy(&answered) {
        Err(why) => Step::Wait(why),
        Ok(OLDEST) => match best(&answered) {
            Some(best) => Step::Elect {
                strategy: OLDEST.to_owned(),
                holder: Some(best.name_any()),
            },
            None => Step::Wait("no candidate says which version it emulates"),
        },
        Ok(other) => Step::Elect {
            strategy: other.to_owned(),
            holder: None,
        },
    }
}

fn is_needed(lease: Option<&Lease>, candidates: &[Arc<LeaseCandidate>], now: Timestamp) -> Result<bool, &'static str> {
    let Some(lease) = lease.and_then(|lease| lease.spec.as_ref()) else {
        return Ok(true);
    };
    if has_run_out(lease, now) || holder(lease).is_none() {
        return Ok(true);
    }
    // asked from time to time, so that those who are there are not taken for gone
    let is_old = |one: &Arc<LeaseCandidate>| renewed(one).is_some_and(|time| time + VALID / 2 < now);
    if candidates.iter().any(is_old) {
        return Ok(true);
    }
    if strategy(candidates)? != OLDEST {
        return Ok(false);
    }
    let best = best(candidates).map(|best| best.name_any());
    Ok(best.is_some_and(|best| Some(best.as_str()) != holder(lease)))
}

fn version(text: Option<&str>) -> Option<Version> {
    Version::parse(text?).ok()
}

fn binary(candidate: &LeaseCandidate) -> Option<Version> {
    version(Some(&candidate.spec.binary_version))
}

fn emulated(candidate: &LeaseCandidate) -> Option<Version> {
    version(candidate.spec.emulation_version.as_deref())
}

fn by_precedence(left: Option<&Version>, right: Option<&Version>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => left.cmp_precedence(right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// What the candidate with the newest binary wants; those of one version must agree.
fn strategy(candidates: &[Arc<LeaseCandidate>]) -> Result<&str, &'static str> {
    let mut newest: Option<(Option<Version>, &str)> = None;
    for candidate in candidates {
        let (version, own) = (binary(candidate), candidate.spec.strategy.as_str());
        let order = newest.as_ref().map_or(Ordering::Greater, |(newest, _)| {
            by_precedence(version.as_ref(), newest.as_ref())
        });
        match (order, &newest) {
            (Ordering::Greater, _) => newest = Some((version, own)),
            (Ordering::Equal, Some((_, other))) if *other != own => {
                return Err("candidates of the same binary version want different strategies");
            }
            _ => {}
        }
    }
    newest.map(|(_, strategy)| strategy).ok_or("there are no candidates")
}

/// The one that emulates the oldest version; among equals the oldest binary, then the oldest candidate.
fn best(candidates: &[Arc<LeaseCandidate>]) -> Option<&Arc<LeaseCandidate>> {
    let electable = candidates
        .iter()
        .filter(|one| emulated(one).is_some() && binary(one).is_some());
    electable.min_by(|left, right| {
        by_precedence(emulated(left).as_ref(), emulated(right).as_ref())
            .then_with(|| by_precedence(binary(left).as_ref(), binary(right).as_ref()))
            .then_with(|| left.creation_timestamp().cmp(&right.creation_timestamp()))
            .then_with(|| left.name_any().cmp(&right.name_any()))
    })
}

/// Gives the lease to the elected if nobody holds it; otherwise asks the holder to let it go.
pub(super) fn hand_over(spec: &mut LeaseSpec, strategy: &str, elected: Option<String>, seconds: i32, now: Timestamp) {
    spec.strategy = Some(strategy.to_owned());
    let Some(elected) = elected else { return };
    let held_by = holder(spec).map(ToOwned::to_owned);
    let is_same = held_by.as_ref() == Some(&elected);
    if held_by.is_none() || (has_run_out(spec, now) && !is_same) {
        spec.preferred_holder = None;
        spec.holder_identity = Some(elected);
        spec.renew_time = Some(MicroTime(now));
        spec.lease_duration_seconds = Some(seconds);
        spec.acquire_time = None;
    } else if !is_same {
        spec.preferred_holder = Some(elected);
    }
}
