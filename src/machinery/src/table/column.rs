//! Column definitions.

use serde_json::{Value, json};

/// Type of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text.
    String,
    /// Number.
    Integer,
    /// True or false.
    Boolean,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// Type of its cells.
    pub ty: ColumnType,
    /// `name` for the column with the object's name.
    pub format: &'static str,
    /// 0 is always shown, 1 with `-o wide`.
    pub priority: i32,
}

impl Column {
    pub(super) fn definition(self) -> Value {
        let ty = match self.ty {
            ColumnType::String => "string",
            ColumnType::Integer => "integer",
            ColumnType::Boolean => "boolean",
        };
        json!({"name": self.name, "type": ty, "format": self.format, "description": "", "priority": self.priority})
    }
}

pub(super) const NAME: Column = Column {
    name: "Name",
    ty: ColumnType::String,
    format: "name",
    priority: 0,
};
pub(super) const AGE: Column = text("Age");

pub(super) const fn text(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::String,
        format: "",
        priority: 0,
    }
}

pub(super) const fn wide(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::String,
        format: "",
        priority: 1,
    }
}

pub(super) const fn integer(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::Integer,
        format: "",
        priority: 0,
    }
}

pub(super) const fn boolean(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::Boolean,
        format: "",
        priority: 0,
    }
}
