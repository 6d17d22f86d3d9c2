//! The one document of OpenAPI v2, in JSON and protobuf.
//!
//! Written piece by piece: as one value it would take tens of megabytes of the node's memory.

use std::collections::BTreeSet;
use std::io::{self, Write};

use schema::Served;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::others::Others;
use crate::schemas::Schemas;
use crate::v3::resources;
use crate::{gnostic, paths};

fn head(server_version: &str) -> Value {
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": server_version},
        "securityDefinitions": {"BearerToken": {
            "type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer token",
        }},
        "security": [{"BearerToken": []}],
    })
}

fn all_paths(served: &Served) -> impl Iterator<Item = (String, Value)> {
    let of_version = |(group, version)| {
        let all = resources(served, group, version);
        all.flat_map(|resource| paths::of(Dialect::V2, resource))
    };
    served.group_versions().flat_map(of_version)
}

fn definitions(served: &Served) -> impl Iterator<Item = (String, Value)> {
    let mut schemas = Schemas::new(Dialect::V2, served);
    served.group_versions().flat_map(move |(group, version)| {
        schemas.add_group(group, version);
        schemas.take()
    })
}

/// Writes the document as JSON, with what other servers add.
pub fn write_json(served: &Served, others: &Others, server_version: &str, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    if let Value::Object(head) = head(server_version) {
        entries(out, head)?;
    }
    out.write_all(b",\"paths\":{")?;
    entries(out, all_paths(served).chain(others.paths.clone()))?;
    out.write_all(b"},\"definitions\":{")?;
    entries(out, all_definitions(served, others))?;
    out.write_all(b"}}")
}

fn entries(out: &mut impl Write, entries: impl IntoIterator<Item = (String, Value)>) -> io::Result<()> {
    for (index, (name, value)) in entries.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}{}:{value}", Value::from(name))?;
    }
    Ok(())
}

/// Writes the document in gnostic's protobuf. A field that comes again adds to the message before: so every path and
/// every definition is a piece of its own.
pub fn write_protobuf(served: &Served, others: &Others, server_version: &str, out: &mut impl Write) -> io::Result<()> {
    let mut piece = Vec::new();
    gnostic::encode(&head(server_version), &gnostic::HEAD, &mut piece);
    out.write_all(&piece)?;
    for (name, value) in all_paths(served).chain(others.paths.clone()) {
        out.write_all(&entry(8, 2, &name, &value, &gnostic::PATH))?;
    }
    for (name, value) in all_definitions(served, others) {
        out.write_all(&entry(9, 1, &name, &value, &gnostic::SCHEMA))?;
    }
    Ok(())
}

/// This server's definitions, then those of others that it does not have: they name types of one and the same source.
fn all_definitions(served: &Served, others: &Others) -> impl Iterator<Item = (String, Value)> {
    let own = definitions(served).map(|(name, value)| (true, name, value));
    let others = others.definitions.clone().into_iter();
    let mut seen = BTreeSet::new();
    own.chain(others.map(|(name, value)| (false, name, value)))
        .filter_map(move |(is_own, name, value)| {
            if is_own {
                seen.insert(name.clone());
            } else if seen.contains(&name) {
                return None;
            }
            Some((name, value))
        })
}

/// One entry of the map in the document's field `section`.
fn entry(section: u32, entries: u32, name: &str, value: &Value, message: &gnostic::Message) -> Vec<u8> {
    let mut out = Vec::new();
    gnostic::nested(&mut out, section, |out| {
        gnostic::nested(out, entries, |out| {
            gnostic::named(name, out, |out| gnostic::encode(value, message, out));
        });
    });
    out
}
