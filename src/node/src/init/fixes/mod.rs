//! Boot fixes: each detects, is idempotent, says in one line what it did, and can be skipped by its name.
//!
//! The table below is the order in which they run. A fix that fails is reported and the boot goes on: the component
//! that needs it says so itself with more context than is known here.

mod cgroup;
mod devices;
mod identity;
mod kernel;
mod limits;
mod mounts;
mod resolver;
mod snapshotter;

use std::io;

use nodespec::NodeConfig;

/// What later steps need to know of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// containerd's snapshotter that works on `/var`.
    pub(crate) snapshotter: &'static str,
    /// True without `CAP_SYS_RESOURCE`: no process may lower its OOM score below its parent's.
    pub(crate) restrict_oom_score: bool,
    /// True if the engine's device rules bind the node: it cannot allow its pods more.
    pub(crate) restrict_devices: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            snapshotter: "overlayfs",
            restrict_oom_score: false,
            restrict_devices: false,
        }
    }
}

/// What a fix did; `None` if there was nothing to do.
pub(crate) type Outcome = io::Result<Option<String>>;

struct Fix {
    name: &'static str,
    run: fn(&NodeConfig, &mut Facts) -> Outcome,
}

const FIXES: &[Fix] = &[
    Fix {
        name: "proc-sys",
        run: mounts::proc_sys,
    },
    Fix {
        name: "mount-propagation",
        run: mounts::propagation,
    },
    Fix {
        name: "cgroup-v1",
        run: cgroup::v1,
    },
    Fix {
        name: "cgroup-v2",
        run: cgroup::v2,
    },
    Fix {
        name: "machine-id",
        run: identity::machine_id,
    },
    Fix {
        name: "product-uuid",
        run: identity::product_uuid,
    },
    Fix {
        name: "rlimits",
        run: limits::raise,
    },
    Fix {
        name: "oom-score",
        run: limits::oom_score,
    },
    Fix {
        name: "inotify",
        run: kernel::inotify,
    },
    Fix {
        name: "sysctls",
        run: kernel::sysctls,
    },
    Fix {
        name: "kmsg",
        run: devices::kmsg,
    },
    Fix {
        name: "devices",
        run: devices::rules,
    },
    Fix {
        name: "resolv-conf",
        run: resolver::resolv_conf,
    },
    Fix {
        name: "snapshotter",
        run: snapshotter::probe,
    },
];

/// Runs all fixes but those that the configuration skips; `say` gets one line per fix that did or failed something.
pub(crate) fn run(config: &NodeConfig, mut say: impl FnMut(&str)) -> Facts {
    let mut facts = Facts::default();
    for fix in FIXES {
        if config.skip_fixes.iter().any(|name| name == fix.name) {
            say(&format!("fix {}: skipped by configuration", fix.name));
            continue;
        }
        match (fix.run)(config, &mut facts) {
            Ok(None) => {}
            Ok(Some(done)) => say(&format!("fix {}: {done}", fix.name)),
            Err(error) => say(&format!("fix {}: failed: {error}", fix.name)),
        }
    }
    facts
}

/// Effective capability `bit` of this process.
fn has_capability(bit: u32) -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .is_some_and(|set| set & (1 << bit) != 0)
}
