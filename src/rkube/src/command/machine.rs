//! What `rkube start` is asked to run a cluster on and with: what there is not is refused, what cannot change is said.

use cluster::{Driver, EngineSettings, Limits, Profile};

use super::version::KUBERNETES;
use crate::cli::Machine;
use crate::context::Context;
use crate::failure::Failure;

/// Where to look for the engine; fails for what this rkube or this cluster cannot be.
pub(super) fn engine(context: &Context, known: Option<&Profile>, asked: &Machine) -> Result<EngineSettings, Failure> {
    check_version(&asked.kubernetes_version)?;
    let wanted = asked.driver.map(Driver::from);
    let made_with = known.and_then(|profile| profile.driver);
    if let (Some(wanted), Some(made_with)) = (wanted, made_with)
        && wanted != made_with
    {
        return Err(Failure::usage(&format!(
            "cluster {:?} was made with {}; --driver {} needs a new one",
            context.profile,
            made_with.name(),
            wanted.name()
        )));
    }
    Ok(EngineSettings {
        driver: wanted.or(made_with),
        ..context.engine.clone()
    })
}

/// The limits of a new cluster.
pub(super) fn limits(asked: &Machine) -> Limits {
    Limits {
        milli_cpus: asked.cpus.and_then(|cpus| cpus.0),
        memory: asked.memory.and_then(|memory| memory.0),
    }
}

/// Says what an existing cluster does not take.
pub(super) fn note_what_stays(context: &Context, known: &Profile, asked: &Machine) {
    let limits = limits(asked);
    let differs = [
        (
            "--cpus",
            asked.cpus.is_some() && limits.milli_cpus != known.limits.milli_cpus,
        ),
        (
            "--memory",
            asked.memory.is_some() && limits.memory != known.limits.memory,
        ),
    ];
    for (flag, _) in differs.into_iter().filter(|(_, differs)| *differs) {
        let text = context.ui.text().start_flag_ignored;
        context
            .ui
            .note(&text.replace("{flag}", flag).replace("{name}", &known.name));
    }
}

fn check_version(asked: &str) -> Result<(), Failure> {
    let full = KUBERNETES
        .split('+')
        .next()
        .unwrap_or(KUBERNETES)
        .trim_start_matches('v');
    let minor = full.rsplit_once('.').map_or(full, |(minor, _)| minor);
    let plain = asked.trim_start_matches('v');
    if ["stable", "latest", full, minor].contains(&plain) {
        return Ok(());
    }
    Err(Failure::usage(&format!(
        "this rkube has Kubernetes v{full}, and no {asked}: --kubernetes-version takes stable, latest, v{minor} or v{full}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_there_is_has_several_names() {
        for asked in ["stable", "latest", "v1.36", "1.36", "v1.36.2", "1.36.2"] {
            assert_eq!(check_version(asked), Ok(()), "{asked}");
        }
        for asked in ["v1.35.0", "1.3", "v1.36.1", "newest", ""] {
            let failure = check_version(asked).unwrap_err();
            assert_eq!(failure.code, 14);
            assert!(
                failure.message.contains("has Kubernetes v1.36.2"),
                "{}",
                failure.message
            );
        }
    }
}
