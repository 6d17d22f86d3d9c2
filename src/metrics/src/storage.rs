//! Two points of everything, and the rates between them.
//!
//! Semantics: `sigs.k8s.io/metrics-server/pkg/storage`.

use std::collections::BTreeMap;
use std::time::Duration;

/// One reading. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Point {
    pub(crate) at: i64,
    /// When the container began; 0 for nodes.
    pub(crate) started: i64,
    /// Seconds of processor time so far.
    pub(crate) cpu: f64,
    /// Bytes.
    pub(crate) memory: f64,
}

/// What one kubelet told: its node and its pods' containers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) node: Option<Point>,
    pub(crate) pods: BTreeMap<(String, String), BTreeMap<String, Point>>,
}

/// Use between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Milliseconds since the epoch, of the newer reading.
    pub(crate) at: i64,
    /// Milliseconds between them.
    pub(crate) window: i64,
    /// Cores.
    pub(crate) cpu: f64,
    pub(crate) memory: f64,
}

#[derive(Debug, Clone, Copy)]
struct Pair {
    last: Point,
    before: Option<Point>,
}

impl Pair {
    fn next(old: Option<Self>, point: Point, fresh: Option<Point>) -> Self {
        let Some(old) = old else {
            return Self {
                last: point,
                before: fresh,
            };
        };
        if point.at <= old.last.at {
            return old;
        }
        let restarted = point.started > old.last.started || point.cpu < old.last.cpu;
        Self {
            last: point,
            before: if restarted { fresh } else { Some(old.last) },
        }
    }

    fn usage(&self) -> Option<Usage> {
        let (last, before) = (self.last, self.before?);
        let window = last.at - before.at;
        if window <= 0 || last.cpu < before.cpu {
            return None;
        }
        Some(Usage {
            at: last.at,
            window,
            cpu: (last.cpu - before.cpu) / (window as f64 / 1000.0),
            memory: last.memory,
        })
    }
}

/// Everything known.
#[derive(Debug)]
pub(crate) struct Storage {
    resolution: i64,
    nodes: BTreeMap<String, Pair>,
    pods: BTreeMap<(String, String), BTreeMap<String, Pair>>,
    turns: u64,
}

/// A container younger than this says too little.
const FRESH: i64 = 10_000;

impl Storage {
    pub(crate) fn new(resolution: Duration) -> Self {
        Self {
            resolution: i64::try_from(resolution.as_millis()).unwrap_or(i64::MAX),
            nodes: BTreeMap::new(),
            pods: BTreeMap::new(),
            turns: 0,
        }
    }

    /// Takes one turn's readings by node; what they do not name is forgotten.
    pub(crate) fn store(&mut self, readings: Vec<(String, Reading)>) {
        let (mut nodes, mut pods) = (BTreeMap::new(), BTreeMap::new());
        for (name, reading) in readings {
            if let Some(point) = reading.node {
                let old = self.nodes.get(&name).copied();
                nodes.insert(name, Pair::next(old, point, None));
            }
            for (key, containers) in reading.pods {
                let old = self.pods.get(&key);
                let next = containers.into_iter().map(|(name, point)| {
                    let old = old.and_then(|containers| containers.get(&name)).copied();
                    let pair = Pair::next(old, point, self.beginning(point));
                    (name, pair)
                });
                let next = next.collect();
                pods.insert(key, next);
            }
        }
        (self.nodes, self.pods) = (nodes, pods);
        self.turns += 1;
    }

    /// A container that began since the last turn has used nothing when it began.
    fn beginning(&self, point: Point) -> Option<Point> {
        let age = point.at - point.started;
        (point.started > 0 && (FRESH..self.resolution.max(FRESH + 1)).contains(&age)).then_some(Point {
            at: point.started,
            cpu: 0.0,
            ..point
        })
    }

    /// True once there is something to tell.
    pub(crate) fn is_ready(&self) -> bool {
        self.turns > 0 && self.nodes.values().any(|pair| pair.usage().is_some())
    }

    pub(crate) fn node(&self, name: &str) -> Option<Usage> {
        self.nodes.get(name)?.usage()
    }

    /// Use of all containers of a pod; nothing if one of them is not known yet.
    pub(crate) fn pod(&self, key: &(String, String)) -> Option<Vec<(&str, Usage)>> {
        let containers = self.pods.get(key)?.iter();
        containers
            .map(|(name, pair)| Some((name.as_str(), pair.usage()?)))
            .collect()
    }
}
