//! The binary's other lives: what runs as PID 1, inside nodes and inside pods. Decided before clap sees the arguments.

use std::path::Path;
use std::process::ExitCode;

use crate::addon;

/// What is run under the name `kubectl` is `rkube kubectl`; under every other name it is what the arguments say.
pub(crate) fn as_called(args: Vec<String>) -> Vec<String> {
    let name = args.first().map(Path::new).and_then(Path::file_name);
    if name.is_none_or(|name| name != "kubectl") {
        return args;
    }
    let rest = args.into_iter().skip(1);
    ["rkube", "kubectl", "--"]
        .map(str::to_owned)
        .into_iter()
        .chain(rest)
        .collect()
}

/// Runs the multi-call entry that the arguments name; `None` if they are for the host's command line.
pub(crate) fn dispatch(args: &[String]) -> Option<ExitCode> {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    match words.as_slice() {
        ["pause-container", ..] => Some(exit(node::init::pause_container())),
        ["init"] => Some(exit(node::init::run())),
        ["node", rest @ ..] => in_node(rest),
        ["addon", "remove-volume", path] => Some(exit(addon::remove_volume(path))),
        ["addon", "dashboard"] => {
            log_to_stderr();
            Some(block_on(addon::dashboard()))
        }
        ["addon", "dns", rest @ ..] => {
            log_to_stderr();
            Some(block_on(addon::dns(rest)))
        }
        ["addon", "ingress-dns", rest @ ..] => {
            log_to_stderr();
            Some(block_on(addon::ingress_dns(rest)))
        }
        ["addon", "metrics-server", rest @ ..] => {
            log_to_stderr();
            Some(block_on(addon::metrics_server(rest)))
        }
        ["addon", "ingress", rest @ ..] => {
            log_to_stderr();
            Some(block_on(addon::ingress(rest)))
        }
        _ => None,
    }
}

/// `rkube node …` inside a node. Host commands such as `rkube node list` are not handled here.
fn in_node(words: &[&str]) -> Option<ExitCode> {
    // most of these are children of init
    if let Err(error) = node::init::unblock_signals() {
        return Some(exit::<std::io::Error>(Err(error)));
    }
    let code = match words {
        [] => {
            log_to_stderr();
            block_on(node::agent::run())
        }
        ["resolver"] => {
            log_to_stderr();
            // mostly idle: one thread
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            exit(
                runtime
                    .and_then(|runtime| runtime.block_on(node::resolver::run()))
                    .map(|()| 0),
            )
        }
        ["status"] => block_on(async {
            let text = node::agent::fetch_status().await?;
            write_line(&text)
        }),
        ["dns-check", server, name, seconds] => exit(node::dns_check::run(server, name, seconds).map(|()| 0)),
        ["pause"] => print(node::freeze::pause()),
        ["unpause"] => print(node::freeze::unpause()),
        ["paused"] => print(node::freeze::paused()),
        ["images"] => block_on(async { write_line(&node::images::list().await?) }),
        ["mirrors-test", image] => block_on(async { write_line(&node::mirrors_test::run(image).await?) }),
        ["stop-pods"] => block_on(node::stop_pods::run()),
        ["image-load"] => block_on(async {
            let input = tokio::io::BufReader::with_capacity(1 << 18, tokio::io::stdin());
            let complete = node::image_load::run(input, tokio::io::stdout()).await?;
            if complete {
                Ok(())
            } else {
                Err(std::io::Error::other("not every image was loaded"))
            }
        }),
        _ => return None,
    };
    Some(code)
}

fn block_on<E: std::error::Error>(work: impl Future<Output = Result<(), E>>) -> ExitCode {
    // One TLS provider for the whole process; a second installation is refused and changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let result = runtime.block_on(work).map(|()| 0);
            // Blocking work in flight (hashing, a read of stdin) must not hold up the end.
            runtime.shutdown_background();
            exit(result)
        }
        Err(error) => exit::<std::io::Error>(Err(error)),
    }
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

fn print(result: std::io::Result<&'static str>) -> ExitCode {
    exit(result.and_then(write_line).map(|()| 0))
}

fn write_line(text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}")
}

fn exit<E: std::error::Error>(result: Result<u8, E>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            use std::io::Write as _;
            let mut text = format!("rkube: {error}");
            let mut cause = error.source();
            while let Some(below) = cause {
                text = format!("{text}: {below}");
                cause = below.source();
            }
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::as_called;

    #[test]
    fn under_the_name_of_kubectl_all_arguments_are_kubectls() {
        let called = |args: &[&str]| as_called(args.iter().map(|arg| (*arg).to_owned()).collect());
        assert_eq!(
            called(&["/usr/local/bin/kubectl", "get", "--help"]),
            ["rkube", "kubectl", "--", "get", "--help"]
        );
        assert_eq!(called(&["kubectl"]), ["rkube", "kubectl", "--"]);
        assert_eq!(
            called(&["/opt/rkube", "node", "kubectl"]),
            ["/opt/rkube", "node", "kubectl"]
        );
        assert!(called(&[]).is_empty());
    }
}
