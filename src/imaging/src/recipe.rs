//! Recipes: what goes into an image, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{ImagingError, RunConfig};

/// Raised when the composer makes another layer of the same recipe.
const COMPOSER: &str = "composer/1\n";

/// What goes into an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// Short name, also of the image unless `tag` says otherwise.
    pub name: String,
    /// Default image reference.
    pub tag: String,
    /// Package archives.
    pub archives: Vec<ArchiveSpec>,
    /// Packages wanted, with their dependencies.
    pub packages: Vec<String>,
    /// Dependencies deliberately left out.
    #[serde(default)]
    pub omit_packages: Vec<String>,
    /// Paths left out; `*` matches across slashes.
    #[serde(default)]
    pub omit_paths: Vec<String>,
    /// Exceptions to `omit_paths`.
    #[serde(default)]
    pub keep_paths: Vec<String>,
    /// Users besides root and nobody.
    #[serde(default)]
    pub users: Vec<User>,
    /// Links: path to target.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Folders to make.
    #[serde(default)]
    pub directories: Vec<Directory>,
    /// Files to write.
    #[serde(default)]
    pub files: Vec<TextFile>,
    /// Joins the CA certificates into one bundle.
    #[serde(default)]
    pub ca_bundle: bool,
    /// How the image runs.
    #[serde(default)]
    pub image: RunConfig,
}

/// A package archive of one suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ArchiveSpec {
    /// E.g. `trixie` or `trixie-security`.
    pub suite: String,
    /// E.g. `main`.
    pub components: Vec<String>,
    /// The image can do without this archive when no source has it.
    #[serde(default)]
    pub optional: bool,
    /// Mirrors asked after the host's own.
    pub mirrors: Vec<String>,
}

impl ArchiveSpec {
    /// Security updates live in an archive of their own.
    pub(crate) fn is_security(&self) -> bool {
        self.suite.ends_with("-security")
    }
}

/// A user and the group of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User and group number.
    pub id: u64,
    /// Home folder.
    pub home: String,
}

/// A folder to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Directory {
    /// Absolute path.
    pub path: String,
    /// Permission bits as octal text.
    #[serde(default = "directory_mode")]
    pub mode: String,
    /// Owning user and group number.
    #[serde(default)]
    pub owner: u64,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TextFile {
    /// Absolute path.
    pub path: String,
    /// Permission bits as octal text.
    #[serde(default = "file_mode")]
    pub mode: String,
    /// Content.
    pub text: String,
}

fn directory_mode() -> String {
    "0755".to_owned()
}

fn file_mode() -> String {
    "0644".to_owned()
}

impl Recipe {
    /// Reads a recipe; `what` names it in errors.
    pub fn parse(what: &str, text: &str) -> Result<Self, ImagingError> {
        let wrong = |reason: String| ImagingError::Recipe {
            name: what.to_owned(),
            reason,
        };
        let recipe: Self = yaml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let refuse = |reason: String| Err(wrong(reason));
        if recipe.archives.is_empty() || recipe.packages.is_empty() {
            return refuse("needs at least one archive and one package".to_owned());
        }
        for mode in recipe
            .directories
            .iter()
            .map(|d| &d.mode)
            .chain(recipe.files.iter().map(|f| &f.mode))
        {
            if octal(mode).is_none() {
                return refuse(format!("{mode:?} is no octal mode"));
            }
        }
        let paths = recipe
            .directories
            .iter()
            .map(|d| &d.path)
            .chain(recipe.files.iter().map(|f| &f.path));
        for path in paths.chain(recipe.links.keys()) {
            if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
                return refuse(format!("{path:?} is no absolute path"));
            }
        }
        Ok(recipe)
    }

    /// Identifies the recipe's content: the name of its cached layer.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(COMPOSER);
        hash.update(serde_json::to_vec(self).unwrap_or_default());
        hex::encode(hash.finalize())
    }
}

/// Permission bits of octal text.
pub(crate) fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name: x\ntag: x:1\narchives: [{suite: s, components: [main], mirrors: []}]\npackages: [p]\n";

    #[test]
    fn digest_changes_with_content_only() {
        let one = Recipe::parse("a", SMALL).unwrap();
        let two = Recipe::parse("b", &format!("# comment\n{SMALL}")).unwrap();
        let three = Recipe::parse("c", &SMALL.replace("[p]", "[p, q]")).unwrap();
        assert_eq!(one.digest(), two.digest());
        assert_ne!(one.digest(), three.digest());
    }

    #[test]
    fn bad_recipes_name_the_file_and_the_place() {
        let unknown = Recipe::parse("my.yaml", &format!("{SMALL}pakages: [x]\n"))
            .unwrap_err()
            .to_string();
        assert!(unknown.contains("my.yaml") && unknown.contains("pakages"), "{unknown}");
        let broken = Recipe::parse("my.yaml", "name: [").unwrap_err().to_string();
        assert!(broken.contains("line"), "{broken}");
        let mode = Recipe::parse("my.yaml", &format!("{SMALL}directories: [{{path: /a, mode: \"9\"}}]\n")).unwrap_err();
        assert!(mode.to_string().contains("octal"), "{mode}");
        let escape = Recipe::parse("my.yaml", &format!("{SMALL}links: {{\"/a/../b\": c}}\n")).unwrap_err();
        assert!(escape.to_string().contains("absolute"), "{escape}");
    }

    #[test]
    fn built_in_recipes_parse() {
        for name in crate::embedded_recipe_names() {
            assert!(crate::embedded_recipe(name).unwrap().is_ok(), "{name}");
        }
    }
}
