//! What an object itself, its events and its kubelet still tell when no trace does. Pure.

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use traces::Step;

use super::explain;
use crate::ui::Messages;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    /// Microseconds since the epoch.
    pub(super) at: i64,
    /// Who did or said it.
    pub(super) who: String,
    /// What.
    pub(super) what: String,
    /// It went wrong.
    pub(super) warning: bool,
}

/// All that is told, in order. `steps` are the kubelet's of a pod, with the node's name.
pub(super) fn of(object: Option<&Value>, events: &[Value], steps: &[(String, Step)], text: &Messages) -> Vec<Moment> {
    let mut moments = Vec::new();
    if let Some(object) = object {
        made(object, text, &mut moments);
        conditions(object, &mut moments);
        containers(object, &mut moments);
    }
    for event in events {
        moments.extend(said(event, !steps.is_empty()));
    }
    for (node, step) in steps {
        let place = bracketed(&step.container);
        let (title, _) = explain::step(&step.step, text);
        moments.push(Moment {
            at: step.at - step.took.unwrap_or_default() as i64,
            who: format!("kubelet {node}{place}"),
            what: [title.as_str(), step.detail.as_str()].join(" ").trim().to_owned(),
            warning: step.warning,
        });
    }
    moments.sort_by_key(|moment| moment.at);
    moments.dedup();
    moments
}

fn bracketed(container: &str) -> String {
    if container.is_empty() {
        String::new()
    } else {
        format!(" [{container}]")
    }
}

fn time(value: &Value) -> Option<i64> {
    let time: Timestamp = value.as_str()?.parse().ok()?;
    Some(time.as_microsecond())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Who made it, and who last wrote which part of it.
fn made(object: &Value, text: &Messages, moments: &mut Vec<Moment>) {
    let meta = &object["metadata"];
    let created = time(&meta["creationTimestamp"]);
    let writers = list(&meta["managedFields"]);
    let maker = writers.iter().find(|one| time(&one["time"]) == created);
    moments.extend(created.map(|at| Moment {
        at,
        who: maker.map_or("apiserver", |one| text_of(&one["manager"])).to_owned(),
        what: explain::word("created", text).to_owned(),
        warning: false,
    }));
    for one in writers.iter().filter(|one| time(&one["time"]) != created) {
        let part = match text_of(&one["subresource"]) {
            "" => String::new(),
            part => format!(" ({part})"),
        };
        moments.extend(time(&one["time"]).map(|at| Moment {
            at,
            who: text_of(&one["manager"]).to_owned(),
            what: format!("{}{part}", explain::word("lastWrite", text)),
            warning: false,
        }));
    }
    moments.extend(time(&meta["deletionTimestamp"]).map(|at| Moment {
        at,
        who: "apiserver".to_owned(),
        what: explain::word("deletionDue", text).to_owned(),
        warning: false,
    }));
}

fn conditions(object: &Value, moments: &mut Vec<Moment>) {
    for one in list(&object["status"]["conditions"]) {
        let why = [text_of(&one["reason"]), text_of(&one["message"])];
        let why: Vec<&str> = why.into_iter().filter(|part| !part.is_empty()).collect();
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(": {}", why.join(": "))
        };
        moments.extend(time(&one["lastTransitionTime"]).map(|at| Moment {
            at,
            who: "status".to_owned(),
            what: format!("{} = {}{why}", text_of(&one["type"]), text_of(&one["status"])),
            warning: false,
        }));
    }
}

fn containers(object: &Value, moments: &mut Vec<Moment>) {
    let status = &object["status"];
    let all = [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ];
    for one in all.iter().flat_map(|field| list(&status[*field])) {
        let who = format!("status [{}]", text_of(&one["name"]));
        let mut tell = |at: &Value, what: String, warning: bool| {
            moments.extend(time(at).map(|at| Moment {
                at,
                who: who.clone(),
                what,
                warning,
            }));
        };
        for state in [&one["lastState"], &one["state"]] {
            tell(&state["running"]["startedAt"], "started".to_owned(), false);
            let ended = &state["terminated"];
            let code = ended["exitCode"].as_i64().unwrap_or_default();
            let what = format!("{} (exit code {code})", text_of(&ended["reason"]));
            tell(&ended["finishedAt"], what, code != 0);
        }
    }
}

/// An event, unless the kubelet's own steps say it better.
fn said(event: &Value, steps: bool) -> Option<Moment> {
    let warning = event["type"] == "Warning";
    let who = [&event["source"]["component"], &event["reportingComponent"]];
    let who = who
        .into_iter()
        .map(text_of)
        .find(|who| !who.is_empty())
        .unwrap_or("event");
    if steps && who == "kubelet" && !warning {
        return None;
    }
    let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
    let at = time(&event["series"]["lastObservedTime"]).or_else(|| times.iter().find_map(|field| time(&event[*field])));
    let count = event["series"]["count"]
        .as_u64()
        .or(event["count"].as_u64())
        .unwrap_or(1);
    let times = if count > 1 {
        format!(" (×{count})")
    } else {
        String::new()
    };
    Some(Moment {
        at: at.or_else(|| time(&event["metadata"]["creationTimestamp"]))?,
        who: who.to_owned(),
        what: format!("{}: {}{times}", text_of(&event["reason"]), text_of(&event["message"])),
        warning,
    })
}

/// One line each: when, who, what.
pub(super) fn lines(moments: &[Moment]) -> Vec<String> {
    let width = moments.iter().map(|moment| moment.who.len()).max().unwrap_or_default();
    let line = |moment: &Moment| {
        let at = Timestamp::from_microsecond(moment.at).unwrap_or_default();
        let mark = if moment.warning { "! " } else { "" };
        format!(
            "{}  {:width$}  {mark}{}",
            at.strftime("%m-%d %H:%M:%S"),
            moment.who,
            moment.what
        )
    };
    moments.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn status_events_and_steps_are_told_in_order() {
        let pod = json!({
            "metadata": {"creationTimestamp": "2026-11-21T10:00:00Z", "managedFields": [
                {"manager": "kubectl-run", "time": "2026-11-21T10:00:00Z"},
                {"manager": "rkube", "subresource": "status", "time": "2026-11-21T10:00:09Z"}]},
            "status": {
                "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2026-11-21T10:00:04Z"}],
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-11-21T10:00:03Z"}}}]},
        });
        let events = [
            json!({"type": "Normal", "reason": "Started", "source": {"component": "kubelet"}, "lastTimestamp": "2026-11-21T10:00:02Z"}),
            json!({"type": "Warning", "reason": "BackOff", "message": "again", "source": {"component": "kubelet"}, "count": 4, "lastTimestamp": "2026-11-21T10:00:08Z"}),
        ];
        let began = time(&json!("2026-11-21T10:00:02Z")).unwrap();
        let step = Step {
            at: began,
            step: "Started".to_owned(),
            container: "c".to_owned(),
            ..Step::default()
        };
        let told = of(Some(&pod), &events, &[("n1".to_owned(), step)], Messages::of("C"));
        assert_eq!(
            lines(&told),
            [
                "11-21 10:00:00  kubectl-run     created",
                "11-21 10:00:02  kubelet n1 [c]  container started",
                "11-21 10:00:03  status [c]      ! Error (exit code 3)",
                "11-21 10:00:04  status          Ready = False: ContainersNotReady",
                "11-21 10:00:08  kubelet         ! BackOff: again (×4)",
                "11-21 10:00:09  rkube           last write (status)",
            ]
        );
    }
}
