//! Kernel parameters a node needs.

use nodespec::NodeConfig;

use super::{Facts, Outcome};

struct Sysctl {
    path: &'static str,
    value: u64,
    /// A minimum is raised only, never lowered.
    minimum: bool,
}

const INOTIFY: &[Sysctl] = &[
    Sysctl {
        path: "fs/inotify/max_user_watches",
        value: 524_288,
        minimum: true,
    },
    Sysctl {
        path: "fs/inotify/max_user_instances",
        value: 512,
        minimum: true,
    },
];

const SYSCTLS: &[Sysctl] = &[
    Sysctl {
        path: "net/ipv4/ip_forward",
        value: 1,
        minimum: false,
    },
    Sysctl {
        path: "net/ipv6/conf/all/forwarding",
        value: 1,
        minimum: false,
    },
    // Replies of pods that share the node's connections leave by another device than they came by.
    Sysctl {
        path: "net/ipv4/conf/all/rp_filter",
        value: 0,
        minimum: false,
    },
    Sysctl {
        path: "net/ipv4/conf/default/rp_filter",
        value: 0,
        minimum: false,
    },
    Sysctl {
        path: "net/ipv4/neigh/default/gc_thresh3",
        value: 4096,
        minimum: true,
    },
];

/// "Too many open files" in pods is most often one of these two.
pub(super) fn inotify(_: &NodeConfig, _: &mut Facts) -> Outcome {
    apply(INOTIFY)
}

/// Forwarding between pods, services and the outside.
pub(super) fn sysctls(_: &NodeConfig, _: &mut Facts) -> Outcome {
    apply(SYSCTLS)
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the table")]
fn apply(wanted: &[Sysctl]) -> Outcome {
    let mut done = Vec::new();
    for sysctl in wanted {
        let path = format!("/proc/sys/{}", sysctl.path);
        // Absent: the kernel lacks the feature, and nothing on this node can use it.
        let Ok(text) = fs_err::read_to_string(&path) else {
            continue;
        };
        let now = text.trim().parse::<u64>().unwrap_or_default();
        let fits = if sysctl.minimum {
            now >= sysctl.value
        } else {
            now == sysctl.value
        };
        if fits {
            continue;
        }
        let name = sysctl.path.replace('/', ".");
        match fs_err::write(&path, sysctl.value.to_string()) {
            Ok(()) => done.push(format!("{name}={}", sysctl.value)),
            Err(error) => done.push(format!("{name} stays {now} ({})", error.kind())),
        }
    }
    Ok((!done.is_empty()).then(|| done.join(", ")))
}
