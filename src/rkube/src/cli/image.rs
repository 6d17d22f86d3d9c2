//! `rkube image`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Commands on images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Composes an image from Debian packages, without a registry.
    Compose(Compose),
    /// Copies images into all nodes; only layers that a node lacks travel.
    Load(Load),
    /// Lists the images in the nodes.
    #[command(alias = "list")]
    Ls(ImageLs),
}

/// `rkube image ls`.
#[derive(Debug, Args)]
pub(crate) struct ImageLs {
    /// How; -o json means the same as --format json.
    #[arg(long, value_enum, default_value_t = ListFormat::Short)]
    pub(crate) format: ListFormat,
}

/// How images are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A reference per line.
    Short,
    /// Names, tags, ids and sizes.
    Table,
    /// For programs.
    Json,
    /// The same as YAML.
    Yaml,
}

/// `rkube image load`.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Images of the container engine, archives, or - for an archive on standard input.
    #[arg(required = true)]
    pub(crate) images: Vec<String>,
}

/// `rkube image compose`.
#[derive(Debug, Args)]
pub(crate) struct Compose {
    #[arg(help = recipe_help())]
    pub(crate) recipe: String,
    /// Image reference; by default the recipe's own, and for node one whose tag stands for this recipe and this rkube.
    #[arg(short, long, value_name = "NAME:TAG")]
    pub(crate) tag: Option<String>,
    /// Writes an archive instead of loading the image into the container engine.
    #[arg(long = "to", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Where packages come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sources {
    /// A Debian mirror to ask after the host's own and the recipe's; may be given several times. With `RKUBE_DEBIAN_FROZEN=1` its
    /// releases may be out of date, as a snapshot's are.
    #[arg(
        long,
        value_name = "URL",
        env = "RKUBE_DEBIAN_MIRROR",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) debian_mirror: Vec<String>,
}

fn recipe_help() -> String {
    let names: Vec<_> = imaging::embedded_recipe_names().collect();
    format!("A recipe file, or the name of a built-in one: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    #[test]
    fn the_help_of_a_recipe_names_every_one_that_is_built_in() {
        let mut root = Cli::command();
        let compose = ["image", "compose"]
            .iter()
            .try_fold(&mut root, |command, name| command.find_subcommand_mut(name))
            .unwrap();
        let recipe = compose.get_arguments().find(|arg| arg.get_id() == "recipe").unwrap();
        let help = recipe.get_help().unwrap().to_string();
        let (_, named) = help.split_once(": ").unwrap();
        let named: Vec<_> = named.split(", ").collect();
        assert!(named.contains(&"mariadb"), "{help}");
        assert_eq!(named, imaging::embedded_recipe_names().collect::<Vec<_>>());
    }
}
