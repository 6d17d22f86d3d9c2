//! From a recipe to a layer on disk, and from layers to an image.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use crate::debian::{Archive as DebianArchive, HostApt, Index, Keyring, Package, open, resolve};
use crate::fetch::{Fetcher, Wanted};
use crate::image::{Layer, Platform};
use crate::rootfs::{CAREFUL, Filter, Tree, finish, unpack, write_layer};
use crate::{Event, ImagingError, Progress, Recipe, Shelf, lock};

/// Downloads at a time.
const PARALLEL: usize = 8;
/// How long another rkube may keep the cache.
const LOCK_DEADLINE: Duration = Duration::from_mins(15);

/// Where the composer works and what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Folder for downloads and finished layers.
    pub cache: PathBuf,
    /// Folder below which `etc/apt` and `usr/share/keyrings` are looked for: `/`, except in tests.
    pub host_root: PathBuf,
    /// Mirrors asked last, from `--debian-mirror`.
    pub mirrors: Vec<String>,
    /// What bundles have brought.
    pub shelf: Shelf,
    /// The archives are frozen: their releases may be out of date.
    pub frozen: bool,
}

/// A recipe's layer and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The layer.
    pub layer: Layer,
    /// Packages as `name=version`.
    pub packages: Vec<String>,
}

/// Composes layers.
pub struct Composer {
    settings: Settings,
    progress: Progress,
    platform: Platform,
}

impl Composer {
    /// A composer that reports to `progress`.
    pub fn new(settings: Settings, progress: Progress) -> Self {
        Self {
            settings,
            progress,
            platform: Platform::own(),
        }
    }

    /// The same for layers of another platform.
    #[must_use]
    pub fn for_platform(self, platform: Platform) -> Self {
        Self { platform, ..self }
    }

    /// The layer of an earlier run or of a bundle, if it is here. No network.
    pub fn cached(&self, recipe: &Recipe) -> Option<Base> {
        let kept = || {
            let text = fs_err::read_to_string(self.meta(recipe)).ok()?;
            let base: Base = serde_json::from_str(&text).ok()?;
            let whole = fs_err::metadata(&base.layer.path).is_ok_and(|meta| meta.len() == base.layer.size);
            whole.then_some(base)
        };
        // what bundles bring is for this machine
        let brought = || self.settings.shelf.base(&recipe.digest());
        kept().or_else(|| self.platform.is_own().then(brought).flatten())
    }

    /// The recipe's layer: from the cache, a bundle, or made now.
    pub async fn base(&self, recipe: &Recipe) -> Result<Base, ImagingError> {
        if let Some(base) = self.cached(recipe) {
            return Ok(base);
        }
        fs_err::create_dir_all(self.settings.cache.join("layers"))?;
        let _lock = self.lock().await?;
        // whoever held the lock may have made it
        match self.cached(recipe) {
            Some(base) => Ok(base),
            None => self.make(recipe).await,
        }
    }

    /// Downloads one package alone, without its dependencies, and gives one file of it.
    pub async fn file_of(&self, recipe: &Recipe, package: &str, path: &str) -> Result<Vec<u8>, ImagingError> {
        fs_err::create_dir_all(&self.settings.cache)?;
        let (fetcher, archives, index) = self.archives(recipe).await?;
        let package = index.get(package).ok_or_else(|| ImagingError::Unresolved {
            wanted: package.to_owned(),
            by: recipe.name.clone(),
        })?;
        let file = fetcher.file(&wanted(package, &archives)).await?;
        let spool = tempfile::NamedTempFile::new_in(&self.settings.cache)?;
        let mut tree = Tree::new(spool.path())?;
        unpack(&mut tree, &file, &Filter::of(recipe))?;
        Ok(tree.content(path)?)
    }

    /// Downloads a program that is published beside its SHA-256, from the first of `urls` that has it.
    pub async fn published(&self, what: &str, urls: &[String]) -> Result<PathBuf, ImagingError> {
        fs_err::create_dir_all(&self.settings.cache)?;
        let fetcher = Fetcher::new(&self.settings.cache, None, self.progress.clone())?;
        fetcher.published(what, urls).await
    }

    async fn make(&self, recipe: &Recipe) -> Result<Base, ImagingError> {
        let (fetcher, archives, index) = self.archives(recipe).await?;
        let packages = resolve(&index, &recipe.packages, &recipe.omit_packages)?;
        drop(index);
        let files: Vec<Wanted> = packages.iter().map(|package| wanted(package, &archives)).collect();
        let missing = files
            .iter()
            .filter(|file| fetcher.cached(file).is_none())
            .map(|file| file.size)
            .sum();
        (self.progress)(Event::Resolved {
            packages: packages.len(),
            bytes: missing,
        });
        let paths: Vec<PathBuf> = futures::stream::iter(&files)
            .map(|file| fetcher.file(file))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        (self.progress)(Event::Unpacking);
        let names = packages
            .iter()
            .map(|package| format!("{}={}", package.name, package.version))
            .collect();
        let (folder, meta, recipe) = (self.settings.cache.join("layers"), self.meta(recipe), recipe.clone());
        let work = move || assemble(&folder, &meta, &recipe, &paths, names);
        let base = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| ImagingError::Worker(error.to_string()))??;
        (self.progress)(Event::Composed {
            bytes: base.layer.size,
            compressed: base.layer.compressed,
        });
        Ok(base)
    }

    async fn archives(&self, recipe: &Recipe) -> Result<(Fetcher, Vec<DebianArchive>, Index), ImagingError> {
        let host = HostApt::read(&self.settings.host_root);
        let keys = fs_err::read(
            self.settings
                .host_root
                .join("usr/share/keyrings/debian-archive-keyring.gpg"),
        );
        let keyring = Keyring::new(keys.ok().as_slice());
        let fetcher = Fetcher::new(&self.settings.cache, host.proxy.as_deref(), self.progress.clone())?;
        let mut archives = Vec::new();
        let mut index = Index::default();
        for spec in &recipe.archives {
            let of_host = if spec.is_security() { &host.security } else { &host.main };
            let mut sources: Vec<String> = Vec::new();
            for mirror in of_host.iter().chain(&spec.mirrors).chain(&self.settings.mirrors) {
                let mirror = mirror.trim_end_matches('/');
                if !sources.iter().any(|known| known == mirror) {
                    sources.push(mirror.to_owned());
                }
            }
            let opened = open(
                &fetcher,
                &keyring,
                spec,
                &sources,
                &self.settings.cache,
                self.settings.frozen,
                &self.progress,
            )
            .await;
            let archive = match opened {
                Ok(archive) => archive,
                Err(ImagingError::Sources { .. }) if spec.optional => continue,
                Err(error) => return Err(error),
            };
            for component in &spec.components {
                archive
                    .load(
                        &fetcher,
                        component,
                        self.platform.architecture(),
                        archives.len(),
                        &mut index,
                    )
                    .await?;
            }
            archives.push(archive);
        }
        Ok((fetcher, archives, index))
    }

    fn meta(&self, recipe: &Recipe) -> PathBuf {
        let digest = recipe.digest();
        let name = if self.platform.is_own() {
            format!("{digest}.json")
        } else {
            format!("{digest}-{}.json", self.platform.architecture())
        };
        self.settings.cache.join("layers").join(name)
    }

    async fn lock(&self) -> Result<fs_err::File, ImagingError> {
        let path = self.settings.cache.join("compose.lock");
        lock::take(&path, LOCK_DEADLINE, || (self.progress)(Event::Waiting)).await
    }
}

fn assemble(
    folder: &Path,
    meta: &Path,
    recipe: &Recipe,
    packages: &[PathBuf],
    names: Vec<String>,
) -> Result<Base, ImagingError> {
    let scratch = tempfile::tempdir_in(folder)?;
    let mut tree = Tree::new(&scratch.path().join("spool"))?;
    let filter = Filter::of(recipe);
    for package in packages {
        unpack(&mut tree, package, &filter)?;
    }
    finish(&mut tree, recipe)?;
    let made = scratch.path().join("layer.tar");
    let written = write_layer(&mut tree, &made, CAREFUL)?;
    let path = folder.join(format!("{}.tar", written.sha256));
    fs_err::rename(&made, &path)?;
    let layer = Layer {
        path,
        sha256: written.sha256,
        size: written.size,
        compressed: written.compressed,
    };
    let base = Base { layer, packages: names };
    let text = serde_json::to_vec_pretty(&base).map_err(std::io::Error::other)?;
    let draft = scratch.path().join("meta.json");
    fs_err::write(&draft, text)?;
    fs_err::rename(&draft, meta)?;
    Ok(base)
}

fn wanted(package: &Package, archives: &[DebianArchive]) -> Wanted {
    let sources = archives
        .get(package.archive)
        .map(|archive| archive.sources.as_slice())
        .unwrap_or_default();
    Wanted {
        what: format!("{} {}", package.name, package.version),
        urls: sources
            .iter()
            .map(|base| format!("{base}/{}", package.filename))
            .collect(),
        sha256: package.sha256.clone(),
        size: package.size,
    }
}
