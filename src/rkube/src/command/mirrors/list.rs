//! `rkube mirrors list`.

use std::process::ExitCode;

use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::ui::columns;

/// Stands for an image's path.
const PATH: &str = "PATH";

pub(super) fn run(context: &Context) -> Outcome {
    let table = cluster::mirror_table(&context.profiles, &context.profile)?;
    let rows: Vec<_> = table
        .registries()
        .into_iter()
        .map(|registry| {
            let sources = table.sources(&registry, PATH);
            (registry, sources)
        })
        .collect();
    let text = context.ui.text();
    context.ui.result(
        || {
            let mut lines = vec![[text.mirrors_registry, text.mirrors_sources].map(str::to_owned)];
            for (registry, sources) in &rows {
                for (index, source) in sources.iter().enumerate() {
                    let name = if index == 0 { registry.as_str() } else { "" };
                    lines.push([name.to_owned(), source.to_string()]);
                }
            }
            columns(&lines)
        },
        || {
            rows.iter()
                .map(|(registry, sources)| {
                    let sources: Vec<_> = sources
                        .iter()
                        .map(|source| {
                            json!({
                                "source": source.to_string(), "upstream": source.own,
                                "login": source.host.auth != mirrors::Auth::default(),
                                "insecure": source.host.tls.insecure_skip_verify,
                            })
                        })
                        .collect();
                    json!({ "registry": registry, "sources": sources })
                })
                .collect()
        },
    );
    Ok(ExitCode::SUCCESS)
}
