//! `rkube image …`.

mod compose;
mod load;
mod ls;

use super::Outcome;
use crate::cli::ImageCommand;
use crate::context::Context;

pub(super) async fn run(context: &Context, command: ImageCommand) -> Outcome {
    match command {
        ImageCommand::Compose(args) => compose::run(context, args).await,
        ImageCommand::Load(args) => load::run(context, args).await,
        ImageCommand::Ls(args) => ls::run(context, args).await,
    }
}
