//! `rkube mirrors …`, and what `start` is told about mirrors.

mod list;
mod set;
mod test;

use std::collections::BTreeMap;
use std::path::Path;

use cluster::ClusterError;
use mirrors::{Document, Mirror};

use super::Outcome;
use crate::cli::{MirrorFlags, MirrorsCommand};
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, command: MirrorsCommand) -> Outcome {
    match command {
        MirrorsCommand::List => list::run(context),
        MirrorsCommand::Test(args) => test::run(context, args).await,
        MirrorsCommand::Set(args) => set::run(context, args).await,
    }
}

/// The document that `start`'s flags amount to; `None` if there are none.
pub(in crate::command) fn of_flags(flags: MirrorFlags) -> Result<Option<Document>, Failure> {
    let mut document = Document {
        country: flags.image_mirror_country,
        node_images: flags
            .image_repository
            .iter()
            .map(|repository| format!("{}/rkube-node", bare(repository)))
            .collect(),
        image_repository: flags.image_repository,
        binaries: flags.binary_mirror,
        insecure: flags.insecure_registry,
        ..Document::default()
    };
    if !flags.registry_mirror.is_empty() {
        let mirror = Mirror {
            endpoint: flags.registry_mirror,
            ..Mirror::default()
        };
        document.mirrors = BTreeMap::from([("docker.io".to_owned(), mirror)]);
    }
    if let Some(file) = flags.registries {
        let file = std::path::absolute(&file).map_err(|error| Failure::usage(&error))?;
        let text = fs_err::read_to_string(&file).map_err(|error| Failure::usage(&error))?;
        let read = Document::parse(&file.display().to_string(), &text).map_err(ClusterError::from)?;
        document = document.over(&read.relative_to(file.parent().unwrap_or(Path::new("/"))));
    }
    Ok((document != Document::default()).then_some(document))
}

/// A repository as references name it, without a scheme.
fn bare(repository: &str) -> &str {
    let name = repository.split_once("://").map_or(repository, |(_, name)| name);
    name.trim_end_matches('/')
}
