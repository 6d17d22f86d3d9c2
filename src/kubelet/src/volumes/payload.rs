//! The files of configMap, secret, downwardAPI and projected volumes.

use k8s_openapi::api::core::v1::{
    ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, ServiceAccountTokenProjection, VolumeProjection,
};

use super::VolumeError;
use super::atomic::{File, Payload};
use super::lookup::Lookup;
use crate::pod::fields;

/// Permission bits where the spec sets none.
pub(super) const DEFAULT_MODE: u32 = 0o644;

/// What volumes of one pod are made from.
pub(super) struct Maker<'a> {
    pub(super) pod: &'a Pod,
    pub(super) facts: &'a fields::Facts,
    pub(super) lookup: &'a Lookup<'a>,
}

type Result<T> = std::result::Result<T, VolumeError>;

impl Maker<'_> {
    pub(super) async fn config_map(
        &self,
        name: &str,
        items: Option<&[KeyToPath]>,
        mode: u32,
        optional: bool,
    ) -> Result<Payload> {
        let Some(map) = self.lookup.config_map(name).await? else {
            return if optional {
                Ok(Payload::new())
            } else {
                Err(VolumeError::NoObject {
                    kind: "configmap",
                    name: name.to_owned(),
                })
            };
        };
        select(config_map_files(&map), items, mode, optional, "configmap", name)
    }

    pub(super) async fn secret(
        &self,
        name: &str,
        items: Option<&[KeyToPath]>,
        mode: u32,
        optional: bool,
    ) -> Result<Payload> {
        let Some(secret) = self.lookup.secret(name).await? else {
            return if optional {
                Ok(Payload::new())
            } else {
                Err(VolumeError::NoObject {
                    kind: "secret",
                    name: name.to_owned(),
                })
            };
        };
        select(secret_files(&secret), items, mode, optional, "secret", name)
    }

    pub(super) fn downward(&self, items: &[DownwardAPIVolumeFile], mode: u32) -> Result<Payload> {
        let mut payload = Payload::new();
        for item in items {
            let text = match (&item.field_ref, &item.resource_field_ref) {
                (Some(field), _) => fields::field(self.pod, &field.field_path, self.facts)?,
                (None, Some(resource)) => fields::resource(self.pod, None, resource, self.facts)?,
                (None, None) => String::new(),
            };
            let mode = item.mode.map_or(mode, |mode| mode as u32);
            payload.insert(
                item.path.clone(),
                File {
                    bytes: text.into_bytes(),
                    mode,
                },
            );
        }
        Ok(payload)
    }

    pub(super) async fn projected(&self, sources: &[VolumeProjection], mode: u32) -> Result<Payload> {
        let mut payload = Payload::new();
        for source in sources {
            if let Some(map) = &source.config_map {
                payload.extend(
                    self.config_map(&map.name, map.items.as_deref(), mode, map.optional == Some(true))
                        .await?,
                );
            }
            if let Some(secret) = &source.secret {
                payload.extend(
                    self.secret(
                        &secret.name,
                        secret.items.as_deref(),
                        mode,
                        secret.optional == Some(true),
                    )
                    .await?,
                );
            }
            if let Some(downward) = &source.downward_api {
                payload.extend(self.downward(downward.items.as_deref().unwrap_or_default(), mode)?);
            }
            if let Some(token) = &source.service_account_token {
                payload.insert(token.path.clone(), self.token(token, mode).await?);
            }
        }
        Ok(payload)
    }

    /// A token is for its pod's user alone, unless the pod names none.
    async fn token(&self, token: &ServiceAccountTokenProjection, mode: u32) -> Result<File> {
        let text = self.lookup.token(self.pod, token).await?.text;
        let context = self.pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
        let mode = if context.is_some_and(|context| context.fs_group.is_some()) {
            0o600
        } else {
            mode
        };
        Ok(File {
            bytes: text.into_bytes(),
            mode,
        })
    }
}

fn config_map_files(map: &ConfigMap) -> Vec<(String, Vec<u8>)> {
    let text = map
        .data
        .iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone().into_bytes()));
    text.chain(
        map.binary_data
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.0.clone())),
    )
    .collect()
}

fn secret_files(secret: &Secret) -> Vec<(String, Vec<u8>)> {
    secret
        .data
        .iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.0.clone()))
        .collect()
}

fn select(
    files: Vec<(String, Vec<u8>)>,
    items: Option<&[KeyToPath]>,
    mode: u32,
    optional: bool,
    kind: &'static str,
    name: &str,
) -> Result<Payload> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Ok(files
            .into_iter()
            .map(|(key, bytes)| (key, File { bytes, mode }))
            .collect());
    };
    let mut payload = Payload::new();
    for item in items {
        match files.iter().find(|(key, _)| *key == item.key) {
            Some((_, bytes)) => {
                let mode = item.mode.map_or(mode, |mode| mode as u32);
                payload.insert(
                    item.path.clone(),
                    File {
                        bytes: bytes.clone(),
                        mode,
                    },
                );
            }
            None if optional => {}
            None => {
                return Err(VolumeError::NoKey {
                    kind,
                    name: name.to_owned(),
                    key: item.key.clone(),
                });
            }
        }
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_choose_keys_and_modes() {
        let files = vec![("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())];
        let item = KeyToPath {
            key: "b".into(),
            path: "x/y".into(),
            mode: Some(0o400),
        };
        let payload = select(files.clone(), Some(&[item]), 0o644, false, "configmap", "m").unwrap();
        assert_eq!(payload.keys().collect::<Vec<_>>(), ["x/y"]);
        assert_eq!(payload["x/y"].mode, 0o400);
        let absent = KeyToPath {
            key: "c".into(),
            path: "c".into(),
            mode: None,
        };
        assert!(select(files, Some(&[absent]), 0o644, false, "configmap", "m").is_err());
    }
}
