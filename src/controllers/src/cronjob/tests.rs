//! Schedules.

use serde_json::json;

use super::*;

fn after(schedule: &str, start: &str, zone: &str) -> Option<String> {
    let zone = if zone == "UTC" {
        TimeZone::UTC
    } else {
        TimeZone::get(zone).expect("zone")
    };
    let start: Timestamp = start.parse().expect("time");
    Schedule::parse(schedule)
        .expect("schedule")
        .next(start, &zone)
        .map(|time| time.to_string())
}

#[test]
fn times_follow_the_fields() {
    let start = "2024-02-28T23:59:30Z";
    for (schedule, next) in [
        ("* * * * *", "2024-02-29T00:00:00Z"),
        ("*/15 * * * *", "2024-02-29T00:00:00Z"),
        ("5 4 * * *", "2024-02-29T04:05:00Z"),
        ("0 0 29 2 *", "2024-02-29T00:00:00Z"),
        ("0 0 1 * *", "2024-03-01T00:00:00Z"),
        ("30 8-10/2 * * mon-fri", "2024-02-29T08:30:00Z"),
        ("0 0 13 * fri", "2024-03-01T00:00:00Z"),
        ("@hourly", "2024-02-29T00:00:00Z"),
        ("@yearly", "2025-01-01T00:00:00Z"),
        ("@every 1h30m", "2024-02-29T01:29:30Z"),
    ] {
        assert_eq!(after(schedule, start, "UTC").as_deref(), Some(next), "{schedule}");
    }
    assert_eq!(after("0 0 30 2 *", start, "UTC"), None);
}

#[test]
fn malformed_schedules_are_refused() {
    for schedule in [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "a * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
    ] {
        assert_eq!(Schedule::parse(schedule), None, "{schedule}");
    }
}

#[test]
fn the_latest_missed_time_counts() {
    let cron = |last: &str| -> CronJob {
        let object = json!({"metadata": {"creationTimestamp": "2024-01-01T00:00:00Z"}, "spec": {"schedule": "0 * * * *", "jobTemplate": {}},
            "status": {"lastScheduleTime": last}});
        serde_json::from_value(object).expect("cron job")
    };
    let schedule = Schedule::parse("0 * * * *").expect("schedule");
    let now: Timestamp = "2024-01-02T05:30:00Z".parse().expect("time");
    let found = most_recent(&cron("2024-01-02T01:00:00Z"), &schedule, &TimeZone::UTC, now);
    let found = (found.0.map(|time| time.to_string()), found.1);
    assert_eq!(found, (Some("2024-01-02T05:00:00Z".to_owned()), 4));
    let none = most_recent(&cron("2024-01-02T05:00:00Z"), &schedule, &TimeZone::UTC, now);
    assert_eq!(none, (None, 0));
}
