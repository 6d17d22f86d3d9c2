//! Commands on clusters and nodes.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::duration::duration;
use super::{Machine, MirrorFlags, Sources};

/// `rkube start`.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Number of nodes: one control plane, the rest workers.
    #[arg(short, long, env = "RKUBE_NODES", hide_env_values = true, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) nodes: u8,
    /// Addresses of the cluster's network, such as 192.168.49.0/24; chosen by rkube by default.
    #[arg(long, env = "RKUBE_SUBNET", hide_env_values = true, value_name = "CIDR")]
    pub(crate) subnet: Option<ipnet::Ipv4Net>,
    /// Port on 127.0.0.1 for the API; a free one by default.
    #[arg(long, env = "RKUBE_APISERVER_PORT", hide_env_values = true, value_name = "PORT")]
    pub(crate) apiserver_port: Option<u16>,
    /// Addresses of pods.
    #[arg(
        long,
        env = "RKUBE_POD_CIDR",
        hide_env_values = true,
        value_name = "CIDR",
        default_value = "10.244.0.0/16"
    )]
    pub(crate) pod_cidr: ipnet::Ipv4Net,
    /// Addresses of services.
    #[arg(
        long,
        env = "RKUBE_SERVICE_CLUSTER_IP_RANGE",
        hide_env_values = true,
        value_name = "CIDR",
        default_value = "10.96.0.0/16"
    )]
    pub(crate) service_cluster_ip_range: ipnet::Ipv4Net,
    /// The cluster's DNS domain.
    #[arg(
        long,
        env = "RKUBE_DNS_DOMAIN",
        hide_env_values = true,
        value_name = "DOMAIN",
        default_value = "cluster.local"
    )]
    pub(crate) dns_domain: String,
    /// A setting of a component, such as kubelet.max-pods=50 or scheduler.config=FILE; may be given several times.
    #[arg(long, value_name = "COMPONENT.KEY=VALUE", value_parser = extra_config)]
    pub(crate) extra_config: Vec<String>,
    /// A node image that the container engine has, instead of the composed one.
    #[arg(long, env = "RKUBE_BASE_IMAGE", hide_env_values = true, value_name = "IMAGE")]
    pub(crate) base_image: Option<String>,
    /// A file that `rkube bundle save` wrote; the cluster then comes from it, without a network.
    #[arg(long, env = "RKUBE_BUNDLE", hide_env_values = true, value_name = "FILE")]
    pub(crate) bundle: Option<std::path::PathBuf>,
    /// Addons to enable; `rkube addons list` shows all.
    #[arg(
        long,
        env = "RKUBE_ADDONS",
        hide_env_values = true,
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub(crate) addons: Vec<String>,
    /// How long each wait may last, such as 6m or 1m30s; a plain number is seconds.
    #[arg(
        long,
        env = "RKUBE_WAIT_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        default_value = "2m",
        value_parser = duration
    )]
    pub(crate) wait_timeout: Duration,
    /// Takes away what a failed first start made.
    #[arg(long, env = "RKUBE_DELETE_ON_FAILURE", hide_env_values = true, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) delete_on_failure: bool,
    /// Leaves the kubeconfig's current context as it is.
    #[arg(long, env = "RKUBE_KEEP_CONTEXT", hide_env_values = true)]
    pub(crate) keep_context: bool,
    /// Makes and changes nothing: checks what can be checked, and says what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) machine: Machine,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) mirrors: MirrorFlags,
}

fn extra_config(text: &str) -> Result<String, String> {
    match text.split_once('=').and_then(|(key, _)| key.split_once('.')) {
        Some((component, key)) if !component.is_empty() && !key.is_empty() => Ok(text.to_owned()),
        _ => Err("must be COMPONENT.KEY=VALUE".to_owned()),
    }
}

/// `rkube stop`.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// All clusters.
    #[arg(long)]
    pub(crate) all: bool,
}

/// `rkube delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// All clusters whose profiles are here, or were; other users' stay.
    #[arg(long)]
    pub(crate) all: bool,
    /// Also everything below ~/.rkube (or `RKUBE_HOME`): downloads, settings, addons of your own, and what bundles brought; needs
    /// --all if there are several clusters.
    #[arg(long)]
    pub(crate) purge: bool,
}

/// `rkube status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only this node.
    #[arg(short, long)]
    pub(crate) node: Option<String>,
    /// A line per node of this shape instead, such as '{{.Name}}: {{.Host}}'; there are Name, Host, Kubelet, APIServer,
    /// Kubeconfig and Worker.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
    /// What JSON is about: each node, or the whole cluster with codes like HTTP's.
    #[arg(short, long, value_enum, default_value_t = Layout::Nodes)]
    pub(crate) layout: Layout,
    /// Says it again after every interval, until Ctrl-C; -w=5s for another one than 1s.
    #[arg(
        short,
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1s",
        value_parser = duration
    )]
    pub(crate) watch: Option<Duration>,
}

/// What `rkube status` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// One entry per node.
    Nodes,
    /// The cluster with its nodes and components; JSON only.
    Cluster,
}

/// A node to choose.
#[derive(Debug, Args)]
pub(crate) struct NodeFlag {
    /// The node; the control plane by default.
    #[arg(short, long)]
    pub(crate) node: Option<String>,
}

/// `rkube ssh`.
#[derive(Debug, Args)]
pub(crate) struct Ssh {
    #[command(flatten)]
    pub(crate) node: NodeFlag,
    /// Program and arguments; a login shell by default.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// `rkube logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Only this node.
    #[arg(long)]
    pub(crate) node: Option<String>,
    /// Goes on as the log grows; the control plane's, unless --node says otherwise.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Number of lines.
    #[arg(short = 'n', long = "length", default_value_t = 60)]
    pub(crate) length: usize,
    /// Writes them there instead of on standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
}

/// `rkube node`.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Lists the cluster's nodes and their addresses.
    List,
}

/// `rkube kubectl`.
#[derive(Debug, Args)]
pub(crate) struct Kubectl {
    /// kubectl's arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// `rkube trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// How long to wait for what follows from the command, such as 90s or 5m; a plain number is seconds.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Says in a few words what each step is for.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Shows a trace that the cluster remembers.
    #[arg(long, value_name = "ID")]
    pub(crate) show: Option<String>,
    /// The object's namespace.
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    pub(crate) namespace: String,
    /// An object that is there already, or was: what happened to it, as far as the cluster remembers.
    #[arg(value_name = "TYPE/NAME", conflicts_with_all = ["show", "command"])]
    pub(crate) object: Vec<String>,
    /// A command that asks the cluster something, such as kubectl apply -f app.yaml.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// `rkube profile`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Profile {
    #[command(subcommand)]
    pub(crate) command: Option<ProfileCommand>,
    /// The cluster that commands, kubectl's too, are about from now on, unless --profile says otherwise; default goes back to rkube.
    pub(crate) name: Option<String>,
}

/// `rkube profile …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Lists all clusters.
    List(ProfileList),
}

/// `rkube profile list`.
#[derive(Debug, Args)]
pub(crate) struct ProfileList {
    /// Only what is on disk: the engine is not asked what runs.
    #[arg(short, long)]
    pub(crate) light: bool,
}

/// `rkube version`.
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Only rkube's own.
    #[arg(long)]
    pub(crate) short: bool,
}

/// `rkube completion`.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell.
    pub(crate) shell: Shell,
}

/// `rkube generate-docs`.
#[derive(Debug, Args)]
pub(crate) struct GenerateDocs {
    /// The folder.
    pub(crate) folder: std::path::PathBuf,
}
