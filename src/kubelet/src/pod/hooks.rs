//! Lifecycle hooks: a command in the container, an HTTP request to it, or a sleep.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, LifecycleHandler};

use crate::context::Context;
use crate::probes;

/// Runs a hook to its end, at most for `deadline`.
pub(super) async fn run(
    context: &Context,
    id: &str,
    container: &Container,
    handler: &LifecycleHandler,
    pod_ip: &str,
    deadline: Duration,
) -> Result<(), String> {
    tokio::time::timeout(deadline, one(context, id, container, handler, pod_ip, deadline))
        .await
        .map_err(|_| format!("hook did not finish within {}s", deadline.as_secs()))?
}

async fn one(
    context: &Context,
    id: &str,
    container: &Container,
    handler: &LifecycleHandler,
    pod_ip: &str,
    deadline: Duration,
) -> Result<(), String> {
    if let Some(exec) = &handler.exec {
        let command = exec.command.clone().unwrap_or_default();
        let answer = context
            .runtime
            .exec_sync(id, command, deadline)
            .await
            .map_err(|error| error.to_string())?;
        if answer.exit_code != 0 {
            let output = String::from_utf8_lossy(&answer.stderr).into_owned();
            return Err(format!("command exited with {}: {output}", answer.exit_code));
        }
    } else if let Some(request) = &handler.http_get {
        // Any answer will do: a hook is told, not asked.
        probes::http_get(request, container, pod_ip, deadline).await.map(drop)?;
    } else if let Some(sleep) = &handler.sleep {
        tokio::time::sleep(Duration::from_secs(sleep.seconds.max(0) as u64)).await;
    }
    Ok(())
}
