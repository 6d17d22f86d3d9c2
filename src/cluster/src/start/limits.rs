//! Limits that no node could live with, or that the machine does not have.

use super::Start;
use crate::ClusterError;

/// Less than a processor, and probes run into their deadlines.
const LEAST_MILLI_CPUS: u32 = 1000;
/// With less the node's own programs have no room.
const LEAST_MEMORY: u64 = 512 << 20;

impl Start<'_> {
    /// Refuses what is too little or too much.
    pub(super) async fn check_limits(&self) -> Result<(), ClusterError> {
        let limits = self.options.limits;
        if let Some(milli) = limits.milli_cpus
            && milli < LEAST_MILLI_CPUS
        {
            return Err(too_few(milli, "a node needs 1".to_owned()));
        }
        if let Some(bytes) = limits.memory
            && bytes < LEAST_MEMORY
        {
            return Err(too_little(bytes, format!("a node needs {}", mebibytes(LEAST_MEMORY))));
        }
        if limits.milli_cpus.is_none() && limits.memory.is_none() {
            return Ok(());
        }
        let (cpus, memory) = self.engine.machine().await?;
        match (limits.milli_cpus, limits.memory) {
            (Some(milli), _) if cpus > 0 && u64::from(milli) > cpus * 1000 => {
                Err(too_few(milli, format!("the container engine has {cpus}")))
            }
            (_, Some(bytes)) if memory > 0 && bytes > memory => Err(too_little(
                bytes,
                format!("the container engine has {}", mebibytes(memory)),
            )),
            _ => Ok(()),
        }
    }
}

fn too_few(milli: u32, reason: String) -> ClusterError {
    ClusterError::Cores {
        wanted: (f64::from(milli) / 1000.0).to_string(),
        reason,
    }
}

fn too_little(bytes: u64, reason: String) -> ClusterError {
    ClusterError::Memory {
        wanted: mebibytes(bytes),
        reason,
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
