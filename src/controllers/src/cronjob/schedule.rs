//! Cron schedules: five fields or a macro, in a time zone.
//!
//! Semantics: the standard parser of `robfig/cron`: days match by month or week where both are restricted.

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A parsed schedule; one bit per value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
    every: Option<i64>,
}

const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// None if it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        if let Some(every) = text.strip_prefix("@every ") {
            let seconds = duration(every)?.max(1);
            return Some(Self {
                every: Some(seconds),
                ..Self::parse("* * * * *")?
            });
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return None;
        };
        let any = |field: &str| field.starts_with('*') || field.starts_with('?');
        Some(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, MONTHS)?,
            weekdays: field(weekdays, 0, 6, DAYS)?,
            any_day: any(days),
            any_weekday: any(weekdays),
            every: None,
        })
    }

    /// The first time after `after`; none within five years.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if let Some(every) = self.every {
            return Timestamp::from_second(after.as_second() + every).ok();
        }
        let start = zone.to_datetime(after);
        let mut time = start
            .with()
            .second(0)
            .subsec_nanosecond(0)
            .build()
            .ok()?
            .checked_add(1.minute())
            .ok()?;
        let end = start.checked_add(5.years()).ok()?;
        while time < end {
            let next = if !has(self.months, i64::from(time.month())) {
                midnight(time.first_of_month().checked_add(1.month()).ok()?)?
            } else if !self.day(time) {
                midnight(time.checked_add(1.day()).ok()?)?
            } else if !has(self.hours, i64::from(time.hour())) {
                let hour = time.with().minute(0).build().ok()?;
                hour.checked_add(Span::new().hours(1)).ok()?
            } else if !has(self.minutes, i64::from(time.minute())) {
                time.checked_add(1.minute()).ok()?
            } else {
                // A time that the clocks skip is passed over, as upstream does.
                let found = zone.to_ambiguous_timestamp(time).compatible().ok()?;
                if zone.to_datetime(found) == time && found > after {
                    return Some(found);
                }
                time.checked_add(1.minute()).ok()?
            };
            time = next;
        }
        None
    }

    fn day(&self, time: DateTime) -> bool {
        let day = has(self.days, i64::from(time.day()));
        let weekday = has(self.weekdays, i64::from(time.weekday().to_sunday_zero_offset()));
        if self.any_day || self.any_weekday {
            day && weekday
        } else {
            day || weekday
        }
    }
}

fn midnight(time: DateTime) -> Option<DateTime> {
    time.with().hour(0).minute(0).build().ok()
}

fn has(bits: u64, value: i64) -> bool {
    bits & (1 << value) != 0
}

/// `*`, `*/5`, `1-5`, `1-9/2`, `mon`, and lists of these.
fn field(text: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let value = |text: &str| {
        let lower = text.to_lowercase();
        let named = names
            .iter()
            .position(|name| *name == lower)
            .and_then(|at| u32::try_from(at).ok());
        named.map(|at| at + low).or_else(|| text.parse().ok())
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = part
            .split_once('/')
            .map_or((part, None), |(range, step)| (range, Some(step)));
        let step: u32 = step
            .map_or(Some(1), |step| step.parse().ok())
            .filter(|step| *step > 0)?;
        let (first, last) = match range {
            "*" | "?" => (low, high),
            _ => match range.split_once('-') {
                Some((first, last)) => (value(first)?, value(last)?),
                None if part.contains('/') => (value(range)?, high),
                None => (value(range)?, value(range)?),
            },
        };
        if first < low || last > high || first > last {
            return None;
        }
        let mut at = first;
        while at <= last {
            bits |= 1 << at;
            at += step;
        }
    }
    Some(bits)
}

/// `1h30m` in seconds.
fn duration(text: &str) -> Option<i64> {
    let (mut total, mut number) = (0, String::new());
    for c in text.trim().chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total += number.parse::<i64>().ok()? * unit;
        number.clear();
    }
    number.is_empty().then_some(total)
}
