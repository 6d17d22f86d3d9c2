//! What the node has: processors, memory, disk, pods.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::options::Options;

const DEFAULT_PODS: u32 = 110;

/// Bytes of memory: the machine's, or the node container's limit where the engine set one.
pub(crate) fn memory() -> i64 {
    let total = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = total
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<i64>().ok());
    let total = total.unwrap_or_default() * 1024;
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let limit = limits
        .iter()
        .filter_map(|path| fs_err::read_to_string(path).ok()?.trim().parse::<i64>().ok())
        .min();
    limit.filter(|limit| *limit > 0).map_or(total, |limit| limit.min(total))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The node's capacity; nothing is reserved, so all of it is allocatable.
pub(crate) fn capacity(options: &Options) -> BTreeMap<String, Quantity> {
    let pods = options
        .settings
        .get("maxPods")
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_PODS);
    let mut all = BTreeMap::from([
        ("cpu".to_owned(), Quantity(processors().to_string())),
        ("memory".to_owned(), Quantity(format!("{}Ki", memory() / 1024))),
        ("pods".to_owned(), Quantity(pods.to_string())),
    ]);
    if let Some(bytes) = disk(&options.root) {
        all.insert("ephemeral-storage".to_owned(), Quantity(format!("{}Ki", bytes / 1024)));
    }
    for name in hugepages() {
        all.insert(name, Quantity("0".to_owned()));
    }
    all
}

fn disk(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_blocks * stat.f_frsize)
}

/// Resource names of the page sizes the kernel has.
fn hugepages() -> Vec<String> {
    let folders = fs_err::read_dir("/sys/kernel/mm/hugepages")
        .into_iter()
        .flatten()
        .flatten();
    let names = folders.filter_map(|folder| {
        let name = folder.file_name().to_string_lossy().into_owned();
        let kilobytes: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let size = if kilobytes >= 1 << 20 {
            format!("{}Gi", kilobytes >> 20)
        } else {
            format!("{}Mi", kilobytes >> 10)
        };
        Some(format!("hugepages-{size}"))
    });
    names.collect()
}
