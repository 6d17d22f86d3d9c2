//! Who may do what, and certificates that say who somebody is.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, Column, NAME, text, wide};
use super::object::Cells;
use crate::duration;

static BINDING: &[Column] = &[
    NAME,
    text("Role"),
    AGE,
    wide("Users"),
    wide("Groups"),
    wide("ServiceAccounts"),
];

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "rbac.authorization.k8s.io",
        kind: "RoleBinding",
        columns: BINDING,
        cells: binding,
    },
    Printer {
        group: "rbac.authorization.k8s.io",
        kind: "ClusterRoleBinding",
        columns: BINDING,
        cells: binding,
    },
    Printer {
        group: "certificates.k8s.io",
        kind: "CertificateSigningRequest",
        columns: &[
            NAME,
            AGE,
            text("SignerName"),
            text("Requestor"),
            text("RequestedDuration"),
            text("Condition"),
        ],
        cells: signing_request,
    },
];

fn binding(c: &Cells<'_>) -> Vec<Value> {
    let subjects = |kind: &str| -> Value {
        let of_kind = c.list("/subjects").iter().filter(|subject| subject["kind"] == kind);
        let name = |subject: &Value| {
            let name = subject["name"].as_str().unwrap_or_default();
            match subject["namespace"].as_str() {
                Some(namespace) if kind == "ServiceAccount" => format!("{namespace}/{name}"),
                _ => name.to_owned(),
            }
        };
        of_kind.map(name).collect::<Vec<_>>().join(", ").into()
    };
    let role = format!("{}/{}", c.str("/roleRef/kind"), c.str("/roleRef/name"));
    vec![
        c.name(),
        role.into(),
        c.age(),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn signing_request(c: &Cells<'_>) -> Vec<Value> {
    let has = |ty: &str| c.condition(ty).is_some();
    let mut status = match () {
        () if has("Denied") => "Denied",
        () if has("Approved") => "Approved",
        () => "Pending",
    }
    .to_owned();
    if has("Failed") {
        status.push_str(",Failed");
    }
    if !c.str("/status/certificate").is_empty() {
        status.push_str(",Issued");
    }
    let requested = c.at("/spec/expirationSeconds").and_then(Value::as_i64);
    let requested = requested.map_or_else(|| "<none>".to_owned(), duration::human);
    vec![
        c.name(),
        c.age(),
        c.text_or("/spec/signerName", "<none>"),
        c.text("/spec/username"),
        requested.into(),
        status.into(),
    ]
}
