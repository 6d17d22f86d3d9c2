//! One archive: its sources, its verified release and its package index.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use futures::future::BoxFuture;
use lzma_rust2::XzReader;

use super::index::Index;
use super::keyring::Keyring;
use super::release::Release;
use crate::fetch::{Fetcher, Wanted, patience};
use crate::recipe::ArchiveSpec;
use crate::{Event, ImagingError, Progress};

/// An archive that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archive {
    /// Base addresses; the one that answered first.
    pub(crate) sources: Vec<String>,
    release: Release,
    suite: String,
}

/// Finds the first source whose release is signed by a known key and still valid; without any, the release of the last time. A silent
/// source gets company soon, but the first one in order that answers well is taken.
pub(crate) async fn open(
    fetcher: &Fetcher,
    keyring: &Keyring,
    spec: &ArchiveSpec,
    sources: &[String],
    cache: &Path,
    frozen: bool,
    progress: &Progress,
) -> Result<Archive, ImagingError> {
    let kept = cache.join(format!("{}.InRelease", spec.suite.replace('/', "-")));
    let url = |at: usize| format!("{}/dists/{}/InRelease", sources[at], spec.suite);
    let outdated = &AtomicBool::new(false);
    let ask = |at: usize| -> BoxFuture<'_, Result<(Vec<u8>, Release), String>> {
        Box::pin(async move {
            let message = fetcher.small(&url(at), patience(at, sources.len())).await?;
            let release = check(keyring, &spec.suite, &message)?;
            if !frozen {
                let valid = release.check_valid(SystemTime::now());
                valid.inspect_err(|_| outdated.store(true, Ordering::Relaxed))?;
            }
            Ok((message, release))
        })
    };
    let (found, failed) = mirrors::in_order(sources.len(), ask).await;
    let mut answers = Vec::new();
    for (at, reason) in failed {
        progress(Event::SourceFailed {
            url: url(at),
            reason: reason.clone(),
        });
        answers.push((url(at), reason));
    }
    if let Some((at, (message, release))) = found {
        progress(Event::Source {
            suite: spec.suite.clone(),
            url: sources[at].clone(),
        });
        fs_err::write(&kept, message)?;
        let mut sources = sources.to_vec();
        sources[..=at].rotate_right(1);
        return Ok(Archive {
            sources,
            release,
            suite: spec.suite.clone(),
        });
    }
    // however old: this machine has seen nothing newer
    if let Ok(message) = fs_err::read(&kept) {
        match check(keyring, &spec.suite, &message) {
            Ok(release) => {
                return Ok(Archive {
                    sources: sources.to_vec(),
                    release,
                    suite: spec.suite.clone(),
                });
            }
            Err(reason) => answers.push((kept.display().to_string(), reason)),
        }
    }
    let what = format!("the release file of {}", spec.suite);
    if outdated.load(Ordering::Relaxed) {
        // no reason to go without an optional archive, which would leave out its older fixes, too
        let said = answers.iter().map(|(url, reason)| format!("{url}: {reason}"));
        return Err(ImagingError::Malformed {
            what,
            reason: said.collect::<Vec<_>>().join("; "),
        });
    }
    Err(ImagingError::Sources { what, answers })
}

fn check(keyring: &Keyring, suite: &str, message: &[u8]) -> Result<Release, String> {
    let release = keyring
        .verify(message)
        .and_then(|text| Release::parse(&text))
        .map_err(|error| error.to_string())?;
    // a validly signed release of another suite must not pass for this one
    if release.codename == suite {
        Ok(release)
    } else {
        Err(format!("this is the release of {}", release.codename))
    }
}

impl Archive {
    /// Reads the package index of one component into `index`.
    pub(crate) async fn load(
        &self,
        fetcher: &Fetcher,
        component: &str,
        architecture: &str,
        position: usize,
        index: &mut Index,
    ) -> Result<(), ImagingError> {
        let path = format!("{component}/binary-{architecture}/Packages.xz");
        let what = format!("{} {path}", self.suite);
        let Some((sum, size)) = self.release.file(&path) else {
            return Err(ImagingError::Malformed {
                what,
                reason: "not named in the release file".to_owned(),
            });
        };
        let name = match (self.release.by_hash, path.rsplit_once('/')) {
            (true, Some((folder, _))) => format!("{folder}/by-hash/SHA256/{sum}"),
            _ => path,
        };
        let urls = self
            .sources
            .iter()
            .map(|base| format!("{base}/dists/{}/{name}", self.suite))
            .collect();
        let wanted = Wanted {
            what: what.clone(),
            urls,
            sha256: sum.to_owned(),
            size,
        };
        let file = fetcher.file(&wanted).await?;
        let owned = std::mem::take(index);
        *index = read(file, what, position, owned).await?;
        Ok(())
    }
}

async fn read(file: PathBuf, what: String, position: usize, mut index: Index) -> Result<Index, ImagingError> {
    let work = move || {
        let file = std::io::BufReader::new(fs_err::File::open(file)?);
        index.add(position, &what, XzReader::new(file, true))?;
        Ok(index)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ImagingError::Worker(error.to_string()))?
}
