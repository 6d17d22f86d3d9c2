//! Commands of the host: one file each. `main` sets up what all share and turns the outcome into an exit code.

mod addons;
mod bundle;
mod completion;
mod dashboard;
mod delete;
mod extra_config;
mod generate_docs;
mod image;
mod ip;
mod kubectl;
mod logs;
mod machine;
mod mirrors;
mod node;
mod pause;
mod profile;
mod rehearse;
mod ssh;
mod start;
mod status;
mod stop;
mod trace;
mod version;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::context::{Context, locale};
use crate::failure::Failure;
use crate::ui::usage;

/// What a command gives back when it did all that was asked.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Runs the command that the arguments say.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage::show(&error, &locale()),
    };
    // one TLS provider for the whole process; a second installation is refused and changes nothing
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    log(cli.global.verbose);
    let context = Context::new(&cli.global, &cli.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return context.ui.failure(&Failure::internal(&error)),
    };
    let outcome = runtime.block_on(run(&context, cli.command));
    // uploads and downloads in flight must not hold up the end
    runtime.shutdown_background();
    outcome.unwrap_or_else(|failure| context.ui.failure(&failure))
}

/// What the libraries say of their work, on stderr; nothing unless asked.
fn log(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .init();
}

async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Start(args) => start::run(context, *args).await,
        Command::Stop(args) => stop::run(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
        Command::Pause => pause::pause(context).await,
        Command::Unpause => pause::unpause(context).await,
        Command::Status(args) => status::run(context, args).await,
        Command::Ssh(args) => ssh::run(context, args).await,
        Command::Logs(args) => logs::run(context, args).await,
        Command::Node(command) => node::run(context, command),
        Command::Kubectl(args) => kubectl::run(context, args).await,
        Command::Trace(args) => trace::run(context, args).await,
        Command::Dashboard(args) => dashboard::run(context, args).await,
        Command::Addons(command) => addons::run(context, command).await,
        Command::Image(command) => image::run(context, command).await,
        Command::Bundle(command) => bundle::run(context, command).await,
        Command::Mirrors(command) => mirrors::run(context, command).await,
        Command::Ip(args) => ip::run(context, args),
        Command::Profile(args) => profile::run(context, args).await,
        Command::Version(args) => Ok(version::run(context, args)),
        Command::Completion(args) => Ok(completion::run(args)),
        Command::GenerateDocs(args) => generate_docs::run(args),
    }
}
