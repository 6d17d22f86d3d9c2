//! `rkube image ls`: the images in the nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use cluster::Engine;
use serde_json::{Value, json};

use super::Outcome;
use crate::cli::{ImageLs, ListFormat};
use crate::context::Context;
use crate::failure::Failure;
use crate::ui::table;

/// Lists that nodes may have different ones of.
const NAMES: [&str; 2] = ["repoTags", "repoDigests"];

pub(super) async fn run(context: &Context, args: ImageLs) -> Outcome {
    let profile = context.existing()?;
    let engine = Engine::connect(&context.engine).await?;
    let mut nodes = Vec::new();
    for node in &profile.nodes {
        context.running(&engine, &profile, node).await?;
        nodes.push(cluster::list_images(&engine, &node.name).await?);
    }
    let images = union(nodes);
    let text = match args.format {
        ListFormat::Short => short(&images),
        ListFormat::Table => table(&rows(&images)),
        ListFormat::Json => json!(images).to_string(),
        ListFormat::Yaml => yaml::to_string(&images)
            .map_err(|error| Failure::internal(&error))?
            .trim_end()
            .to_owned(),
    };
    context.ui.result(|| text, || json!(images));
    Ok(ExitCode::SUCCESS)
}

/// An image that several nodes have is one image, with the names that it has in any of them.
fn union(nodes: Vec<Vec<Value>>) -> Vec<Value> {
    let mut images: BTreeMap<String, Value> = BTreeMap::new();
    for image in nodes.into_iter().flatten() {
        let known = images.entry(id(&image).to_owned()).or_insert_with(|| image.clone());
        for list in NAMES {
            let all: BTreeSet<&str> = names(known, list).chain(names(&image, list)).collect();
            known[list] = json!(all);
        }
    }
    images.into_values().collect()
}

fn id(image: &Value) -> &str {
    image["id"].as_str().unwrap_or_default()
}

fn names<'a>(image: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    image[list].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A reference per line; the id of an image without one.
fn short(images: &[Value]) -> String {
    let mut lines = BTreeSet::new();
    for image in images {
        lines.extend(names(image, "repoTags"));
        if names(image, "repoTags").next().is_none() {
            lines.insert(id(image));
        }
    }
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

fn rows(images: &[Value]) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    for image in images {
        // a port of a registry is no tag
        let split = |reference: &str| match reference.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
            _ => (reference.to_owned(), "<none>".to_owned()),
        };
        let mut tags: Vec<(String, String)> = names(image, "repoTags").map(split).collect();
        if tags.is_empty() {
            tags.push(("<none>".to_owned(), "<none>".to_owned()));
        }
        // as many digits as engines show
        let short: String = id(image).trim_start_matches("sha256:").chars().take(12).collect();
        // a number as text, as the runtime's own list has it
        let size = image["size"].as_u64();
        let size = size
            .or_else(|| image["size"].as_str()?.parse().ok())
            .unwrap_or_default();
        let size = indicatif::DecimalBytes(size).to_string();
        rows.extend(
            tags.into_iter()
                .map(|(name, tag)| [name, tag, short.clone(), size.clone()]),
        );
    }
    rows.sort();
    rows.insert(0, ["IMAGE", "TAG", "IMAGE ID", "SIZE"].map(str::to_owned));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, tags: &[&str]) -> Value {
        json!({ "id": id, "repoTags": tags, "repoDigests": [], "size": "1500000" })
    }

    #[test]
    fn a_tag_that_one_node_has_is_listed_whichever_node_comes_last() {
        let (one, other) = (image("sha256:a", &["x:1", "x:2"]), image("sha256:a", &["x:1"]));
        for nodes in [
            vec![vec![one.clone()], vec![other.clone()]],
            vec![vec![other], vec![one]],
        ] {
            let images = union(nodes);
            assert_eq!(images, [image("sha256:a", &["x:1", "x:2"])]);
        }
    }

    #[test]
    fn a_reference_is_a_line_and_an_image_without_one_its_id() {
        let images = [
            image("sha256:b", &[]),
            image("sha256:a", &["x:1"]),
            image("sha256:c", &["x:1"]),
        ];
        assert_eq!(short(&images), "sha256:b\nx:1");
    }

    #[test]
    fn a_registrys_port_is_no_tag() {
        let images = [
            image("sha256:0123456789abcdef", &["localhost:5000/x", "localhost:5000/x:2"]),
            image("sha256:b", &[]),
        ];
        let rows = rows(&images);
        let expected = ["localhost:5000/x", "<none>", "0123456789ab", "1.50 MB"].map(str::to_owned);
        assert_eq!(rows[3], expected);
        assert_eq!(rows[2][..2], ["localhost:5000/x", "2"].map(str::to_owned));
        assert_eq!(rows[1][..3], ["<none>", "<none>", "b"].map(str::to_owned));
    }
}
