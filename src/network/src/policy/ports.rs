//! Who may use which port: overlapping ranges cut into ranges that do not overlap, each with all that its rules say.

use std::collections::{BTreeMap, BTreeSet};

/// Ranges of ports, first and last included, with what was said of them. They may overlap.
#[derive(Debug, Clone)]
pub(super) struct Said<T>(Vec<(u16, u16, T)>);

impl<T> Default for Said<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord + Clone> Said<T> {
    pub(super) fn say(&mut self, first: u16, last: u16, what: T) {
        if first <= last {
            self.0.push((first, last, what));
        }
    }

    /// Ranges in order that do not overlap; neighbours say different things.
    pub(super) fn apart(&self) -> Vec<(u16, u16, BTreeSet<T>)> {
        // how often each is said from a port on; one past the last port is not a port
        let mut turns: BTreeMap<u32, Vec<(&T, bool)>> = BTreeMap::new();
        for (first, last, what) in &self.0 {
            turns.entry(u32::from(*first)).or_default().push((what, true));
            turns.entry(u32::from(*last) + 1).or_default().push((what, false));
        }
        let mut current: BTreeMap<&T, usize> = BTreeMap::new();
        let mut ranges: Vec<(u16, u16, BTreeSet<T>)> = Vec::new();
        let mut from = 0;
        for (at, changes) in turns {
            if let (false, Ok(first), Ok(last)) = (
                current.is_empty(),
                u16::try_from(from),
                u16::try_from(at.saturating_sub(1)),
            ) {
                let all: BTreeSet<T> = current.keys().map(|&what| what.clone()).collect();
                match ranges.last_mut() {
                    Some((_, end, same)) if *same == all && u32::from(*end) + 1 == from => *end = last,
                    _ => ranges.push((first, last, all)),
                }
            }
            for (what, begins) in changes {
                let count = current.entry(what).or_default();
                *count = if begins { *count + 1 } else { count.saturating_sub(1) };
            }
            current.retain(|_, count| *count > 0);
            from = at;
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(said: &[(u16, u16, char)]) -> Vec<(u16, u16, String)> {
        let mut all = Said::default();
        for (first, last, what) in said {
            all.say(*first, *last, *what);
        }
        let ranges = all.apart().into_iter();
        ranges
            .map(|(first, last, what)| (first, last, what.into_iter().collect()))
            .collect()
    }

    #[test]
    fn overlaps_say_both() {
        let range = |first, last, what: &str| (first, last, what.to_owned());
        assert_eq!(
            apart(&[(80, 90, 'a'), (85, 100, 'b'), (443, 443, 'a')]),
            [
                range(80, 84, "a"),
                range(85, 90, "ab"),
                range(91, 100, "b"),
                range(443, 443, "a")
            ]
        );
        assert_eq!(
            apart(&[(0, 65535, 'a'), (80, 80, 'a'), (65535, 65535, 'b')]),
            [range(0, 65534, "a"), range(65535, 65535, "ab")]
        );
        assert_eq!(apart(&[(1, 5, 'a'), (6, 9, 'a')]), [range(1, 9, "a")]);
        assert_eq!(apart(&[(9, 1, 'a')]), []);
    }
}
