//! `meta.k8s.io/v1` Tables with upstream's printer columns.
//!
//! Semantics: `k8s.io/kubernetes/pkg/printers/internalversion`; the server always answers with the wide columns too.

mod access;
mod cluster;
mod column;
mod event;
mod network;
mod object;
mod pod;
mod policy;
mod server;
mod storage;
mod workload;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use column::{Column, ColumnType};
use object::Cells;

/// How objects of a kind become rows.
#[derive(Debug)]
pub struct Printer {
    group: &'static str,
    kind: &'static str,
    /// The columns.
    pub columns: &'static [Column],
    cells: fn(&Cells<'_>) -> Vec<Value>,
}

/// What a row carries of its object, as `?includeObject=` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All.
    Object,
}

impl IncludeObject {
    /// From the query; empty is metadata.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "None" => Some(Self::None),
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

/// The printer of a kind; kinds without one show name and time of creation.
pub fn printer(group: &str, kind: &str) -> &'static Printer {
    let all = [
        pod::PRINTERS,
        workload::PRINTERS,
        network::PRINTERS,
        storage::PRINTERS,
        cluster::PRINTERS,
        event::PRINTERS,
        access::PRINTERS,
        server::PRINTERS,
        policy::PRINTERS,
    ];
    let mut all = all.into_iter().flatten();
    all.find(|printer| printer.kind == kind && printer.group == group)
        .unwrap_or(&cluster::FALLBACK)
}

/// Name and age, as custom resources without columns of their own have.
pub fn name_and_age() -> &'static Printer {
    &cluster::NAME_AND_AGE
}

impl Printer {
    /// The row of an object.
    pub fn row(&self, object: &Value, include: IncludeObject, now: Timestamp) -> Value {
        row((self.cells)(&Cells { object, now }), object, include)
    }

    /// `columnDefinitions`.
    pub fn definitions(&self) -> Value {
        self.columns.iter().map(|column| column.definition()).collect()
    }

    /// A whole table; `metadata` is that of the list.
    pub fn table<'a>(
        &self,
        metadata: Value,
        objects: impl IntoIterator<Item = &'a Value>,
        include: IncludeObject,
        now: Timestamp,
    ) -> Value {
        let rows = objects
            .into_iter()
            .map(|object| self.row(object, include, now))
            .collect();
        table(metadata, self.definitions(), rows)
    }
}

/// A table from its parts.
pub fn table(metadata: Value, definitions: Value, rows: Vec<Value>) -> Value {
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions, "rows": rows})
}

/// A row from its cells.
pub fn row(cells: Vec<Value>, object: &Value, include: IncludeObject) -> Value {
    let mut row = json!({"cells": cells});
    let carried = match include {
        IncludeObject::None => None,
        IncludeObject::Metadata => Some(partial(object)),
        IncludeObject::Object => Some(object.clone()),
    };
    if let (Some(carried), Some(row)) = (carried, row.as_object_mut()) {
        row.insert("object".to_owned(), carried);
    }
    if let (Some(conditions), Some(row)) = (pod::row_conditions(object), row.as_object_mut()) {
        row.insert("conditions".to_owned(), conditions);
    }
    row
}

/// `PartialObjectMetadata` of an object.
pub fn partial(object: &Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
