//! `rkube mirrors`, and the flags of `start` that say where images come from.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Commands on mirrors.
#[derive(Debug, Subcommand)]
pub(crate) enum MirrorsCommand {
    /// Lists registries and where their images come from, in order.
    #[command(alias = "ls")]
    List,
    /// Asks every source of an image, all at the same time, and shows what each says.
    Test(MirrorsTest),
    /// Sets a registry's mirrors; running clusters use them at once, without a restart.
    Set(MirrorsSet),
}

/// `rkube mirrors test`.
#[derive(Debug, Args)]
pub(crate) struct MirrorsTest {
    /// Images to ask for.
    #[arg(default_values_t = ["registry.k8s.io/pause:3.10".to_owned(), "docker.io/library/busybox:latest".to_owned()])]
    pub(crate) images: Vec<String>,
    /// Asks from this machine, even if there is a node to ask from.
    #[arg(long)]
    pub(crate) host: bool,
}

/// When a registry itself is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UpstreamFlag {
    /// Before its mirrors.
    First,
    /// After its mirrors.
    Last,
    /// Not at all.
    Never,
}

/// `rkube mirrors set`.
#[derive(Debug, Args)]
pub(crate) struct MirrorsSet {
    /// The registry, such as docker.io; "*" for all that are not named. Alone, it takes back what was set.
    #[arg(required_unless_present_any = ["country", "reset"])]
    pub(crate) registry: Option<String>,
    /// Its mirrors in order, such as https://mirror.example/path; the path goes before the image's.
    pub(crate) endpoints: Vec<String>,
    /// When the registry itself is asked; last by default.
    #[arg(long, value_enum)]
    pub(crate) upstream: Option<UpstreamFlag>,
    /// Rewrites the image's path: a regular expression and what takes the place of what it finds. May be given several times.
    #[arg(long, value_name = "REGEX=TEXT", value_parser = rewrite)]
    pub(crate) rewrite: Vec<(String, String)>,
    /// Name to log in with at the mirrors, or at the registry itself without mirrors.
    #[arg(long, requires = "password_stdin")]
    pub(crate) username: Option<String>,
    /// Reads the password from standard input.
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
    /// Certificates of an authority to trust there, as PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Accepts any certificate there.
    #[arg(long)]
    pub(crate) insecure_skip_verify: bool,
    /// Also asks the public mirrors of a country: cn, auto for all of them, none to stop that.
    #[arg(long, value_name = "CODE")]
    pub(crate) country: Option<String>,
    /// First forgets all that was set before: for all clusters, or with --cluster all that this one's `start` was told.
    #[arg(long)]
    pub(crate) reset: bool,
    /// Only for this cluster.
    #[arg(long)]
    pub(crate) cluster: bool,
}

fn rewrite(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((rule, by)) if !rule.is_empty() => Ok((rule.to_owned(), by.to_owned())),
        _ => Err("must be REGEX=TEXT".to_owned()),
    }
}

/// Where images come from, for one cluster.
#[derive(Debug, Args)]
pub(crate) struct MirrorFlags {
    /// Also asks the public mirrors of a country: cn, or auto for all of them after the registries themselves.
    #[arg(
        long,
        env = "RKUBE_IMAGE_MIRROR_COUNTRY",
        hide_env_values = true,
        value_name = "CODE"
    )]
    pub(crate) image_mirror_country: Option<String>,
    /// A repository with copies of all images, such as mirror.example/ns; may be given several times. The node image is looked for as
    /// mirror.example/ns/rkube-node, with the tag that `rkube image compose node` gives it.
    #[arg(
        long,
        env = "RKUBE_IMAGE_REPOSITORY",
        hide_env_values = true,
        value_name = "REPOSITORY",
        value_delimiter = ','
    )]
    pub(crate) image_repository: Vec<String>,
    /// A mirror of docker.io; may be given several times.
    #[arg(
        long,
        env = "RKUBE_REGISTRY_MIRROR",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    pub(crate) registry_mirror: Vec<String>,
    /// A registry, or a network of them, whose certificates are not checked and that may speak plain HTTP.
    #[arg(
        long,
        env = "RKUBE_INSECURE_REGISTRY",
        hide_env_values = true,
        value_name = "HOST",
        value_delimiter = ','
    )]
    pub(crate) insecure_registry: Vec<String>,
    /// A place with what Kubernetes publishes, such as kubectl, laid out as its own; may be given several times.
    #[arg(
        long,
        env = "RKUBE_BINARY_MIRROR",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    pub(crate) binary_mirror: Vec<String>,
    /// A file of mirrors and credentials in the format of k3s's registries.yaml.
    #[arg(long, env = "RKUBE_REGISTRIES", hide_env_values = true, value_name = "FILE")]
    pub(crate) registries: Option<PathBuf>,
}
