//! `rkube bundle`.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{Args, Subcommand};

use super::{MirrorFlags, Sources};

/// Commands on bundles.
#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Writes a file with all that a machine without a network needs: rkube, its node image, images of addons and others.
    Save(Box<BundleSave>),
    /// Takes such a file in, once every digest in it has been checked; clusters then start from it.
    Load(BundleLoad),
    /// Lists the images that bundles have brought to this machine.
    #[command(alias = "list")]
    Ls,
    /// Removes images that bundles have brought; nodes keep theirs.
    #[command(alias = "remove")]
    Rm(BundleRm),
}

/// `rkube bundle rm`.
#[derive(Debug, Args)]
pub(crate) struct BundleRm {
    /// The images, as `rkube bundle ls` shows them.
    #[arg(required_unless_present = "all")]
    pub(crate) images: Vec<String>,
    /// All of them.
    #[arg(long, conflicts_with = "images")]
    pub(crate) all: bool,
}

/// `rkube bundle save`.
#[derive(Debug, Args)]
pub(crate) struct BundleSave {
    /// The file to write.
    pub(crate) file: PathBuf,
    /// Addons whose images come along; `rkube addons list` shows all.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) addons: Vec<String>,
    /// Other images that come along: of the container engine, a built-in recipe's, or a registry's.
    #[arg(long, value_name = "IMAGE", value_delimiter = ',')]
    pub(crate) images: Vec<String>,
    /// The machine that the bundle is for: linux/amd64 or linux/arm64; this one by default.
    #[arg(long, value_name = "PLATFORM", value_parser = imaging::Platform::from_str)]
    pub(crate) platform: Option<imaging::Platform>,
    /// The rkube for that machine; without it, a bundle for another platform holds none.
    #[arg(long, value_name = "FILE", requires = "platform")]
    pub(crate) program: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) mirrors: MirrorFlags,
}

/// `rkube bundle load`.
#[derive(Debug, Args)]
pub(crate) struct BundleLoad {
    /// The file.
    pub(crate) file: PathBuf,
}
