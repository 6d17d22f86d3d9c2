//! Reads the struct tags of a Go package: which JSON name belongs to which protobuf number, and what is left out when empty.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

/// One Go struct; fields by protobuf number.
#[derive(Clone, Default)]
pub(crate) struct Struct {
    /// Embeds TypeMeta.
    pub is_kind: bool,
    pub fields: BTreeMap<u32, Tag>,
}

/// What the tags of one field say.
#[derive(Clone)]
pub(crate) struct Tag {
    pub json: String,
    pub inline: bool,
    pub omit_empty: bool,
    pub omit_zero: bool,
    pub pointer: bool,
}

/// All structs of the package in `dir`, by name.
pub(crate) fn read(dir: &Path) -> Result<BTreeMap<String, Struct>> {
    let mut out = BTreeMap::new();
    for entry in fs_err::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.ends_with(".go") && !name.starts_with("zz_") && !name.contains(".pb.") {
            parse(&fs_err::read_to_string(&path)?, &mut out);
        }
    }
    Ok(out)
}

fn parse(text: &str, out: &mut BTreeMap<String, Struct>) {
    let mut current: Option<(String, Struct)> = None;
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix("type ")
            .and_then(|rest| rest.strip_suffix(" struct {"))
        {
            current = Some((name.to_owned(), Struct::default()));
            continue;
        }
        if let Some(name) = line
            .strip_prefix("type ")
            .and_then(|rest| rest.strip_suffix(" struct{}"))
        {
            out.insert(name.to_owned(), Struct::default());
            continue;
        }
        if line == "}" {
            out.extend(current.take());
            continue;
        }
        let Some((_, structure)) = &mut current else { continue };
        let line = line.trim();
        if line.starts_with("//") {
            continue;
        }
        if line.contains("TypeMeta ") && line.contains("inline\"`") {
            structure.is_kind = true;
        }
        let (Some(protobuf), declaration) = (tag(line, "protobuf"), line.split('`').next().unwrap_or_default()) else {
            continue;
        };
        let Some(number) = protobuf.split(',').nth(1).and_then(|number| number.parse().ok()) else {
            continue;
        };
        let words: Vec<&str> = declaration.split_whitespace().collect();
        let json = tag(line, "json").unwrap_or_default();
        let (name, options) = json.split_once(',').unwrap_or((&json, ""));
        let has = |option: &str| options.split(',').any(|word| word == option);
        let pointer = words.get(1).is_some_and(|ty| ty.starts_with('*'));
        let tag = Tag {
            inline: has("inline"),
            omit_empty: has("omitempty"),
            omit_zero: has("omitzero"),
            pointer,
            json: name.to_owned(),
        };
        structure.fields.insert(number, tag);
    }
}

fn tag(line: &str, key: &str) -> Option<String> {
    let rest = &line[line.find(&format!("{key}:\""))? + key.len() + 2..];
    Some(rest[..rest.find('"')?].to_owned())
}
