//! `rkube addons`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::duration::duration;

/// Commands on addons.
#[derive(Debug, Subcommand)]
pub(crate) enum AddonsCommand {
    /// Lists all addons and whether the cluster has them.
    List,
    /// Brings addons into the cluster and waits until they work.
    Enable(AddonsEnable),
    /// Takes an addon out of the cluster.
    Disable(AddonName),
    /// Sets an addon's settings; asks for them if none are given.
    Configure(AddonsConfigure),
    /// Lists the images of an addon and where they come from.
    Images(AddonName),
    /// Opens an addon's page in the browser; goes on until Ctrl-C.
    Open(AddonsOpen),
}

/// An addon.
#[derive(Debug, Args)]
pub(crate) struct AddonName {
    /// The addon's name; `rkube addons list` shows all.
    pub(crate) name: String,
}

/// `rkube addons enable`.
#[derive(Debug, Args)]
pub(crate) struct AddonsEnable {
    /// The addons' names; `rkube addons list` shows all.
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    /// Other images for the addon's, by the names that `rkube addons images` shows.
    #[arg(long, value_name = "NAME=IMAGE", value_delimiter = ',', value_parser = pair)]
    pub(crate) images: Vec<(String, String)>,
    /// Other registries for the addon's images.
    #[arg(long, value_name = "NAME=REGISTRY", value_delimiter = ',', value_parser = pair)]
    pub(crate) registries: Vec<(String, String)>,
    /// How long to wait for each addon, such as 90s or 1m30s; a plain number is seconds.
    #[arg(
        long,
        env = "RKUBE_WAIT_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        default_value = "2m",
        value_parser = duration
    )]
    pub(crate) wait_timeout: Duration,
}

/// `rkube addons configure`.
#[derive(Debug, Args)]
pub(crate) struct AddonsConfigure {
    /// The addon's name; `rkube addons list` shows all.
    pub(crate) name: String,
    /// Settings.
    #[arg(value_name = "SETTING=VALUE", value_parser = pair)]
    pub(crate) settings: Vec<(String, String)>,
    /// A JSON file with the settings.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) config_file: Option<std::path::PathBuf>,
}

/// `rkube addons open`.
#[derive(Debug, Args)]
pub(crate) struct AddonsOpen {
    /// The addon's name; `rkube addons list` shows all.
    pub(crate) name: String,
    /// Prints the address instead of opening a browser.
    #[arg(long)]
    pub(crate) url: bool,
    /// Port on 127.0.0.1; a free one by default.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
}

/// `rkube dashboard`.
#[derive(Debug, Args)]
pub(crate) struct Dashboard {
    /// Prints the address, which signs in whoever has it, instead of opening a browser.
    #[arg(long)]
    pub(crate) url: bool,
    /// Port on 127.0.0.1; a free one by default.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Signs in as this service account, to see what it may do; an administrator by default.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = account)]
    pub(crate) service_account: Option<(String, String)>,
}

/// `namespace/name`.
fn account(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("must be NAMESPACE/NAME, such as default/default".to_owned()),
    }
}

/// `name=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}
