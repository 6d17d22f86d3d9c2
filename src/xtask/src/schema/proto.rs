//! Reads `generated.proto`: messages, field numbers, wire types, and the `+default` marker.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::Ty;

/// One proto message.
pub(crate) struct Message {
    pub name: String,
    pub fields: Vec<Field>,
}

/// One proto field.
pub(crate) struct Field {
    pub number: u32,
    pub ty: Ty,
    /// What stands after `+default=`.
    pub default: Option<String>,
}

/// Parses one file.
pub(crate) fn read(path: &Path) -> Result<Vec<Message>> {
    let text = fs_err::read_to_string(path)?;
    let mut package = String::new();
    let mut messages = Vec::new();
    let mut current: Option<Message> = None;
    let mut default = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("package ") {
            name.trim_end_matches(';').clone_into(&mut package);
        } else if let Some(name) = line.strip_prefix("message ") {
            let name = name.trim_end_matches(" {");
            current = Some(Message {
                name: full_name(&package, name),
                fields: Vec::new(),
            });
        } else if line == "}" {
            messages.extend(current.take());
        } else if let Some(marker) = line.strip_prefix("// +default=") {
            default = Some(marker.to_owned());
        } else if line.is_empty() || line.starts_with("//") {
        } else if let Some(message) = &mut current {
            let mut field = field(line, &package).with_context(|| format!("{}: {line}", path.display()))?;
            field.default = default.take();
            message.fields.push(field);
        }
    }
    Ok(messages)
}

fn field(line: &str, package: &str) -> Result<Field> {
    let (declaration, number) = line
        .trim_end_matches(';')
        .split_once(" = ")
        .context("no field number")?;
    let number = number.parse()?;
    let (ty, _name) = declaration.rsplit_once(' ').context("no field name")?;
    let ty = if let Some(map) = ty.strip_prefix("map<string, ") {
        Ty::Map(Box::new(scalar(map.trim_end_matches('>'), package)))
    } else if let Some(item) = ty.strip_prefix("repeated ") {
        Ty::List(Box::new(scalar(item, package)))
    } else if let Some(item) = ty.strip_prefix("optional ").or_else(|| ty.strip_prefix("required ")) {
        scalar(item, package)
    } else {
        bail!("unknown form");
    };
    Ok(Field {
        number,
        ty,
        default: None,
    })
}

fn scalar(name: &str, package: &str) -> Ty {
    match name {
        "string" => Ty::Plain("String"),
        "bytes" => Ty::Plain("Bytes"),
        "bool" => Ty::Plain("Bool"),
        "int32" => Ty::Plain("Int32"),
        "int64" => Ty::Plain("Int64"),
        "double" => Ty::Plain("Double"),
        _ => match name.strip_prefix('.') {
            Some(absolute) => {
                let (package, name) = absolute.rsplit_once('.').unwrap_or(("", absolute));
                Ty::Message(full_name(package, name))
            }
            None => Ty::Message(full_name(package, name)),
        },
    }
}

/// `k8s.io.kube_aggregator.pkg` in proto is `io.k8s.kube-aggregator.pkg` in OpenAPI.
fn full_name(package: &str, name: &str) -> String {
    let package = package.strip_prefix("k8s.io.").unwrap_or(package).replace('_', "-");
    format!("io.k8s.{package}.{name}")
}
