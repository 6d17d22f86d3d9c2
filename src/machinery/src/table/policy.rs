//! Admission policies and their bindings, and dynamic resources.

use serde_json::Value;

use super::Printer;
use super::column::{AGE, Column, NAME, integer, text};
use super::object::Cells;

static BINDING: &[Column] = &[NAME, text("PolicyName"), text("ParamRef"), AGE];

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "ValidatingAdmissionPolicy",
        columns: &[NAME, integer("Validations"), text("ParamKind"), AGE],
        cells: |c| policy(c, "/spec/validations"),
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "ValidatingAdmissionPolicyBinding",
        columns: BINDING,
        cells: binding,
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "MutatingAdmissionPolicy",
        columns: &[NAME, integer("Mutations"), text("ParamKind"), AGE],
        cells: |c| policy(c, "/spec/mutations"),
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "MutatingAdmissionPolicyBinding",
        columns: BINDING,
        cells: binding,
    },
    Printer {
        group: "resource.k8s.io",
        kind: "DeviceClass",
        columns: &[NAME, AGE],
        cells: |c| vec![c.name(), c.age()],
    },
    Printer {
        group: "resource.k8s.io",
        kind: "ResourceClaim",
        columns: &[NAME, text("State"), AGE],
        cells: |c| vec![c.name(), claim_state(c).into(), c.age()],
    },
    Printer {
        group: "resource.k8s.io",
        kind: "ResourceClaimTemplate",
        columns: &[NAME, AGE],
        cells: |c| vec![c.name(), c.age()],
    },
    Printer {
        group: "resource.k8s.io",
        kind: "ResourceSlice",
        columns: &[NAME, text("Node"), text("Driver"), text("Pool"), AGE],
        cells: |c| {
            vec![
                c.name(),
                c.text("/spec/nodeName"),
                c.text("/spec/driver"),
                c.text("/spec/pool/name"),
                c.age(),
            ]
        },
    },
];

fn policy(c: &Cells<'_>, rules: &str) -> Vec<Value> {
    let param = match c.str("/spec/paramKind/kind") {
        "" => "<unset>".to_owned(),
        kind => format!("{}/{kind}", c.str("/spec/paramKind/apiVersion")),
    };
    vec![c.name(), c.list(rules).len().into(), param.into(), c.age()]
}

fn binding(c: &Cells<'_>) -> Vec<Value> {
    let param = match (c.str("/spec/paramRef/namespace"), c.str("/spec/paramRef/name")) {
        (_, "") => "<unset>".to_owned(),
        // it cannot be told from here whether the parameter is in a namespace at all
        ("", name) => format!("*/{name}"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    vec![c.name(), c.text("/spec/policyName"), param.into(), c.age()]
}

fn claim_state(c: &Cells<'_>) -> String {
    let mut states = Vec::new();
    let deleted = c.is_deleting();
    if deleted {
        states.push("deleted");
    }
    if c.at("/status/allocation").is_some() {
        states.push("allocated");
        if !c.list("/status/reservedFor").is_empty() {
            states.push("reserved");
        }
    } else if !deleted {
        states.push("pending");
    }
    states.join(",")
}
