//! From what metrics propose to what is done: bounds, rates and the recommendations of the past. Pure.
//!
//! Semantics: `normalizeDesiredReplicas…` in `k8s.io/kubernetes/pkg/controller/podautoscaler/horizontal.go`.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior};

const DOWNSCALE_WINDOW: i32 = 300;
/// Without rules of its own, an autoscaler may at least double.
const UP_FACTOR: i32 = 2;
const UP_LEAST: i32 = 4;

/// What has been proposed and done to one target. Times ascend.
#[derive(Debug, Default)]
pub(super) struct History {
    recommendations: Vec<(Timestamp, i32)>,
    ups: Vec<(Timestamp, i32)>,
    downs: Vec<(Timestamp, i32)>,
}

/// A condition's status, reason and message.
pub(super) type Said = (bool, &'static str, &'static str);

/// What comes of a proposal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) replicas: i32,
    pub(super) able: Said,
    pub(super) limited: Said,
}

/// Bounds and what there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) current: i32,
}

const READY: Said = (true, "ReadyForNewScale", "recommended size matches current size");
const WITHIN: Said = (
    false,
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);
const TOO_MANY: Said = (
    true,
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const TOO_FEW: Said = (
    true,
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);
const UP_LIMIT: Said = (
    true,
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const DOWN_LIMIT: Said = (
    true,
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);
const UP_STABILIZED: Said = (
    true,
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const DOWN_STABILIZED: Said = (
    true,
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);

impl History {
    /// The first sight of a target is a recommendation to leave it as it is.
    pub(super) fn begin(&mut self, current: i32, now: Timestamp) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// Bounds a proposal.
    pub(super) fn normalize(
        &mut self,
        behavior: Option<&HorizontalPodAutoscalerBehavior>,
        range: Range,
        proposed: i32,
        now: Timestamp,
    ) -> Outcome {
        let Some(behavior) = behavior else {
            return self.plain(range, proposed, now);
        };
        let none = HPAScalingRules::default();
        let up = behavior.scale_up.as_ref().unwrap_or(&none);
        let down = behavior.scale_down.as_ref().unwrap_or(&none);
        let up_window = up.stabilization_window_seconds.unwrap_or(0);
        let down_window = down.stabilization_window_seconds.unwrap_or(DOWNSCALE_WINDOW);
        let since = |seconds: i32| move |(at, _): &&(Timestamp, i32)| *at > before(now, seconds);
        let recent = |seconds| self.recommendations.iter().filter(since(seconds)).map(|one| one.1);
        let lowest = recent(up_window).fold(proposed, i32::min);
        let highest = recent(down_window).fold(proposed, i32::max);
        let stabilized = range.current.max(lowest).min(highest);
        self.recommend(proposed, up_window.max(down_window), now);
        let able = match stabilized {
            same if same == proposed => READY,
            _ if proposed >= range.current => UP_STABILIZED,
            _ => DOWN_STABILIZED,
        };
        let (replicas, limited) = self.limit(up, down, range, stabilized, now);
        Outcome {
            replicas,
            able,
            limited,
        }
    }

    fn plain(&mut self, range: Range, proposed: i32, now: Timestamp) -> Outcome {
        let since = before(now, DOWNSCALE_WINDOW);
        let recent = self.recommendations.iter().filter(|(at, _)| *at >= since);
        let stabilized = recent.map(|one| one.1).fold(proposed, i32::max);
        self.recommend(proposed, DOWNSCALE_WINDOW, now);
        let able = if stabilized == proposed { READY } else { DOWN_STABILIZED };
        let up_limit = range.current.saturating_mul(UP_FACTOR).max(UP_LEAST);
        let (most, reason) = if range.max > up_limit {
            (up_limit, UP_LIMIT)
        } else {
            (range.max, TOO_MANY)
        };
        let (replicas, limited) = if stabilized < range.min {
            (range.min, TOO_FEW)
        } else if stabilized > most {
            (most, reason)
        } else {
            (stabilized, WITHIN)
        };
        Outcome {
            replicas,
            able,
            limited,
        }
    }

    fn recommend(&mut self, replicas: i32, window: i32, now: Timestamp) {
        let since = before(now, window);
        self.recommendations.retain(|(at, _)| *at >= since);
        self.recommendations.push((now, replicas));
    }

    fn limit(
        &self,
        up: &HPAScalingRules,
        down: &HPAScalingRules,
        range: Range,
        desired: i32,
        now: Timestamp,
    ) -> (i32, Said) {
        if desired > range.current {
            let limit = self.bound(up, range.current, now, Direction::Up).max(range.current);
            let (most, reason) = if range.max > limit {
                (limit, UP_LIMIT)
            } else {
                (range.max, TOO_MANY)
            };
            if desired > most {
                return (most, reason);
            }
        } else if desired < range.current {
            let limit = self.bound(down, range.current, now, Direction::Down).min(range.current);
            let (least, reason) = if range.min < limit {
                (limit, DOWN_LIMIT)
            } else {
                (range.min, TOO_FEW)
            };
            if desired < least {
                return (least, reason);
            }
        }
        (desired, WITHIN)
    }

    /// How far policies let the count go.
    fn bound(&self, rules: &HPAScalingRules, current: i32, now: Timestamp, direction: Direction) -> i32 {
        let select = rules.select_policy.as_deref().unwrap_or("Max");
        if select == "Disabled" {
            return current;
        }
        let changed = |changes: &[(Timestamp, i32)], seconds: i32| -> i32 {
            let since = before(now, seconds);
            changes
                .iter()
                .filter(|(at, _)| *at > since)
                .map(|change| change.1)
                .sum()
        };
        let proposals = rules.policies.iter().flatten().map(|policy| {
            let start =
                current - changed(&self.ups, policy.period_seconds) + changed(&self.downs, policy.period_seconds);
            direction.apply(policy, start)
        });
        // the largest change is the highest bound upwards and the lowest downwards
        let bound = if (select == "Min") == (direction == Direction::Up) {
            proposals.min()
        } else {
            proposals.max()
        };
        bound.unwrap_or(current)
    }

    /// Notes what was done.
    pub(super) fn scaled(&mut self, from: i32, to: i32, behavior: &HorizontalPodAutoscalerBehavior, now: Timestamp) {
        let changes = if to > from { &mut self.ups } else { &mut self.downs };
        // both directions look at both lists, over the longest period of either
        let rules = [&behavior.scale_up, &behavior.scale_down].into_iter().flatten();
        let policies = rules.flat_map(|rules| rules.policies.iter().flatten());
        let longest = policies.map(|policy| policy.period_seconds).max().unwrap_or_default();
        let since = before(now, longest);
        changes.retain(|(at, _)| *at >= since);
        changes.push((now, (to - from).abs()));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    fn apply(self, policy: &HPAScalingPolicy, start: i32) -> i32 {
        let part = f64::from(policy.value) / 100.0;
        match (self, policy.type_.as_str()) {
            (Self::Up, "Percent") => (f64::from(start) * (1.0 + part)).ceil() as i32,
            (Self::Up, _) => start.saturating_add(policy.value),
            (Self::Down, "Percent") => (f64::from(start) * (1.0 - part)) as i32,
            (Self::Down, _) => start.saturating_sub(policy.value),
        }
    }
}

fn before(now: Timestamp, seconds: i32) -> Timestamp {
    now.checked_sub(SignedDuration::from_secs(seconds.into()))
        .unwrap_or(Timestamp::MIN)
}
