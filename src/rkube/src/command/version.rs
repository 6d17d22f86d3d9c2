//! `rkube version`.

use std::process::ExitCode;

use serde_json::json;

use crate::context::Context;

const OWN: &str = concat!("v", env!("CARGO_PKG_VERSION"));
/// What the cluster's API says of itself.
pub(crate) const KUBERNETES: &str = concat!("v1.36.2+rkube.", env!("CARGO_PKG_VERSION"));

pub(super) fn run(context: &Context) -> ExitCode {
    context.ui.result(
        || format!("rkube version: {OWN}\nkubernetes version: {KUBERNETES}"),
        || json!({ "rkubeVersion": OWN, "kubernetesVersion": KUBERNETES }),
    );
    ExitCode::SUCCESS
}
