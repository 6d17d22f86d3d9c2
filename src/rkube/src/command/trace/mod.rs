//! `rkube trace -- kubectl …`: what became of the requests of one command (docs/adr/0010-traces.md); `rkube trace TYPE/NAME`: what
//! happened to one object.

mod explain;
mod history;
mod kinds;
mod object;
mod proxy;
mod show;
mod wait;

use std::process::{ExitCode, Stdio};

use cluster::{ClusterError, Profile};
use kube::Client;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use tokio::process::Command;
use traces::{Id, Story};

use super::addons::client;
use super::{Outcome, kubectl};
use crate::cli::Trace;
use crate::context::Context;
use crate::failure::Failure;
use proxy::Proxy;

pub(super) async fn run(context: &Context, args: Trace) -> Outcome {
    let profile = context.existing()?;
    let client = client::of_running(context, &profile).await?;
    let client = client.ok_or_else(|| ClusterError::NotRunning {
        name: profile.name.clone(),
    })?;
    if !args.object.is_empty() {
        let asked = args.object.join(" ");
        return object::run(context, &client, &asked, &args.namespace, args.explain).await;
    }
    match (&args.show, args.command.split_first()) {
        (Some(_), Some(_)) => Err(Failure::usage(&"--show takes no command")),
        (Some(id), None) => {
            let id: Id = id
                .parse()
                .map_err(|_| Failure::usage(&format!("{id:?} is no trace: expected 32 hexadecimal digits")))?;
            print(context, &id, &wait::fetch(&client, &id).await?, args.explain);
            Ok(ExitCode::SUCCESS)
        }
        (None, None) => list(context, &client).await,
        (None, Some((program, rest))) => {
            let id = new_id()?;
            let code = command(context, &profile, &id, program, rest).await?;
            let seen = wait::until_at_rest(&client, &id, args.timeout).await?;
            let Some(story) = seen.story else {
                return Err(Failure::usage(&format!(
                    "{program} asked nothing of cluster {} that could be followed",
                    profile.name
                )));
            };
            print(context, &id, &story, args.explain);
            if !seen.at_rest {
                let waiting: Vec<&str> = story
                    .pods
                    .iter()
                    .filter(|pod| !pod.settled)
                    .map(|pod| pod.name.as_str())
                    .collect();
                let text = explain::word("waiting", context.ui.text());
                context.ui.note(&format!(
                    "{} {}",
                    text.replace("{}", &args.timeout.as_secs().to_string()),
                    waiting.join(", ")
                ));
            }
            Ok(code)
        }
    }
}

fn new_id() -> Result<Id, Failure> {
    let text = uuid::Uuid::new_v4().simple().to_string();
    text.parse()
        .map_err(|_| Failure::internal(&"no identity for the trace"))
}

/// Runs the program with a kubeconfig that leads through our proxy. Its exit code is ours.
async fn command(context: &Context, profile: &Profile, id: &Id, program: &str, args: &[String]) -> Outcome {
    let (source, args) = take_kubeconfig(args);
    let path = source.map_or_else(|| profile.kubeconfig.clone(), Into::into);
    let found = kubeconfig(context, profile, &path)?;
    let proxy = Proxy::start(found, profile, id).await?;
    let file = proxy.kubeconfig()?;
    let program = match program {
        "kubectl" => kubectl::find(context).await?,
        other => other.into(),
    };
    let mut command = Command::new(&program);
    command.args(args).env("KUBECONFIG", file.path()).kill_on_drop(true);
    if context.ui.is_json() {
        command.stdout(Stdio::from(std::io::stderr()));
    }
    let status = tokio::select! {
        status = command.status() => status,
        never = proxy.serve() => match never? {},
    };
    let status = status.map_err(|error| Failure::usage(&format!("cannot run {}: {error}", program.display())))?;
    Ok(ExitCode::from(status.code().unwrap_or(1) as u8))
}

/// Takes kubectl's `--kubeconfig` out of its arguments: the file is read here, and replaced.
fn take_kubeconfig(args: &[String]) -> (Option<String>, Vec<String>) {
    let (mut source, mut rest) = (None, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--kubeconfig") {
            Some("") => source = args.next().cloned(),
            Some(value) if value.starts_with('=') => source = Some(value[1..].to_owned()),
            _ => rest.push(arg.clone()),
        }
        if arg == "--" {
            rest.extend(args.by_ref().cloned());
        }
    }
    (source, rest)
}

/// The user's contexts of this cluster, and the administrator's, which is the current one unless the file chose another.
fn kubeconfig(context: &Context, profile: &Profile, path: &std::path::Path) -> Result<Kubeconfig, Failure> {
    let unusable = |error: &dyn std::error::Error| ClusterError::Credentials(error.to_string());
    let own = client::kubeconfig(context, profile)?;
    let own: Kubeconfig = serde_json::from_value(own).map_err(|error| unusable(&error))?;
    if !path.is_file() {
        return Ok(own);
    }
    let users = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
    // what the file says comes first
    users.merge(own).map_err(|error| unusable(&error).into())
}

fn print(context: &Context, id: &Id, story: &Story, explain: bool) {
    context.ui.result(
        || show::story(story, context.ui.text(), explain),
        || {
            let mut value = json!(story);
            value["id"] = json!(id);
            value
        },
    );
}

/// The traces that the control plane remembers.
async fn list(context: &Context, client: &Client) -> Outcome {
    let answer: Value = wait::get(client, "/traces").await?;
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| {
        [
            text(one, "id"),
            show::clock(one["at"].as_i64().unwrap_or_default()),
            one["code"].to_string(),
            text(one, "user"),
            format!("{} {}", text(one, "verb"), text(one, "path")),
        ]
    };
    let head = ["ID", "TIME", "CODE", "USER", "REQUEST"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head)
        .chain(answer["traces"].as_array().into_iter().flatten().map(line))
        .collect();
    context.ui.result(|| crate::ui::columns(&rows), || answer.clone());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::take_kubeconfig;

    #[test]
    fn kubectls_own_kubeconfig_flag_is_taken_out_wherever_it_stands() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        for (given, source, rest) in [
            ("apply -f x", None, "apply -f x"),
            ("--kubeconfig a apply -f x", Some("a"), "apply -f x"),
            ("apply --kubeconfig=a -f x", Some("a"), "apply -f x"),
            ("exec p -- cat --kubeconfig=a", None, "exec p -- cat --kubeconfig=a"),
        ] {
            let (found, left) = take_kubeconfig(&words(given));
            assert_eq!((found.as_deref(), left), (source, words(rest)), "{given}");
        }
    }
}
