//! The counters of one control group, of version 1 or 2.

use std::path::{Path, PathBuf};

/// Ticks of `cpuacct.stat`, the kernel's `USER_HZ`.
const TICK: u64 = 10_000_000;
/// Version 1 writes "no limit" as the largest multiple of the page size.
const UNLIMITED: u64 = 1 << 60;

/// Counters of a group with everything below it; those that the kernel does not have are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Nanoseconds.
    pub(crate) cpu: Option<u64>,
    pub(crate) cpu_user: Option<u64>,
    pub(crate) cpu_system: Option<u64>,
    pub(crate) periods: Option<u64>,
    pub(crate) throttled_periods: Option<u64>,
    pub(crate) throttled: Option<u64>,
    /// Bytes.
    pub(crate) memory: Option<u64>,
    /// Without file pages that can be dropped at no cost.
    pub(crate) working_set: Option<u64>,
    pub(crate) rss: Option<u64>,
    pub(crate) cache: Option<u64>,
    pub(crate) peak: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) limit_hits: Option<u64>,
    pub(crate) swap: Option<u64>,
    pub(crate) page_faults: Option<u64>,
    pub(crate) major_page_faults: Option<u64>,
    pub(crate) processes: Option<u64>,
}

/// The mounted hierarchies.
#[derive(Debug, Clone)]
pub(crate) struct Cgroups {
    root: PathBuf,
    unified: bool,
}

impl Cgroups {
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            unified: root.join("cgroup.controllers").exists(),
        }
    }

    /// The counters of the group at a path like `/kubepods/pod…`; `None` if there is no such group.
    pub(crate) fn read(&self, group: &str) -> Option<Usage> {
        let group = group.trim_start_matches('/');
        if self.unified {
            let folder = self.root.join(group);
            return folder.is_dir().then(|| v2(&folder));
        }
        let folder = |controllers: &[&str]| {
            let mut folders = controllers
                .iter()
                .map(|controller| self.root.join(controller).join(group));
            folders.find(|folder| folder.is_dir())
        };
        let cpuacct = folder(&["cpuacct", "cpu,cpuacct", "cpuacct,cpu"])?;
        let cpu = folder(&["cpu", "cpu,cpuacct", "cpuacct,cpu"]);
        Some(v1(
            &cpuacct,
            cpu.as_deref(),
            folder(&["memory"]).as_deref(),
            folder(&["pids"]).as_deref(),
        ))
    }

    /// Any process of the group or of those below it.
    pub(crate) fn process(&self, group: &str) -> Option<u32> {
        let group = group.trim_start_matches('/');
        let folder = if self.unified {
            self.root.join(group)
        } else {
            self.root.join("memory").join(group)
        };
        process_in(&folder)
    }
}

fn process_in(folder: &Path) -> Option<u32> {
    let own = text(folder, "cgroup.procs").and_then(|text| text.lines().next()?.trim().parse().ok());
    own.or_else(|| {
        let below = fs_err::read_dir(folder).ok()?.flatten();
        below
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .find_map(|entry| process_in(&entry.path()))
    })
}

fn v1(cpuacct: &Path, cpu: Option<&Path>, memory: Option<&Path>, pids: Option<&Path>) -> Usage {
    let ticks = Fields::read(cpuacct, "cpuacct.stat");
    let throttling = cpu.map(|folder| Fields::read(folder, "cpu.stat")).unwrap_or_default();
    let stat = memory
        .map(|folder| Fields::read(folder, "memory.stat"))
        .unwrap_or_default();
    let used = memory.and_then(|folder| number(folder, "memory.usage_in_bytes"));
    let limit = memory.and_then(|folder| number(folder, "memory.limit_in_bytes"));
    Usage {
        cpu: number(cpuacct, "cpuacct.usage"),
        cpu_user: ticks.get("user").map(|ticks| ticks * TICK),
        cpu_system: ticks.get("system").map(|ticks| ticks * TICK),
        periods: throttling.get("nr_periods"),
        throttled_periods: throttling.get("nr_throttled"),
        throttled: throttling.get("throttled_time"),
        memory: used,
        working_set: working_set(used, stat.get("total_inactive_file")),
        rss: stat.get("total_rss"),
        cache: stat.get("total_cache"),
        peak: memory.and_then(|folder| number(folder, "memory.max_usage_in_bytes")),
        memory_limit: limit.filter(|limit| *limit < UNLIMITED),
        limit_hits: memory.and_then(|folder| number(folder, "memory.failcnt")),
        swap: stat.get("total_swap"),
        page_faults: stat.get("total_pgfault"),
        major_page_faults: stat.get("total_pgmajfault"),
        processes: pids.and_then(|folder| number(folder, "pids.current")),
    }
}

fn v2(folder: &Path) -> Usage {
    let cpu = Fields::read(folder, "cpu.stat");
    let micros = |field: &str| cpu.get(field).map(|micros| micros * 1000);
    let stat = Fields::read(folder, "memory.stat");
    let used = number(folder, "memory.current");
    Usage {
        cpu: micros("usage_usec"),
        cpu_user: micros("user_usec"),
        cpu_system: micros("system_usec"),
        periods: cpu.get("nr_periods"),
        throttled_periods: cpu.get("nr_throttled"),
        throttled: micros("throttled_usec"),
        memory: used,
        working_set: working_set(used, stat.get("inactive_file")),
        rss: stat.get("anon"),
        cache: stat.get("file"),
        peak: number(folder, "memory.peak"),
        // "max" is no number
        memory_limit: number(folder, "memory.max"),
        limit_hits: Fields::read(folder, "memory.events").get("max"),
        swap: number(folder, "memory.swap.current"),
        page_faults: stat.get("pgfault"),
        major_page_faults: stat.get("pgmajfault"),
        processes: number(folder, "pids.current"),
    }
}

fn working_set(used: Option<u64>, inactive: Option<u64>) -> Option<u64> {
    Some(used?.saturating_sub(inactive.unwrap_or_default()))
}

/// A file of `name value` lines.
#[derive(Debug, Default)]
struct Fields(String);

impl Fields {
    fn read(folder: &Path, file: &str) -> Self {
        Self(text(folder, file).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<u64> {
        let mut lines = self.0.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(field, _)| *field == name)?.1.trim().parse().ok()
    }
}

fn text(folder: &Path, file: &str) -> Option<String> {
    fs_err::read_to_string(folder.join(file)).ok()
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    text(folder, file)?.trim().parse().ok()
}
