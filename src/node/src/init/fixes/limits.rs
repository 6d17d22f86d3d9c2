//! Resource limits and OOM scores within what the engine grants.

use nodespec::NodeConfig;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Facts, Outcome, has_capability};

const CAP_SYS_RESOURCE: u32 = 24;
/// What containerd's own unit asks for; beyond it some programs loop over all descriptors.
const OPEN_FILES: u64 = 1_048_576;

/// Raises soft limits to the hard ones, and the hard limit of open files if the kernel lets us.
#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the table")]
pub(super) fn raise(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let mut done = Vec::new();
    let privileged = has_capability(CAP_SYS_RESOURCE);
    for (resource, name, wanted) in [
        (Resource::Nofile, "open files", Some(OPEN_FILES)),
        (Resource::Nproc, "processes", None),
        (Resource::Core, "core size", None),
        (Resource::Memlock, "locked memory", None),
    ] {
        let now = getrlimit(resource);
        let target = match (privileged, wanted) {
            (true, Some(wanted)) if now.maximum.is_some_and(|maximum| maximum < wanted) => Some(wanted),
            (true, None) => None,
            _ => now.maximum,
        };
        if now.current == target && now.maximum == target {
            continue;
        }
        let new = Rlimit {
            current: target,
            maximum: target,
        };
        if setrlimit(resource, new).is_ok() {
            let value = target.map_or_else(|| "unlimited".to_owned(), |value| value.to_string());
            done.push(format!("{name} {value}"));
        }
    }
    Ok((!done.is_empty()).then(|| format!("raised {}", done.join(", "))))
}

/// Without `CAP_SYS_RESOURCE` a runtime that lowers a container's OOM score fails; containerd has a setting for that.
#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the table")]
pub(super) fn oom_score(_: &NodeConfig, facts: &mut Facts) -> Outcome {
    if has_capability(CAP_SYS_RESOURCE) {
        return Ok(None);
    }
    facts.restrict_oom_score = true;
    Ok(Some(
        "no CAP_SYS_RESOURCE: OOM scores stay at or above init's own".to_owned(),
    ))
}
