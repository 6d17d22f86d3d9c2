//! Events, of both of their groups.

use serde_json::Value;

use super::Printer;
use super::column::{Column, NAME, text, wide};
use super::object::Cells;

const NAME_ONLY: Column = Column { priority: 1, ..NAME };

static EVENT: &[Column] = &[
    text("Last Seen"),
    text("Type"),
    text("Reason"),
    text("Object"),
    wide("Subobject"),
    wide("Source"),
    text("Message"),
    wide("First Seen"),
    wide("Count"),
    NAME_ONLY,
];

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "",
        kind: "Event",
        columns: EVENT,
        cells: event,
    },
    Printer {
        group: "events.k8s.io",
        kind: "Event",
        columns: EVENT,
        cells: event,
    },
];

/// Events of both groups; the newer one has other names for some fields.
fn event(c: &Cells<'_>) -> Vec<Value> {
    let either = |old: &str, new: &str| c.at(old).or_else(|| c.at(new));
    let first = c.since(either("/firstTimestamp", "/deprecatedFirstTimestamp").or_else(|| c.at("/eventTime")));
    let last = either("/lastTimestamp", "/deprecatedLastTimestamp");
    let mut last = last.map_or_else(|| first.clone(), |time| c.since(Some(time)));
    let mut count = either("/count", "/deprecatedCount")
        .and_then(Value::as_i64)
        .filter(|count| *count != 0)
        .unwrap_or(1);
    if c.at("/series").is_some() {
        last = c.since(c.at("/series/lastObservedTime"));
        count = c.int("/series/count");
    }
    let involved = either("/involvedObject", "/regarding").unwrap_or(&Value::Null);
    let part = |field: &str| involved[field].as_str().unwrap_or_default();
    let slash = if part("name").is_empty() { "" } else { "/" };
    let target = format!("{}{slash}{}", part("kind").to_lowercase(), part("name"));
    let source = |field: &str, new: &str, reporting: &[&str]| {
        let named = either(&format!("/source/{field}"), &format!("/deprecatedSource/{new}")).and_then(Value::as_str);
        let reporting = reporting
            .iter()
            .map(|pointer| c.str(pointer))
            .find(|text| !text.is_empty());
        named
            .filter(|text| !text.is_empty())
            .or(reporting)
            .unwrap_or_default()
            .to_owned()
    };
    let component = source(
        "component",
        "component",
        &["/reportingComponent", "/reportingController"],
    );
    let instance = source("host", "host", &["/reportingInstance"]);
    let source = if instance.is_empty() {
        component
    } else {
        format!("{component}, {instance}")
    };
    let message = either("/message", "/note").and_then(Value::as_str).unwrap_or_default();
    vec![
        last.into(),
        c.text("/type"),
        c.text("/reason"),
        target.into(),
        part("fieldPath").into(),
        source.into(),
        message.trim().into(),
        first.into(),
        count.into(),
        c.name(),
    ]
}
