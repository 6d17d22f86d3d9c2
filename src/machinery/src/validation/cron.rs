//! Schedules of CronJobs: five fields, or a word for the usual ones.

/// A field's name, its values, and words for them, the first for the least value.
struct Field {
    least: u32,
    most: u32,
    words: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    field(0, 59, &[]),
    field(0, 23, &[]),
    field(1, 31, &[]),
    field(
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    field(0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

const fn field(least: u32, most: u32, words: &'static [&'static str]) -> Field {
    Field { least, most, words }
}

/// What is wrong with a schedule.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    if let Some(word) = schedule.strip_prefix('@') {
        let known = matches!(
            word,
            "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly"
        );
        return match word.strip_prefix("every ") {
            Some(every) if is_duration(every) => Ok(()),
            Some(_) => Err(format!("failed to parse duration {schedule}")),
            None if known => Ok(()),
            None => Err(format!("unrecognized descriptor: {schedule}")),
        };
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let found = fields.len();
        return Err(format!(
            "expected exactly 5 fields, found {found}: [{}]",
            fields.join(" ")
        ));
    }
    for (field, kind) in fields.iter().zip(&FIELDS) {
        for part in field.split(',') {
            range(part, kind)?;
        }
    }
    Ok(())
}

/// Numbers with units, as Go writes durations.
fn is_duration(text: &str) -> bool {
    let known = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's' | 'u' | 'n');
    text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['h', 'm', 's']) && text.chars().all(known)
}

/// `*`, `?`, a number or a range of them, each with a step or without.
fn range(part: &str, kind: &Field) -> Result<(), String> {
    let (values, step) = part
        .split_once('/')
        .map_or((part, None), |(values, step)| (values, Some(step)));
    let (start, end) = match values.split_once('-') {
        _ if matches!(values, "*" | "?") => (kind.least, kind.most),
        Some((start, end)) => (number(start, kind)?, number(end, kind)?),
        None => {
            let start = number(values, kind)?;
            (start, if step.is_some() { kind.most } else { start })
        }
    };
    if start < kind.least {
        return Err(format!(
            "beginning of range ({start}) below minimum ({}): {part}",
            kind.least
        ));
    }
    if end > kind.most {
        return Err(format!("end of range ({end}) above maximum ({}): {part}", kind.most));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {part}"
        ));
    }
    match step.map(|step| (step, step.parse::<u32>())) {
        Some((_, Ok(0))) => Err(format!("step of range should be a positive number: {part}")),
        Some((step, Err(_))) => Err(format!("failed to parse int from {step}")),
        _ => Ok(()),
    }
}

fn number(text: &str, kind: &Field) -> Result<u32, String> {
    let lower = text.to_ascii_lowercase();
    match kind.words.iter().position(|word| **word == lower) {
        Some(index) => Ok(kind.least + index as u32),
        None => text.parse().map_err(|_| format!("failed to parse int from {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules_are_what_cron_takes() {
        for good in [
            "* * * * *",
            "*/5 0-12/2 1,15 jan-MAR mon",
            "59 23 31 12 6",
            "0 0 ? * ?",
            "@daily",
            "@every 1h30m",
            "5/15 * * * *",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("a * * * *", "failed to parse int from a"),
            ("@never", "unrecognized descriptor: @never"),
        ] {
            assert_eq!(check(bad), Err(why.to_owned()));
        }
    }
}
