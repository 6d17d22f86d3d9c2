//! Rotation: a log that has grown past its limit is renamed and the runtime told to open a new one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::context::Context;
use crate::quantity::units;

/// Upstream's `containerLogMonitorInterval`.
const PERIOD: Duration = Duration::from_secs(10);
const DEFAULT_SIZE: &str = "10Mi";
const DEFAULT_FILES: usize = 5;

/// Looks after the logs of all running containers for ever.
pub(crate) async fn keep(context: &Context) {
    let settings = &context.options.settings;
    let size = settings.get("containerLogMaxSize").map_or(DEFAULT_SIZE, String::as_str);
    let limit = u64::try_from(units(&Quantity(size.to_owned())))
        .unwrap_or(u64::MAX)
        .max(1);
    let files = settings
        .get("containerLogMaxFiles")
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_FILES)
        .max(2);
    loop {
        tokio::time::sleep(PERIOD).await;
        for path in grown(&context.options.pod_logs, limit) {
            if let Err(error) = rotate(context, &path, files).await {
                tracing::warn!(path = %path.display(), error, "log not rotated");
            }
        }
    }
}

/// Current logs (`<n>.log`, two folders down) beyond the limit.
fn grown(root: &Path, limit: u64) -> Vec<PathBuf> {
    let below = |folder: PathBuf| {
        fs_err::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let logs = below(root.to_owned()).flat_map(below).flat_map(below);
    logs.filter(|path| path.extension().is_some_and(|end| end == "log"))
        .filter(|path| fs_err::metadata(path).is_ok_and(|meta| meta.len() > limit))
        .collect()
}

async fn rotate(context: &Context, path: &Path, files: usize) -> Result<(), String> {
    let id = context
        .runtime
        .container_of_log(path)
        .await
        .map_err(|error| error.to_string())?;
    // Of a container that has ended the log grows no more.
    let Some(id) = id else { return Ok(()) };
    let numbered = |number: usize| path.with_extension(format!("log.{number}"));
    let _ = fs_err::remove_file(numbered(files - 1));
    for number in (1..files - 1).rev() {
        let _ = fs_err::rename(numbered(number), numbered(number + 1));
    }
    fs_err::rename(path, numbered(1)).map_err(|error| error.to_string())?;
    if let Err(error) = context.runtime.reopen_log(&id).await {
        // The runtime still writes to the renamed file: put it back rather than lose what follows.
        let _ = fs_err::rename(numbered(1), path);
        return Err(error.to_string());
    }
    Ok(())
}
