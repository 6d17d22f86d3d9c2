//! Generates the schema table of `src/schema` from a Kubernetes source tree. Takes facts only: names, numbers, types and
//! markers; no descriptions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

mod discovery;
mod emit;
mod go;
mod openapi;
mod packages;
mod proto;

/// One message of the table, all sources joined.
pub(crate) struct Message {
    /// Name as in OpenAPI, `io.k8s.api.core.v1.Pod`.
    pub name: String,
    /// Index into [`packages::PACKAGES`].
    pub package: usize,
    pub atomic: bool,
    pub is_kind: bool,
    pub fields: Vec<Field>,
}

/// One JSON field of a message, inlined messages already flattened.
#[derive(Clone)]
pub(crate) struct Field {
    pub name: String,
    pub within: Vec<u32>,
    pub number: u32,
    pub ty: Ty,
    pub pointer: bool,
    pub omit_empty: bool,
    pub omit_zero: bool,
    pub required: bool,
    pub default: Option<String>,
    pub facts: openapi::Facts,
}

/// Type of a field as the wire has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Plain(&'static str),
    Message(String),
    List(Box<Ty>),
    Map(Box<Ty>),
}

/// Reads the sources below `source` and rewrites `src/schema/src/generated` of `workspace`.
pub(crate) fn generate(source: &Path, workspace: &Path) -> Result<()> {
    let openapi = openapi::OpenApi::read(source)?;
    let mut protos = BTreeMap::new();
    for (index, package) in packages::PACKAGES.iter().enumerate() {
        let dir = source.join("staging/src/k8s.io").join(package.dir);
        let go = go::read(&dir)?;
        for message in proto::read(&dir.join("generated.proto"))? {
            protos.insert(message.name.clone(), (index, message, go.clone()));
        }
    }
    let mut messages = Vec::new();
    for (name, (package, message, go)) in &protos {
        let short = name.rsplit('.').next().unwrap_or(name);
        if special(name).is_some() || packages::PACKAGES[*package].group.is_none() {
            continue;
        }
        let Some(structure) = go.get(short) else { continue };
        let fields = flatten(name, &protos, &openapi, &[]).with_context(|| format!("message {}", message.name))?;
        messages.push(Message {
            name: name.clone(),
            package: *package,
            atomic: openapi.atomic(name),
            is_kind: structure.is_kind,
            fields,
        });
    }
    let resources = discovery::read(source)?;
    emit::write(&workspace.join("src/schema/src/generated"), &messages, &resources)
}

type Protos = BTreeMap<String, (usize, proto::Message, BTreeMap<String, go::Struct>)>;

fn flatten(name: &str, protos: &Protos, openapi: &openapi::OpenApi, within: &[u32]) -> Result<Vec<Field>> {
    let (_, message, go) = protos.get(name).with_context(|| format!("unknown message {name}"))?;
    let short = name.rsplit('.').next().unwrap_or(name);
    let structure = go.get(short).with_context(|| format!("no Go struct for {name}"))?;
    let mut out = Vec::new();
    for field in &message.fields {
        let tag = structure
            .fields
            .get(&field.number)
            .with_context(|| format!("no Go field for {name} number {}", field.number))?;
        if tag.inline {
            let Ty::Message(inner) = &field.ty else {
                anyhow::bail!("inlined field of {name} is no message")
            };
            let path: Vec<u32> = within.iter().copied().chain([field.number]).collect();
            out.extend(flatten(inner, protos, openapi, &path)?);
            continue;
        }
        if tag.json == "-" {
            continue;
        }
        out.push(Field {
            name: tag.json.clone(),
            within: within.to_vec(),
            number: field.number,
            ty: resolve(&field.ty),
            pointer: tag.pointer,
            omit_empty: tag.omit_empty,
            omit_zero: tag.omit_zero,
            required: false,
            default: field.default.clone(),
            facts: openapi::Facts::default(),
        });
    }
    if within.is_empty() {
        out.sort_by(|a, b| a.name.cmp(&b.name));
        for field in &mut out {
            openapi.complete(name, field);
        }
    }
    Ok(out)
}

/// Messages whose JSON form is not an object of their fields.
fn special(name: &str) -> Option<&'static str> {
    const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    const CRD: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";
    Some(match name {
        "io.k8s.apimachinery.pkg.api.resource.Quantity" => "Quantity",
        "io.k8s.apimachinery.pkg.runtime.RawExtension" => "RawExtension",
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString" => "IntOrString",
        _ if name.ends_with(".ExtraValue") => "Strings",
        _ => match (name.strip_prefix(META), name.strip_prefix(CRD)) {
            (Some("Time"), _) => "Time",
            (Some("MicroTime"), _) => "MicroTime",
            (Some("Duration"), _) => "Duration",
            (Some("FieldsV1"), _) => "FieldsV1",
            (Some("Verbs"), _) => "Strings",
            (_, Some("JSON")) => "Json",
            (_, Some("JSONSchemaPropsOrArray")) => "SchemaOrArray",
            (_, Some("JSONSchemaPropsOrBool")) => "SchemaOrBool",
            (_, Some("JSONSchemaPropsOrStringArray")) => "SchemaOrStrings",
            _ => return None,
        },
    })
}

fn resolve(ty: &Ty) -> Ty {
    match ty {
        Ty::Message(name) => special(name).map_or_else(|| ty.clone(), Ty::Plain),
        Ty::List(inner) => Ty::List(Box::new(resolve(inner))),
        Ty::Map(inner) => Ty::Map(Box::new(resolve(inner))),
        Ty::Plain(_) => ty.clone(),
    }
}
