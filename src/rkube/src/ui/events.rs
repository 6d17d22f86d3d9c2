//! Progress as CloudEvents, a JSON line each on stdout. Types, fields and, where the step is the same, names are minikube's, so
//! that its readers port over; the result of the command is one more event, of a type of our own.

use std::io::Write as _;

use cluster::Step;
use serde_json::{Value, json};

use crate::cli::Command;
use crate::failure::Failure;

const PREFIX: &str = "io.k8s.sigs.minikube";
const RESULT: &str = "io.rkube.result";
const DONE: &str = "Done";

const START: &[&str] = &[
    "Pulling Base Image",
    "Creating Network",
    "Generating certificates",
    "Creating Container",
    "Configuring Localhost Environment",
    "Booting control plane",
    "Verifying Kubernetes",
    "Verifying DNS",
    DONE,
];

/// The events of one command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events {
    /// Names of the steps; they may be skipped, never repeated.
    steps: &'static [&'static str],
}

impl Events {
    /// Those of a command that takes long; others have a result and nothing else.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let steps: &[&str] = match command {
            Command::Start(_) => START,
            Command::Stop(_) => &["Stopping", DONE],
            Command::Delete(_) => &["Deleting", DONE],
            Command::Pause => &["Pausing", DONE],
            Command::Unpause => &["Unpausing", DONE],
            _ => return None,
        };
        Some(Self { steps })
    }

    /// The first step of a command that has only one besides "Done".
    pub(crate) fn only_step(self, message: &str) {
        self.step(0, message);
    }

    /// A step of a start.
    pub(crate) fn start_step(self, step: Step, message: &str) {
        self.step(step as usize, message);
    }

    /// A line of progress.
    pub(crate) fn info(message: &str) {
        emit("info", &json!({ "message": message }));
    }

    /// A download begins.
    pub(crate) fn download(artifact: &str) {
        emit("download", &json!({ "artifact": artifact }));
    }

    /// How far a download is, from 0 to 1.
    pub(crate) fn download_progress(artifact: &str, progress: f64) {
        let data = json!({ "artifact": artifact, "progress": format!("{progress:.3}") });
        emit("download.progress", &data);
    }

    /// The end: the last step, then the result.
    pub(crate) fn result(self, message: &str, result: &Value) {
        self.step(self.steps.len() - 1, message);
        write(RESULT, result);
    }

    /// The other end.
    pub(crate) fn error(failure: &Failure, hint: Option<&str>) {
        let mut data = json!({ "name": failure.id, "exitcode": failure.code.to_string(), "message": failure.message });
        if let Some(hint) = hint {
            data["advice"] = hint.into();
        }
        emit("error", &data);
    }

    fn step(self, index: usize, message: &str) {
        let data = json!({
            "currentstep": index.to_string(), "totalsteps": self.steps.len().to_string(),
            "name": self.steps.get(index).copied().unwrap_or_default(), "message": message,
        });
        emit("step", &data);
    }
}

fn emit(kind: &str, data: &Value) {
    write(&format!("{PREFIX}.{kind}"), data);
}

fn write(kind: &str, data: &Value) {
    let event = json!({
        "specversion": "1.0", "id": uuid::Uuid::new_v4().to_string(), "source": "urn:rkube", "type": kind,
        "datacontenttype": "application/json", "data": data,
    });
    // a reader that went away (`| head`) is no failure of the command
    let _ = writeln!(std::io::stdout(), "{event}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_a_start_has_a_name_of_its_own() {
        assert_eq!(START.len(), Step::Dns as usize + 2, "one name per step, and the end");
        let distinct: std::collections::BTreeSet<_> = START.iter().collect();
        assert_eq!(distinct.len(), START.len());
    }
}
