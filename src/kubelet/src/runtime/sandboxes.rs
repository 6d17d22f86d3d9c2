//! Sandboxes: what a pod's containers share.

use std::time::Duration;

use cri::v1;

use super::{DEADLINE, Result, Runtime, ask};

/// A sandbox may have to wait for its image and for the pod network.
const SANDBOX_DEADLINE: Duration = Duration::from_mins(4);

impl Runtime {
    pub(crate) async fn list_sandboxes(&self, filter: Option<v1::PodSandboxFilter>) -> Result<Vec<v1::PodSandbox>> {
        let request = v1::ListPodSandboxRequest { filter };
        Ok(
            ask!(self.runtime, "ListPodSandbox", DEADLINE, list_pod_sandbox(request))
                .await?
                .items,
        )
    }

    pub(super) async fn sandbox_ips(&self, id: &str) -> Result<Vec<String>> {
        let request = v1::PodSandboxStatusRequest {
            pod_sandbox_id: id.to_owned(),
            verbose: false,
        };
        let answer = ask!(self.runtime, "PodSandboxStatus", DEADLINE, pod_sandbox_status(request)).await?;
        let Some(network) = answer.status.and_then(|status| status.network) else {
            return Ok(Vec::new());
        };
        let first = Some(network.ip).filter(|ip| !ip.is_empty());
        Ok(first
            .into_iter()
            .chain(network.additional_ips.into_iter().map(|ip| ip.ip))
            .collect())
    }

    pub(crate) async fn run_sandbox(&self, config: v1::PodSandboxConfig, handler: String) -> Result<String> {
        let request = v1::RunPodSandboxRequest {
            config: Some(config),
            runtime_handler: handler,
        };
        let answer = ask!(
            self.runtime,
            "RunPodSandbox",
            SANDBOX_DEADLINE,
            run_pod_sandbox(request)
        )
        .await?;
        Ok(answer.pod_sandbox_id)
    }

    pub(crate) async fn stop_sandbox(&self, id: &str) -> Result<()> {
        let request = v1::StopPodSandboxRequest {
            pod_sandbox_id: id.to_owned(),
        };
        ask!(
            self.runtime,
            "StopPodSandbox",
            SANDBOX_DEADLINE,
            stop_pod_sandbox(request)
        )
        .await
        .map(drop)
    }

    pub(crate) async fn remove_sandbox(&self, id: &str) -> Result<()> {
        let request = v1::RemovePodSandboxRequest {
            pod_sandbox_id: id.to_owned(),
        };
        ask!(self.runtime, "RemovePodSandbox", DEADLINE, remove_pod_sandbox(request))
            .await
            .map(drop)
    }

    /// Where to connect for port forwarding.
    pub(crate) async fn port_forward_url(&self, sandbox: &str) -> Result<String> {
        let request = v1::PortForwardRequest {
            pod_sandbox_id: sandbox.to_owned(),
            port: Vec::new(),
        };
        Ok(ask!(self.runtime, "PortForward", DEADLINE, port_forward(request))
            .await?
            .url)
    }
}
