//! `rkube version`.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::Version;
use crate::context::Context;

pub(crate) const OWN: &str = concat!("v", env!("CARGO_PKG_VERSION"));
/// What the cluster's API says of itself.
pub(crate) const KUBERNETES: &str = concat!("v1.36.2+rkube.", env!("CARGO_PKG_VERSION"));

pub(super) fn run(context: &Context, args: Version) -> ExitCode {
    if args.short {
        context.ui.result(|| OWN.to_owned(), || json!({ "rkubeVersion": OWN }));
        return ExitCode::SUCCESS;
    }
    context.ui.result(
        || format!("rkube version: {OWN}\nkubernetes version: {KUBERNETES}"),
        || json!({ "rkubeVersion": OWN, "kubernetesVersion": KUBERNETES }),
    );
    ExitCode::SUCCESS
}
