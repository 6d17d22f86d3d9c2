//! Network counters of a network namespace, by way of a process in it.

use std::path::Path;

/// Counters of one interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) received: Counters,
    pub(crate) sent: Counters,
}

/// One direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    pub(crate) errors: u64,
    pub(crate) dropped: u64,
}

/// The interfaces that a process sees, but for the loopback.
pub(crate) fn of_process(proc: &Path, process: u32) -> Vec<Interface> {
    let path = proc.join(process.to_string()).join("net/dev");
    parse(&fs_err::read_to_string(path).unwrap_or_default())
}

fn parse(text: &str) -> Vec<Interface> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let rows = lines.filter_map(|(name, counters)| {
        let counters: Vec<u64> = counters
            .split_whitespace()
            .map(|word| word.parse().ok())
            .collect::<Option<_>>()?;
        // eight columns for what is received, then eight for what is sent
        let direction = |first: usize| {
            Some(Counters {
                bytes: *counters.get(first)?,
                packets: *counters.get(first + 1)?,
                errors: *counters.get(first + 2)?,
                dropped: *counters.get(first + 3)?,
            })
        };
        Some(Interface {
            name: name.trim().to_owned(),
            received: direction(0)?,
            sent: direction(8)?,
        })
    });
    rows.filter(|interface| interface.name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_read_and_the_loopback_is_not() {
        let text = "Inter-|   Receive                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes ...\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 1296 16 2 3 0 0 0 0 936 12 4 5 0 0 0 0\n";
        let counters = |bytes, packets, errors, dropped| Counters {
            bytes,
            packets,
            errors,
            dropped,
        };
        let wanted = Interface {
            name: "eth0".to_owned(),
            received: counters(1296, 16, 2, 3),
            sent: counters(936, 12, 4, 5),
        };
        assert_eq!(parse(text), [wanted]);
    }
}
