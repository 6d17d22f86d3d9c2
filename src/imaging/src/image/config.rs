//! How an image runs, and its OCI configuration document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Layer;

/// How containers of an image run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunConfig {
    /// Program and first arguments.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// Default arguments.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// Environment besides `PATH`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// User by name or number.
    #[serde(default)]
    pub user: String,
    /// Working folder.
    #[serde(default)]
    pub workdir: String,
    /// Signal that asks for the end.
    #[serde(default)]
    pub stop_signal: String,
    /// Ports, as `80/tcp`.
    #[serde(default)]
    pub ports: Vec<String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl RunConfig {
    /// The image's configuration document, without a creation time: it would make equal images differ.
    pub(super) fn document(&self, architecture: &str, layers: &[Layer]) -> Value {
        let mut env = vec![format!("PATH={PATH}")];
        env.extend(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        let mut config = json!({ "Env": env });
        let mut set = |key: &str, value: Value| config[key] = value;
        if !self.entrypoint.is_empty() {
            set("Entrypoint", json!(self.entrypoint));
        }
        if !self.cmd.is_empty() {
            set("Cmd", json!(self.cmd));
        }
        for (key, text) in [
            ("User", &self.user),
            ("WorkingDir", &self.workdir),
            ("StopSignal", &self.stop_signal),
        ] {
            if !text.is_empty() {
                set(key, json!(text));
            }
        }
        if !self.ports.is_empty() {
            set(
                "ExposedPorts",
                self.ports.iter().map(|port| (port.clone(), json!({}))).collect(),
            );
        }
        if !self.labels.is_empty() {
            set("Labels", json!(self.labels));
        }
        json!({
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|l| format!("sha256:{}", l.sha256)).collect::<Vec<_>>() },
            "history": layers.iter().map(|_| json!({ "created_by": "rkube image compose" })).collect::<Vec<_>>(),
        })
    }
}
