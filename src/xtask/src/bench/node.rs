//! What an idle node costs: memory and processor, as the kernel accounts for its container.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::run::Bench;

/// Anonymous memory and kernel memory count; page cache can be taken back at any time.
const MEMORY: &str = "f=/sys/fs/cgroup/memory.stat; [ -f $f ] || f=/sys/fs/cgroup/memory/memory.stat; s=0; \
    while read k v; do case $k in total_rss|anon|kernel) s=$((s + v));; esac; done < $f; echo $s";
const PROCESSOR: &str = "if [ -f /sys/fs/cgroup/cpu.stat ]; then while read k v; do \
    if [ $k = usage_usec ]; then echo $((v * 1000)); fi; done < /sys/fs/cgroup/cpu.stat; else \
    cat /sys/fs/cgroup/cpuacct/cpuacct.usage; fi";

/// Memory of the node in bytes, without page cache.
pub(super) fn memory(bench: &Bench) -> anyhow::Result<u64> {
    let text = bench.rkube(&["ssh", "--", MEMORY])?.0;
    text.trim().parse().with_context(|| format!("memory: {text:?}"))
}

/// Memory of each process, largest first: resident kilobytes and command.
pub(super) fn processes(bench: &Bench) -> anyhow::Result<Vec<(u64, String)>> {
    let text = bench.rkube(&["ssh", "--", "ps -eo rss=,args= --sort=-rss"])?.0;
    let line = |line: &str| {
        let (rss, command) = line.trim().split_once(' ')?;
        Some((rss.parse().ok()?, command.chars().take(60).collect()))
    };
    Ok(text
        .lines()
        .filter_map(line)
        .filter(|(rss, command): &(u64, String)| *rss > 1000 && !command.starts_with("ps "))
        .collect())
}

/// Share of one processor that the node used over `span`, in percent.
pub(super) fn processor(bench: &Bench, span: Duration) -> anyhow::Result<f64> {
    let used = || -> anyhow::Result<u64> {
        let text = bench.rkube(&["ssh", "--", PROCESSOR])?.0;
        text.trim().parse().with_context(|| format!("processor: {text:?}"))
    };
    let (began, before) = (Instant::now(), used()?);
    std::thread::sleep(span);
    let nanoseconds = used()?.saturating_sub(before);
    Ok(nanoseconds as f64 / began.elapsed().as_nanos() as f64 * 100.0)
}
