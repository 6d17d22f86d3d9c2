//! Leases and those who would like to hold them.

use semver::Version;
use serde_json::Value;

use super::cursor::{At, Check};
use crate::names;

/// The strategies that Kubernetes itself defines; others are named with a domain.
const STRATEGIES: &[&str] = &["OldestEmulationVersion"];

pub(super) fn lease(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let duration = spec.child("leaseDurationSeconds");
    if duration.int().is_some_and(|seconds| seconds <= 0) {
        check.invalid(&duration, "must be greater than 0");
    }
    check.not_negative(&spec.child("leaseTransitions"));
    let given = spec.child("strategy");
    if given.is_set() {
        strategy(check, &given);
    }
    let preferred = spec.child("preferredHolder");
    if preferred.has_any() && !given.has_any() {
        check.forbidden(&preferred, "may only be specified if `strategy` is defined");
    }
}

pub(super) fn candidate(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let name = spec.child("leaseName");
    if !name.has_any() {
        check.required(&name, "");
    }
    let (emulation, binary) = (spec.child("emulationVersion"), spec.child("binaryVersion"));
    if !binary.has_any() {
        check.required(&binary, "");
    }
    let emulated = version(check, &emulation);
    let built = version(check, &binary);
    if let (Some(emulated), Some(built)) = (&emulated, &built)
        && built.cmp_precedence(emulated).is_lt()
    {
        check.invalid(&binary, "must be greater than or equal to `emulationVersion`");
    }
    let given = spec.child("strategy");
    if !given.has_any() {
        return check.required(&given, "");
    }
    let none = Version::new(0, 0, 0);
    let has_none = emulated.is_none_or(|version| version.cmp_precedence(&none).is_eq());
    if given.str() == STRATEGIES[0] && has_none {
        check.required(
            &emulation,
            "must be specified when `strategy` is 'OldestEmulationVersion'",
        );
    }
    strategy(check, &given);
}

pub(super) fn update_candidate(check: &mut Check<'_>, old: &Value) {
    check.immutable("/spec/leaseName", old, "spec.leaseName");
}

/// The version, if it is there and one.
fn version(check: &mut Check<'_>, at: &At<'_>) -> Option<Version> {
    let read = at.has_any().then(|| Version::parse(at.str()))?;
    if read.is_err() {
        check.invalid(at, "must be a valid semantic version");
    }
    read.ok()
}

fn strategy(check: &mut Check<'_>, at: &At<'_>) {
    if at.str().contains('/') {
        check.all_invalid(at, names::qualified_name(at.str()));
    } else {
        // an empty one is none of them either
        check.one_of(at, STRATEGIES, true);
    }
}
