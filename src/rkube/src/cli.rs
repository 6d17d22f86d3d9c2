//! Command-line types. No logic.

mod addons;
mod bundle;
mod cluster;
mod duration;
mod image;
mod machine;
mod mirrors;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use addons::*;
pub(crate) use bundle::*;
pub(crate) use cluster::*;
pub(crate) use image::*;
pub(crate) use machine::*;
pub(crate) use mirrors::*;

/// Kubernetes on this machine, in containers, without a registry.
#[derive(Debug, Parser)]
#[command(name = "rkube", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// The cluster's name.
    #[arg(
        short,
        long,
        global = true,
        env = "RKUBE_PROFILE",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub(crate) profile: Option<String>,
    /// Output format.
    #[arg(short, long, global = true, env = "RKUBE_OUTPUT", hide_env_values = true, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Says more on stderr; twice for even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a cluster, or starts it again; changes nothing if it runs.
    Start(Box<Start>),
    /// Stops the cluster; everything in it is kept.
    Stop(Stop),
    /// Removes the cluster and everything in it.
    Delete(Delete),
    /// Freezes the control plane; pods go on.
    Pause,
    /// Lets a frozen control plane go on.
    #[command(alias = "resume")]
    Unpause,
    /// Says what the nodes and their components are doing.
    ///
    /// The exit code adds 1 if a node does not run, 2 if a kubelet or the API server does not run, 4 if the kubeconfig does
    /// not lead to the cluster; 85 if there is no such cluster.
    Status(Status),
    /// Runs a shell or a program in a node; its exit code becomes ours.
    Ssh(Ssh),
    /// Shows the nodes' logs.
    Logs(Logs),
    /// Lists nodes.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Runs a kubectl that fits the cluster, against it.
    Kubectl(Kubectl),
    /// Runs a command and shows what became of its requests: checks, controllers, scheduler, kubelets, with times.
    ///
    /// Without a command it lists the traces that the cluster remembers. The exit code is the command's.
    Trace(Trace),
    /// Opens a page for looking at the cluster and working on it; goes on until Ctrl-C.
    Dashboard(Dashboard),
    /// Lists addons, and brings them into the cluster or takes them out.
    #[command(subcommand)]
    Addons(AddonsCommand),
    /// Composes, loads and lists images.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Brings a cluster to a machine without a network, in one file.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Says where images come from, and changes it.
    #[command(subcommand)]
    Mirrors(MirrorsCommand),
    /// Prints a node's address.
    Ip(NodeFlag),
    /// Prints the profile in use, chooses another one, or lists all.
    Profile(Profile),
    /// Prints versions.
    Version(Version),
    /// Prints a completion script.
    Completion(Completion),
    /// Writes completion scripts, man pages and the reference of all commands into a folder.
    #[command(hide = true)]
    GenerateDocs(GenerateDocs),
}
