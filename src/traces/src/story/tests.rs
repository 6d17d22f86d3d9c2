use super::*;
use crate::Actor;

fn object(resource: &str, name: &str) -> Object {
    Object {
        resource: resource.to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        ..Object::default()
    }
}

/// A write by `who` at a moment, of an object with an owner and a reference.
fn write(at: i64, who: &str, verb: &str, of: Object, owner: &str, other: &str) -> Request {
    let uids = |name: &str| match name {
        "" => Vec::new(),
        name => vec![format!("uid-{name}")],
    };
    Request {
        at,
        took: 1,
        verb: verb.to_owned(),
        code: 200,
        actor: Actor {
            user: "system:x".to_owned(),
            component: who.to_owned(),
            ..Actor::default()
        },
        touched: vec![Touched {
            object: of,
            change: if verb == "create" {
                Change::Created
            } else {
                Change::Updated
            },
            revision: at as u64,
            owners: uids(owner),
            others: uids(other),
            ..Touched::default()
        }],
        ..Request::default()
    }
}

fn traced(request: Request) -> Request {
    Request {
        trace: "0af7651916cd43dd8448eb211c80319c".parse().ok(),
        ..request
    }
}

/// Each entry as one line, indented.
fn lines(story: &Story) -> Vec<String> {
    let line = |entry: &Entry| {
        let what = match &entry.what {
            What::Request(asked) => format!("{} {}", asked.written.verb, asked.written.object.name),
            What::Write(written) => format!("{} {}", written.verb, written.object.name),
            What::Phase { name, .. } => name.clone(),
            What::Told { who } => format!("told {}", who.join(" ")),
            What::Decision(decision) => format!("chose {}", decision.chosen.clone().unwrap_or_default()),
            What::Step { step, .. } => step.clone(),
        };
        format!("{}{} {what}", "  ".repeat(usize::from(entry.depth)), entry.actor)
    };
    story.entries.iter().map(line).collect()
}

fn deployment() -> Records {
    Records {
        asked: vec![traced(write(100, "", "create", object("deployments", "web"), "", ""))],
        following: vec![
            // another one's, at the same time
            write(
                101,
                "controller-replicaset",
                "create",
                object("pods", "foreign"),
                "elsewhere",
                "",
            ),
            write(
                110,
                "controller-deployment",
                "create",
                object("replicasets", "web-1"),
                "web",
                "",
            ),
            write(
                120,
                "controller-replicaset",
                "create",
                object("pods", "web-1-a"),
                "web-1",
                "",
            ),
            write(140, "scheduler", "create", object("pods", "web-1-a"), "web-1", ""),
            write(
                190,
                "controller-endpointslice",
                "update",
                object("endpointslices", "web-x"),
                "svc",
                "web-1-a",
            ),
            write(
                200,
                "controller-deployment",
                "update",
                object("deployments", "web"),
                "",
                "",
            ),
        ],
        deliveries: vec![
            Delivery {
                at: 103,
                revision: 100,
                who: "informer-deployments".to_owned(),
            },
            Delivery {
                at: 104,
                revision: 100,
                who: "gc".to_owned(),
            },
            Delivery {
                at: 105,
                revision: 7,
                who: "gc".to_owned(),
            },
        ],
        decisions: vec![
            Decision {
                at: 130,
                uid: "uid-web-1-a".to_owned(),
                chosen: Some("n1".to_owned()),
                ..Decision::default()
            },
            Decision {
                at: 131,
                uid: "uid-foreign".to_owned(),
                ..Decision::default()
            },
        ],
        steps: vec![(
            "n1".to_owned(),
            Step {
                at: 160,
                took: Some(10),
                uid: "uid-web-1-a".to_owned(),
                step: "Sandbox".to_owned(),
                ..Step::default()
            },
        )],
    }
}

#[test]
fn consequences_follow_owners_and_references_and_nothing_else() {
    let story = Story::of(&deployment(), Vec::new(), 0);
    assert_eq!(
        lines(&story),
        [
            "system:x create web",
            "  apiserver told informer-deployments gc",
            "  controller-deployment create web-1",
            "    controller-replicaset create web-1-a",
            "      scheduler chose n1",
            "      scheduler create web-1-a",
            "      kubelet n1 Sandbox",
            "  controller-endpointslice update web-x",
            "  controller-deployment update web",
        ]
    );
    assert_eq!(story.entries[0].at, 0);
    assert_eq!(story.entries[6].at, 50);
}

#[test]
fn the_pods_to_ask_kubelets_about_are_those_of_the_story() {
    let (uids, pods) = followed(&deployment());
    assert_eq!(
        uids.into_iter().collect::<Vec<_>>(),
        ["uid-web", "uid-web-1", "uid-web-1-a"]
    );
    assert_eq!(pods, [object("pods", "web-1-a")]);
}

#[test]
fn what_a_controller_was_refused_is_told_and_what_changed_nothing_is_not() {
    let mut records = deployment();
    let nameless = Object {
        uid: String::new(),
        ..object("pods", "web-1-b")
    };
    let mut refused = write(150, "controller-replicaset", "create", nameless, "web-1", "");
    (refused.code, refused.touched[0].change) = (403, Change::None);
    let mut same = write(
        151,
        "controller-deployment",
        "patch",
        object("deployments", "web"),
        "",
        "",
    );
    same.touched[0].change = Change::None;
    records.following = vec![records.following[1].clone(), refused, same];
    let story = Story::of(&records, Vec::new(), 0);
    assert_eq!(
        lines(&story)[2..],
        [
            "  controller-deployment create web-1",
            "    controller-replicaset create web-1-b"
        ]
    );
}

#[test]
fn a_story_survives_json() {
    let story = Story::of(&deployment(), Vec::new(), 3);
    let text = serde_json::to_string(&story).unwrap();
    assert_eq!(serde_json::from_str::<Story>(&text).unwrap(), story);
}

#[test]
fn of_a_story_the_branch_of_one_object_leaves_out_its_siblings() {
    let mut records = deployment();
    records.following.push(write(
        121,
        "controller-replicaset",
        "create",
        object("pods", "web-1-b"),
        "web-1",
        "",
    ));
    let story = Story::of(&records, Vec::new(), 0);
    let pod = story.about(&object("pods", "web-1-b")).unwrap();
    assert_eq!(
        lines(&pod),
        [
            "system:x create web",
            "  apiserver told informer-deployments gc",
            "  controller-deployment create web-1",
            "    controller-replicaset create web-1-b",
        ]
    );
    let whole = story.about(&object("deployments", "web")).unwrap();
    assert_eq!(whole.entries, story.entries);
    assert_eq!(story.about(&object("pods", "foreign")), None);
}
