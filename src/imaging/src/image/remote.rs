//! Images of registries: fetched in parts, each checked and kept by its digest.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use mirrors::{Client, FetchError, Manifest, Reference, digits, is_index};
use serde_json::Value;

use super::Platform;
use super::stored::{Blob, Image, Place};
use crate::{Event, ImagingError, Progress};

/// Layers at a time.
const PARALLEL: usize = 3;

/// Fetches an image for a platform; parts are kept below `cache`.
pub async fn fetch_image(
    client: &Client,
    reference: &Reference,
    platform: Platform,
    cache: &Path,
    progress: &Progress,
) -> Result<Image, ImagingError> {
    let none = || ImagingError::Image {
        reference: reference.to_string(),
        reason: format!("there is none for {platform}"),
    };
    let mut manifest = manifest(client, reference, progress).await?;
    if is_index(&manifest.media_type) {
        let digest = pick(&parse(reference, &manifest.bytes)?, platform).ok_or_else(none)?;
        manifest = self::manifest(client, &reference.at(&digest), progress).await?;
    }
    let document = parse(reference, &manifest.bytes)?;
    let layers = document["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let folder = cache.join("blobs");
    fs_err::create_dir_all(&folder)?;
    let parts = std::iter::once(&document["config"]).chain(layers).map(|part| {
        let (digest, size) = (part["digest"].as_str().unwrap_or_default(), part["size"].as_u64());
        get(client, reference, digest, size.unwrap_or_default(), &folder, progress)
    });
    let blobs: Vec<Blob> = futures::stream::iter(parts).buffered(PARALLEL).try_collect().await?;
    if !platform.is_own() && !blobs.first().is_some_and(|config| is_for(config, platform)) {
        return Err(none());
    }
    let text = String::from_utf8(manifest.bytes.to_vec()).map_err(|error| ImagingError::Image {
        reference: reference.to_string(),
        reason: error.to_string(),
    })?;
    Ok(Image {
        references: vec![reference.to_string()],
        media_type: manifest.media_type,
        manifest: text,
        blobs,
    })
}

async fn manifest(client: &Client, reference: &Reference, progress: &Progress) -> Result<Manifest, ImagingError> {
    let found = client.manifest(reference, None).await;
    if let Err(error) = &found {
        for (url, answer) in &error.answers {
            progress(Event::SourceFailed {
                url: url.clone(),
                reason: answer.to_string(),
            });
        }
    }
    Ok(found?)
}

fn parse(reference: &Reference, text: &[u8]) -> Result<Value, ImagingError> {
    serde_json::from_slice(text).map_err(|error| ImagingError::Image {
        reference: reference.to_string(),
        reason: error.to_string(),
    })
}

/// Whether an image that has no index says that it is for the platform.
fn is_for(config: &Blob, platform: Platform) -> bool {
    let Place::File(path) = &config.place else {
        return false;
    };
    let document: Option<Value> = fs_err::read(path)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    document.is_some_and(|document| document["architecture"] == platform.architecture())
}

fn pick(index: &Value, platform: Platform) -> Option<String> {
    let mine = |one: &&Value| {
        let stated = &one["platform"];
        stated["architecture"] == platform.architecture() && stated["os"] == "linux"
    };
    let found = index["manifests"].as_array()?.iter().find(mine)?;
    found["digest"].as_str().map(str::to_owned)
}

async fn get(
    client: &Client,
    reference: &Reference,
    digest: &str,
    size: u64,
    folder: &Path,
    progress: &Progress,
) -> Result<Blob, ImagingError> {
    let name = digits(digest).ok_or_else(|| ImagingError::Image {
        reference: reference.to_string(),
        reason: format!("{digest:?} is no digest that can be checked"),
    })?;
    let path = folder.join(name);
    let blob = |size| Blob {
        digest: digest.to_owned(),
        size,
        place: Place::File(path.clone()),
    };
    if fs_err::metadata(&path).is_ok_and(|meta| meta.len() == size && meta.is_file()) {
        return Ok(blob(size));
    }
    let draft = tempfile::NamedTempFile::new_in(folder)?;
    let file = tokio::fs::File::from_std(draft.reopen()?);
    let wanted = (reference.registry.as_str(), reference.repository.as_str(), digest);
    let seen = |bytes| progress(Event::Downloaded { bytes });
    let (_, size) = client
        .blob(wanted, None, file, &seen)
        .await
        .map_err(|error| match error {
            FetchError::Sources(error) => ImagingError::Registry(error),
            FetchError::Io(error) => ImagingError::Io(error),
        })?;
    draft.persist(&path).map_err(|error| error.error)?;
    Ok(blob(size))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_an_index_the_platforms_own_image_is_taken() {
        let one = |digest: &str, os: &str, architecture: &str| json!({"digest": digest, "platform": {"os": os, "architecture": architecture}});
        let index = json!({"manifests": [one("a", "linux", "amd64"), one("w", "windows", "arm64"), one("b", "linux", "arm64")]});
        let pick = |platform: &str| pick(&index, platform.parse().unwrap());
        assert_eq!(
            (pick("linux/amd64").unwrap(), pick("linux/arm64").unwrap()),
            ("a".to_owned(), "b".to_owned())
        );
    }

    #[test]
    fn an_image_without_an_index_is_for_what_its_configuration_says() {
        let config = Blob::here(br#"{"architecture": "arm64"}"#);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs_err::write(&path, r#"{"architecture": "arm64"}"#).unwrap();
        let config = Blob {
            place: Place::File(path),
            ..config
        };
        assert!(is_for(&config, "linux/arm64".parse().unwrap()));
        assert!(!is_for(&config, "linux/amd64".parse().unwrap()));
    }
}
