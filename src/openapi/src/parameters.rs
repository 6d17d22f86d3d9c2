//! Parameters in paths and queries.

use std::borrow::Cow;

use crate::dialect::Dialect;
use serde_json::Value;

/// A parameter of a path or a query.
#[derive(Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    pub(crate) place: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) description: Cow<'a, str>,
}

/// Name, type and meaning of a query parameter.
type Row = (&'static str, &'static str, &'static str);

const DRY_RUN: Row = ("dryRun", "string", "All: do everything but persist the change.");
const MANAGER: Row = (
    "fieldManager",
    "string",
    "Who is to own the fields that the request sets.",
);
const VALIDATION: Row = (
    "fieldValidation",
    "string",
    "Ignore, Warn or Strict: what happens to unknown and duplicate fields.",
);
const FORCE: Row = (
    "force",
    "boolean",
    "Take fields over from other managers; for apply patches only.",
);
const GRACE: Row = (
    "gracePeriodSeconds",
    "integer",
    "Seconds until the object is removed; 0 means at once.",
);
const ORPHAN: Row = (
    "orphanDependents",
    "boolean",
    "Deprecated in favour of propagationPolicy.",
);
const PROPAGATION: Row = (
    "propagationPolicy",
    "string",
    "Orphan, Background or Foreground: what happens to dependents.",
);
const UNREADABLE: Row = (
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
    "Delete an object that cannot be read, without finalizers or preconditions.",
);
const SELECTION: [Row; 8] = [
    (
        "continue",
        "string",
        "Where the chunk before this one ended, as the server gave it.",
    ),
    ("fieldSelector", "string", "Only objects with these fields."),
    ("labelSelector", "string", "Only objects with these labels."),
    (
        "limit",
        "integer",
        "Most objects in one answer; metadata.continue leads on.",
    ),
    ("resourceVersion", "string", "How new the data has to be."),
    (
        "resourceVersionMatch",
        "string",
        "Exact or NotOlderThan: how resourceVersion is meant.",
    ),
    (
        "sendInitialEvents",
        "boolean",
        "Begin a watch with what there is, closed by a bookmark.",
    ),
    (
        "timeoutSeconds",
        "integer",
        "End the call after this time, whatever happens.",
    ),
];
const WATCH: [Row; 2] = [
    ("allowWatchBookmarks", "boolean", "Send bookmarks in between."),
    ("watch", "boolean", "Stream changes instead of listing."),
];

const STREAMS: [Row; 5] = [
    ("container", "string", "Container of the pod; by default the only one."),
    ("stderr", "boolean", "Connect standard error."),
    ("stdin", "boolean", "Connect standard input."),
    ("stdout", "boolean", "Connect standard output."),
    ("tty", "boolean", "Allocate a terminal."),
];
const COMMAND: [Row; 1] = [("command", "string", "Program and arguments, not run by a shell.")];
const LOG: [Row; 9] = [
    ("container", "string", "Container of the pod; by default the only one."),
    ("follow", "boolean", "Go on with new lines."),
    (
        "insecureSkipTLSVerifyBackend",
        "boolean",
        "Do not verify the kubelet's certificate.",
    ),
    ("limitBytes", "integer", "End after so many bytes."),
    ("previous", "boolean", "The container's run before this one."),
    ("sinceSeconds", "integer", "Only lines of the last seconds."),
    ("stream", "string", "All, Stdout or Stderr."),
    ("tailLines", "integer", "Only so many lines from the end."),
    ("timestamps", "boolean", "Begin every line with its time."),
];
const PORTS: [Row; 1] = [("ports", "integer", "Ports to forward.")];
const PATH: [Row; 1] = [("path", "string", "Path of the proxied request.")];

/// Query parameters of a verb.
pub(crate) fn of_verb(verb: &str) -> Vec<Row> {
    match verb {
        "create" | "update" => vec![DRY_RUN, MANAGER, VALIDATION],
        "patch" => vec![DRY_RUN, MANAGER, VALIDATION, FORCE],
        "delete" => vec![DRY_RUN, GRACE, UNREADABLE, ORPHAN, PROPAGATION],
        "deletecollection" => [&[DRY_RUN, GRACE, UNREADABLE, ORPHAN, PROPAGATION][..], &SELECTION].concat(),
        "list" => [&SELECTION[..], &WATCH].concat(),
        _ => Vec::new(),
    }
}

/// Query parameters of the subresources that are connections or streams.
pub(crate) fn of_subresource(name: &str) -> Vec<Row> {
    match name {
        "attach" => STREAMS.to_vec(),
        "exec" => [&COMMAND[..], &STREAMS].concat(),
        "log" => LOG.to_vec(),
        "portforward" => PORTS.to_vec(),
        "proxy" => PATH.to_vec(),
        _ => Vec::new(),
    }
}

pub(crate) fn queries(dialect: Dialect, rows: &[Row]) -> Vec<Value> {
    let parameter = |&(name, kind, description): &Row| {
        dialect.parameter(&Parameter {
            name,
            place: "query",
            kind,
            description: Cow::Borrowed(description),
        })
    };
    rows.iter().map(parameter).collect()
}

/// What every operation of a path takes: the names in it, and `pretty`.
pub(crate) fn of_path(dialect: Dialect, path: &str, kind: &str) -> Vec<Value> {
    let mut out = Vec::new();
    for (name, description) in [
        ("name", Cow::Owned(format!("name of the {kind}"))),
        ("namespace", Cow::Borrowed("namespace of the object")),
        ("path", Cow::Borrowed("path of the proxied request")),
    ] {
        if path.contains(&format!("{{{name}}}")) {
            out.push(dialect.parameter(&Parameter {
                name,
                place: "path",
                kind: "string",
                description,
            }));
        }
    }
    out
}

/// `pretty`, which all but connections take.
pub(crate) fn pretty(dialect: Dialect) -> Value {
    dialect.parameter(&Parameter {
        name: "pretty",
        place: "query",
        kind: "string",
        description: Cow::Borrowed("Indent the answer for human eyes."),
    })
}
