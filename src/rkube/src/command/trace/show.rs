//! A story as an indented tree, one line per entry, times counted from the first request.

use console::{Style, measure_text_width};
use k8s_openapi::jiff::Timestamp;
use traces::{Asked, Change, Decision, Entry, Object, Story, Verdict, What, Written};

use super::explain;
use crate::ui::Messages;

/// The column of what is said for learners.
const EXPLAIN_AT: usize = 72;
/// Watchers named in a line; more are counted.
const WATCHERS: usize = 6;

/// The time of day in UTC.
pub(super) fn clock(micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    time.strftime("%H:%M:%S").to_string()
}

pub(super) fn story(story: &Story, text: &Messages, explain: bool) -> String {
    let dim = Style::new().dim();
    let mut lines = Vec::new();
    // reads, and what they went through, are told in one line, unless there is nothing else
    let mut asked = story.entries.iter().filter(|entry| entry.depth == 0);
    let only_reads = asked.clone().all(is_read);
    let zero = asked
        .find(|entry| only_reads || !is_read(entry))
        .map_or(0, |first| first.at);
    let (mut reads, mut shown) = (0, false);
    for entry in &story.entries {
        if entry.depth == 0 {
            shown = only_reads || !is_read(entry);
            reads += usize::from(!shown);
        }
        if !shown {
            continue;
        }
        let (what, why, more) = line(entry, text);
        let took = entry
            .took
            .filter(|took| *took > 0 && !matches!(entry.what, What::Told { .. }));
        let took = took
            .map(|took| format!("  {}", millis(took as i64)))
            .unwrap_or_default();
        let indent = "  ".repeat(entry.depth.into());
        let head = format!("{:>10}  {indent}{what}", format!("+{}", millis(entry.at - zero)));
        lines.push(if explain && !why.is_empty() {
            let gap = EXPLAIN_AT.saturating_sub(measure_text_width(&head) + measure_text_width(&took));
            let why = dim.apply_to(format!("# {why}"));
            format!("{head}{}{}{why}", dim.apply_to(took), " ".repeat(gap.max(2)))
        } else {
            format!("{head}{}", dim.apply_to(took))
        });
        lines.extend(more.into_iter().map(|more| format!("{:>10}  {indent}    {more}", "")));
    }
    if reads > 0 {
        let words = explain::counted("reads", reads, text);
        lines.push(format!("{:>10}  {}", "", dim.apply_to(words)));
    }
    if story.withheld > 0 {
        let words = explain::counted("withheld", story.withheld, text);
        lines.push(format!("{:>10}  {words}", ""));
    }
    if story.cut {
        lines.push(format!("{:>10}  …", ""));
    }
    lines.join("\n")
}

/// A request that went well and changed nothing, as kubectl makes several before the one that matters.
fn is_read(entry: &Entry) -> bool {
    let What::Request(asked) = &entry.what else {
        return false;
    };
    let reads = matches!(asked.written.verb.as_str(), "get" | "list" | "head");
    reads && (asked.written.code < 400 || asked.written.code == 404)
}

/// `3.1 ms`, `2.05 s`
fn millis(micros: i64) -> String {
    let micros = micros as f64;
    if micros >= 1e6 {
        format!("{:.2} s", micros / 1e6)
    } else {
        format!("{:.1} ms", micros / 1e3)
    }
}

/// What happened, a few words for learners, and further lines.
fn line(entry: &Entry, text: &Messages) -> (String, &'static str, Vec<String>) {
    let actor = &entry.actor;
    let (title, why) = match &entry.what {
        What::Request(asked) => (request(actor, asked, text), ""),
        What::Phase { name, outcome, detail } => explain::phase(name, *outcome, detail, text),
        What::Told { who } => (told(who, text), explain::word("whyTold", text)),
        What::Write(written) => (write(actor, written, text), explain::actor(actor, text)),
        What::Decision(decision) => {
            let why = explain::word("whyDecision", text);
            return (chosen(decision, text), why, thoughts(decision));
        }
        What::Step {
            container,
            step,
            detail,
            warning,
            ..
        } => {
            let (title, why) = explain::step(step, text);
            let place = if container.is_empty() {
                String::new()
            } else {
                format!(" [{container}]")
            };
            let detail = if detail.is_empty() {
                String::new()
            } else {
                format!(" {detail}")
            };
            let mark = if *warning { "! " } else { "" };
            (format!("{mark}{actor}{place}: {title}{detail}"), why)
        }
    };
    (title, why, Vec::new())
}

fn told(who: &[String], text: &Messages) -> String {
    let mut names: Vec<&str> = who.iter().take(WATCHERS).map(String::as_str).collect();
    let more = format!("+{}", who.len().saturating_sub(WATCHERS));
    if who.len() > WATCHERS {
        names.push(&more);
    }
    format!("{}: {}", explain::word("told", text), names.join(", "))
}

pub(super) fn named(object: &Object) -> String {
    let place = if object.namespace.is_empty() {
        object.name.clone()
    } else {
        format!("{}/{}", object.namespace, object.name)
    };
    format!("{} {place}", object.kind)
}

fn came_to(written: &Written, text: &Messages) -> String {
    let revision = |word: &str| format!("{word} ({} {})", explain::word("revision", text), written.revision);
    match (written.code, written.change) {
        (400.., _) => format!("{} {}", written.code, written.reason),
        (_, Change::Created) => revision(explain::word("created", text)),
        (_, Change::Updated) => revision(explain::word("updated", text)),
        (_, Change::Deleted) => revision(explain::word("deleted", text)),
        (code, Change::None) => code.to_string(),
    }
}

fn request(actor: &str, asked: &Asked, text: &Messages) -> String {
    let fields = if asked.fields.is_empty() {
        String::new()
    } else {
        format!(": {}", asked.fields.join(", "))
    };
    format!(
        "{} {}  {actor} → {}{fields}",
        asked.written.verb,
        asked.path,
        came_to(&asked.written, text)
    )
}

fn write(actor: &str, written: &Written, text: &Messages) -> String {
    let part = if written.subresource.is_empty() {
        String::new()
    } else {
        format!("/{}", written.subresource)
    };
    let state = if written.state.is_empty() {
        String::new()
    } else {
        format!(": {}", written.state)
    };
    let state = if written.change == Change::Updated {
        state
    } else {
        String::new()
    };
    format!(
        "{actor} → {}{part} {}{state}",
        named(&written.object),
        came_to(written, text)
    )
}

fn chosen(decision: &Decision, text: &Messages) -> String {
    let count = explain::counted("nodes", decision.count, text);
    match &decision.chosen {
        Some(node) => format!("scheduler: {count} → {node}"),
        None => format!("scheduler: {count} → {}", explain::word("none", text)),
    }
}

/// What the scheduler thought of each node.
fn thoughts(decision: &Decision) -> Vec<String> {
    let thought = |verdict: &Verdict| {
        if let Some(refused) = &verdict.refused {
            return Some(format!(
                "{} ✗ {}: {}",
                verdict.node,
                refused.plugin,
                refused.reasons.join("; ")
            ));
        }
        let scores = verdict.scores.iter().filter(|(_, score)| *score != 0);
        let scores: Vec<String> = scores.map(|(name, score)| format!("{name} {score}")).collect();
        (!scores.is_empty()).then(|| format!("{} = {}: {}", verdict.node, verdict.total(), scores.join(", ")))
    };
    decision.nodes.iter().filter_map(thought).collect()
}

#[cfg(test)]
mod tests {
    use traces::Outcome;

    use super::*;

    fn entry(depth: u8, at: i64, what: What) -> Entry {
        Entry {
            depth,
            at,
            took: Some(1500),
            actor: "jane".to_owned(),
            what,
        }
    }

    fn asked(verb: &str, code: u16, fields: &[&str]) -> What {
        What::Request(Asked {
            path: "/api/v1/namespaces/n/pods".to_owned(),
            written: Written {
                verb: verb.to_owned(),
                subresource: String::new(),
                object: Object::default(),
                change: Change::None,
                revision: 0,
                state: String::new(),
                code,
                reason: if code >= 400 {
                    "Invalid".to_owned()
                } else {
                    String::new()
                },
            },
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        })
    }

    fn told() -> Story {
        let phase = What::Phase {
            name: "authentication".to_owned(),
            outcome: Outcome::Passed,
            detail: "token".to_owned(),
        };
        Story {
            entries: vec![
                entry(0, 0, asked("get", 200, &[])),
                entry(1, 10, phase.clone()),
                entry(0, 2000, asked("create", 422, &["spec.x: FieldValueInvalid"])),
                entry(1, 2_500_000, phase),
            ],
            ..Story::default()
        }
    }

    #[test]
    fn reads_are_counted_and_the_rest_is_told_with_times_and_indented() {
        let shown = story(&told(), Messages::of("C"), false);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "   +0.0 ms  create /api/v1/namespaces/n/pods  jane → 422 Invalid: spec.x: FieldValueInvalid  1.5 ms",
                "   +2.50 s    authentication: token  1.5 ms",
                "            and 1 request that only reads (discovery, the object before the change)",
            ]
        );
    }

    #[test]
    fn learners_get_a_few_words_in_their_language() {
        let shown = story(&told(), Messages::of("zh_CN.UTF-8"), true);
        assert!(shown.contains("身份认证") && shown.contains("# 谁在请求"), "{shown}");
    }
}
