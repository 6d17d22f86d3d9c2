//! Package indexes: what an archive offers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use super::version;
use crate::ImagingError;

/// One package of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `Pre-Depends` and `Depends`, unparsed: few of the packages are ever asked.
    pub(crate) depends: String,
    pub(crate) provides: String,
    /// Path below the archive's base.
    pub(crate) filename: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// Position of the archive it is from.
    pub(crate) archive: usize,
}

/// All packages of all archives, newest version of each.
#[derive(Debug, Default)]
pub(crate) struct Index {
    packages: HashMap<String, Package>,
    /// Virtual name to the names of its providers, sorted.
    providers: HashMap<String, Vec<String>>,
}

impl Index {
    /// Adds the packages of an uncompressed `Packages` file.
    pub(crate) fn add(&mut self, archive: usize, what: &str, file: impl Read) -> Result<(), ImagingError> {
        let malformed = |reason: String| ImagingError::Malformed {
            what: what.to_owned(),
            reason,
        };
        let mut now = Package::default();
        let mut lines = BufReader::with_capacity(1 << 16, file);
        let mut line = String::new();
        loop {
            line.clear();
            let read = lines
                .read_line(&mut line)
                .map_err(|error| malformed(error.to_string()))?;
            let text = line.trim_end();
            if text.is_empty() {
                if !now.name.is_empty() {
                    now.archive = archive;
                    self.insert(std::mem::take(&mut now));
                }
                if read == 0 {
                    return Ok(());
                }
            } else if let Some((field, value)) = text.split_once(": ") {
                match field {
                    "Package" => value.clone_into(&mut now.name),
                    "Version" => value.clone_into(&mut now.version),
                    "Depends" | "Pre-Depends" => {
                        if !now.depends.is_empty() {
                            now.depends.push_str(", ");
                        }
                        now.depends.push_str(value);
                    }
                    "Provides" => value.clone_into(&mut now.provides),
                    "Filename" => value.clone_into(&mut now.filename),
                    "SHA256" => value.clone_into(&mut now.sha256),
                    "Size" => {
                        now.size = value
                            .parse()
                            .map_err(|_| malformed(format!("size {value:?} of {:?}", now.name)))?;
                    }
                    _ => {}
                }
            }
        }
    }

    fn insert(&mut self, package: Package) {
        if let Some(known) = self.packages.get(&package.name)
            && version::compare(&known.version, &package.version).is_ge()
        {
            return;
        }
        for provided in super::relation::parse(&package.provides).into_iter().flatten() {
            let providers = self.providers.entry(provided.name).or_default();
            if let Err(at) = providers.binary_search(&package.name) {
                providers.insert(at, package.name.clone());
            }
        }
        self.packages.insert(package.name.clone(), package);
    }

    /// The newest package of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Package> {
        self.packages.get(name)
    }

    /// Names of packages that provide a virtual name.
    pub(crate) fn providers(&self, name: &str) -> &[String] {
        self.providers.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}
