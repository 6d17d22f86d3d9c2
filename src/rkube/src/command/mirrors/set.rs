//! `rkube mirrors set`: in the user's file, or in one cluster's, and in all running nodes that it concerns.

use std::process::ExitCode;

use cluster::{ClusterError, Engine};
use mirrors::{Document, HostConfig, Mirror, Table, Upstream, host_at};
use serde_json::json;

use super::Outcome;
use crate::cli::{MirrorsSet, UpstreamFlag};
use crate::context::Context;
use crate::failure::Failure;

/// Longest password taken from standard input.
const PASSWORD_LIMIT: u64 = 64 << 10;

pub(super) async fn run(context: &Context, args: MirrorsSet) -> Outcome {
    let (cluster_only, reset, registry) = (args.cluster, args.reset, args.registry.clone());
    let mut document = if cluster_only {
        context.existing()?;
        cluster::own_mirrors(&context.profiles, &context.profile)?
    } else {
        context.profiles.mirrors()?
    };
    change(&mut document, args)?;
    // refused before it is written, or every command after this one would fail
    Table::new(&document).map_err(ClusterError::from)?;
    if cluster_only {
        cluster::write_own_mirrors(&context.profiles, &context.profile, &document)?;
    } else {
        context.profiles.write_mirrors(&document)?;
    }
    let told = tell(context, cluster_only).await?;
    let text = context.ui.text();
    let has = |name: &String| document.mirrors.contains_key(name) || document.configs.contains_key(name);
    let forgotten = reset && document == Document::default();
    let kept = if !forgotten && registry.as_ref().is_none_or(has) {
        text.mirrors_kept
    } else {
        text.mirrors_usual
    };
    let rest = if reset { "*" } else { "none" };
    let what = registry.unwrap_or_else(|| document.country.clone().unwrap_or_else(|| rest.to_owned()));
    context.ui.result(
        || {
            let mut lines = vec![kept.replace("{}", &what)];
            lines.extend(told.iter().map(|name| text.mirrors_told.replace("{}", name)));
            lines.join("\n")
        },
        || json!({ "registry": what, "clusters": told }),
    );
    Ok(ExitCode::SUCCESS)
}

fn change(document: &mut Document, args: MirrorsSet) -> Result<(), Failure> {
    if args.reset {
        *document = Document::default();
    }
    if let Some(country) = args.country {
        document.country = (country != "none").then_some(country);
    }
    let Some(registry) = args.registry else {
        return Ok(());
    };
    let mirror = Mirror {
        endpoint: args.endpoints,
        rewrite: args.rewrite.into_iter().collect(),
        upstream: args.upstream.map(|when| match when {
            UpstreamFlag::First => Upstream::First,
            UpstreamFlag::Last => Upstream::Last,
            UpstreamFlag::Never => Upstream::Never,
        }),
    };
    let mut host = HostConfig::default();
    if let Some(file) = args.ca_file {
        let file = std::path::absolute(&file).map_err(|error| Failure::usage(&error))?;
        host.tls.ca_file = file.to_string_lossy().into_owned();
    }
    host.tls.insecure_skip_verify = args.insecure_skip_verify;
    if let Some(username) = args.username {
        host.auth.username = username;
        host.auth.password = password().map_err(|error| Failure::usage(&error))?;
    }
    let plain = host == HostConfig::default();
    if !plain {
        let hosts = if mirror.endpoint.is_empty() {
            vec![registry.clone()]
        } else {
            hosts(&mirror)?
        };
        document
            .configs
            .extend(hosts.into_iter().map(|name| (name, host.clone())));
    }
    if mirror != Mirror::default() {
        document.mirrors.insert(registry, mirror);
        return Ok(());
    }
    let before = document.mirrors.remove(&registry);
    if plain {
        take_back(document, &registry, before.as_ref())?;
    }
    Ok(())
}

/// Forgets logins and certificates that were set with a registry and its mirrors, except for hosts that others have as mirrors, too.
fn take_back(document: &mut Document, registry: &str, before: Option<&Mirror>) -> Result<(), Failure> {
    let mut others = Vec::new();
    for mirror in document.mirrors.values() {
        others.extend(hosts(mirror)?);
    }
    let mut gone = vec![registry.to_owned()];
    if let Some(mirror) = before {
        gone.extend(hosts(mirror)?);
    }
    document
        .configs
        .retain(|name, _| !gone.contains(name) || others.contains(name));
    Ok(())
}

/// `host[:port]` of each of the endpoints, as `configs` names them.
fn hosts(mirror: &Mirror) -> Result<Vec<String>, Failure> {
    let hosts = mirror.endpoint.iter().map(|endpoint| host_at(endpoint));
    Ok(hosts.collect::<Result<_, _>>().map_err(ClusterError::from)?)
}

fn password() -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::io::stdin().take(PASSWORD_LIMIT).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Tells the clusters concerned; gives the names of those that did not know yet.
async fn tell(context: &Context, cluster_only: bool) -> Result<Vec<String>, ClusterError> {
    let names = if cluster_only {
        vec![context.profile.clone()]
    } else {
        context.profiles.names()?
    };
    let mut told = Vec::new();
    for name in names {
        // one broken profile must not keep the others from being told
        let Ok(Some(profile)) = context.profiles.read(&name) else {
            continue;
        };
        // each has its own: another one knows nothing of its nodes
        let engine = Engine::connect(&context.engine_of(&name)).await?;
        let table = cluster::mirror_table(&context.profiles, &name)?;
        if cluster::tell_mirrors(&engine, &context.profiles, &profile, &table).await? {
            told.push(name);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(document: &mut Document, args: &[&str]) {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            set: MirrorsSet,
        }
        let line = <Line as clap::Parser>::try_parse_from([&["set"], args].concat()).unwrap();
        change(document, line.set).unwrap();
    }

    #[test]
    fn what_was_set_with_a_mirror_is_taken_back_with_it() {
        let mut document = Document::default();
        let ca = "--ca-file=/etc/ca.pem";
        set(
            &mut document,
            &["docker.io", "https://One.example:443/ns", "https://both.example", ca],
        );
        let names: Vec<&String> = document.configs.keys().collect();
        assert_eq!(names, ["both.example", "one.example"]);
        set(&mut document, &["quay.io", "https://both.example"]);
        set(&mut document, &["other.example", ca]);
        set(&mut document, &["docker.io"]);
        let names: Vec<&String> = document.configs.keys().collect();
        assert_eq!(
            names,
            ["both.example", "other.example"],
            "another registry's mirror keeps its own"
        );
        set(&mut document, &["quay.io"]);
        set(&mut document, &["other.example"]);
        assert_eq!(document, Document::default());
        set(&mut document, &["docker.io", "https://both.example"]);
        set(&mut document, &["--reset", "--country", "cn"]);
        let country = Some("cn".to_owned());
        assert_eq!(
            document,
            Document {
                country,
                ..Document::default()
            },
            "nothing from before"
        );
    }
}
