//! One probe, once: healthy, or what was wrong as the event shows it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use tokio::net::TcpStream;
use tokio::time::timeout as within;

use super::{grpc, http, port_number};
use crate::context::Context;

/// Longest output shown in an event.
const OUTPUT_LIMIT: usize = 1024;

/// Probes once, for at most `timeout`.
pub(super) async fn once(
    context: &Context,
    id: &str,
    container: &Container,
    probe: &Probe,
    ip: &str,
    timeout: Duration,
) -> Result<(), String> {
    if let Some(exec) = &probe.exec {
        let command = exec.command.clone().unwrap_or_default();
        let env_expanded = command.iter().map(|part| expand(part, container)).collect();
        let answer = within(timeout, context.runtime.exec_sync(id, env_expanded, timeout)).await;
        let timed_out = || format!("command timed out: {command:?} timed out after {}s", timeout.as_secs());
        let answer = answer.map_err(|_| timed_out())?.map_err(|error| error.to_string())?;
        return if answer.exit_code == 0 {
            Ok(())
        } else {
            Err(output(&answer.stdout, &answer.stderr))
        };
    }
    if let Some(request) = &probe.http_get {
        let status = http::get(request, container, ip, timeout).await?;
        return if (200..400).contains(&status) {
            Ok(())
        } else {
            Err(format!("HTTP probe failed with statuscode: {status}"))
        };
    }
    if let Some(socket) = &probe.tcp_socket {
        let port = port_number(&socket.port, container)?;
        let host = socket.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(ip);
        let connected = within(timeout, TcpStream::connect((host, port))).await;
        return match connected {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("dial tcp {host}:{port}: connect: {error}")),
            Err(_) => Err(format!("dial tcp {host}:{port}: i/o timeout")),
        };
    }
    if let Some(action) = &probe.grpc {
        let port = u16::try_from(action.port).map_err(|_| format!("invalid port number: {}", action.port))?;
        return grpc::check(ip, port, action.service.as_deref().unwrap_or_default(), timeout).await;
    }
    Err("missing probe handler".to_owned())
}

/// Variables with literal values may be used in a probe's command.
fn expand(part: &str, container: &Container) -> String {
    let lookup = |name: &str| {
        let variable = container.env.iter().flatten().find(|variable| variable.name == name)?;
        variable.value.clone()
    };
    crate::pod::env::expand(part, lookup)
}

fn output(stdout: &[u8], stderr: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(stdout).into_owned() + &String::from_utf8_lossy(stderr);
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= OUTPUT_LIMIT)
        .unwrap_or(text.len());
    text.truncate(end);
    text
}
