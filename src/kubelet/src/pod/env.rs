//! A container's environment: literal values with `$(NAME)` expansion, references, and the variables of services.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, FileKeySelector, Pod, Secret, Service};

use super::{env_file, fields};
use crate::volumes::Places;

/// Why an environment cannot be made; becomes `CreateContainerConfigError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvError {
    #[error("{kind} \"{name}\" not found")]
    NoObject { kind: &'static str, name: String },
    #[error("couldn't find key {key} in {kind} {namespace}/{name}")]
    NoKey {
        kind: &'static str,
        namespace: String,
        name: String,
        key: String,
    },
    #[error("{0}")]
    Field(#[from] fields::FieldError),
    #[error("cannot find the volume {0:?} referenced by FileKeyRef")]
    NoVolume(String),
    #[error("couldn't parse env file {path:?} of volume {volume:?}: {reason}")]
    File {
        volume: String,
        path: String,
        reason: String,
    },
    #[error("environment variable key {key:?} not found in file {path:?} of volume {volume:?}")]
    NotInFile { volume: String, path: String, key: String },
}

/// What references point at.
pub(crate) struct Sources<'a> {
    pub(crate) config_maps: &'a BTreeMap<String, ConfigMap>,
    pub(crate) secrets: &'a BTreeMap<String, Secret>,
    pub(crate) facts: &'a fields::Facts,
    pub(crate) volumes: &'a Places,
    /// Variables of services, lowest in rank.
    pub(crate) services: BTreeMap<String, String>,
}

/// The variables in the order the runtime gets them.
pub(crate) fn of_container(
    pod: &Pod,
    container: &Container,
    sources: &Sources<'_>,
) -> Result<Vec<(String, String)>, EnvError> {
    let mut result: BTreeMap<String, String> = BTreeMap::new();
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.clone().unwrap_or_default();
        if let Some(reference) = &from.config_map_ref {
            match sources.config_maps.get(&reference.name) {
                Some(map) => result.extend(
                    map.data
                        .iter()
                        .flatten()
                        .map(|(k, v)| (format!("{prefix}{k}"), v.clone())),
                ),
                None if reference.optional == Some(true) => {}
                None => {
                    return Err(EnvError::NoObject {
                        kind: "configmap",
                        name: reference.name.clone(),
                    });
                }
            }
        }
        if let Some(reference) = &from.secret_ref {
            match sources.secrets.get(&reference.name) {
                Some(secret) => result.extend(
                    secret
                        .data
                        .iter()
                        .flatten()
                        .map(|(k, v)| (format!("{prefix}{k}"), text(&v.0))),
                ),
                None if reference.optional == Some(true) => {}
                None => {
                    return Err(EnvError::NoObject {
                        kind: "secret",
                        name: reference.name.clone(),
                    });
                }
            }
        }
    }
    // Later variables may refer to earlier ones, and to services only where nothing else has the name.
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) if !value.is_empty() => {
                Some(expand(value, |name| lookup(name, &result, &sources.services)))
            }
            (_, Some(source)) => referenced(pod, container, source, sources, &namespace)?,
            _ => Some(String::new()),
        };
        if let Some(value) = value {
            result.insert(variable.name.clone(), value);
        }
    }
    for (name, value) in &sources.services {
        result.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(result.into_iter().collect())
}

fn lookup(name: &str, set: &BTreeMap<String, String>, services: &BTreeMap<String, String>) -> Option<String> {
    set.get(name).or_else(|| services.get(name)).cloned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn referenced(
    pod: &Pod,
    container: &Container,
    source: &EnvVarSource,
    sources: &Sources<'_>,
    namespace: &str,
) -> Result<Option<String>, EnvError> {
    if let Some(field) = &source.field_ref {
        return Ok(Some(fields::field(pod, &field.field_path, sources.facts)?));
    }
    if let Some(resource) = &source.resource_field_ref {
        return Ok(Some(fields::resource(
            pod,
            Some(&container.name),
            resource,
            sources.facts,
        )?));
    }
    if let Some(reference) = &source.config_map_key_ref {
        let optional = reference.optional == Some(true);
        let Some(map) = sources.config_maps.get(&reference.name) else {
            return absent(
                optional,
                EnvError::NoObject {
                    kind: "configmap",
                    name: reference.name.clone(),
                },
            );
        };
        let value = map.data.as_ref().and_then(|data| data.get(&reference.key)).cloned();
        return value.map_or_else(
            || {
                absent(
                    optional,
                    no_key("ConfigMap", namespace, &reference.name, &reference.key),
                )
            },
            |value| Ok(Some(value)),
        );
    }
    if let Some(reference) = &source.secret_key_ref {
        let optional = reference.optional == Some(true);
        let Some(secret) = sources.secrets.get(&reference.name) else {
            return absent(
                optional,
                EnvError::NoObject {
                    kind: "secret",
                    name: reference.name.clone(),
                },
            );
        };
        let value = secret
            .data
            .as_ref()
            .and_then(|data| data.get(&reference.key))
            .map(|bytes| text(&bytes.0));
        return value.map_or_else(
            || absent(optional, no_key("Secret", namespace, &reference.name, &reference.key)),
            |value| Ok(Some(value)),
        );
    }
    match &source.file_key_ref {
        Some(reference) => from_file(reference, sources),
        None => Ok(Some(String::new())),
    }
}

fn from_file(reference: &FileKeySelector, sources: &Sources<'_>) -> Result<Option<String>, EnvError> {
    let (volume, path) = (reference.volume_name.clone(), reference.path.clone());
    let Some(place) = sources.volumes.get(&volume) else {
        return Err(EnvError::NoVolume(volume));
    };
    let read = env_file::read(&place.path, &path).map_err(|error| error.to_string());
    match read.and_then(|text| env_file::value(&text, &reference.key)) {
        Ok(value) if value.is_empty() => {
            let key = reference.key.clone();
            absent(
                reference.optional == Some(true),
                EnvError::NotInFile { volume, path, key },
            )
        }
        Ok(value) => Ok(Some(value)),
        Err(reason) => Err(EnvError::File { volume, path, reason }),
    }
}

fn no_key(kind: &'static str, namespace: &str, name: &str, key: &str) -> EnvError {
    EnvError::NoKey {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        key: key.to_owned(),
    }
}

fn absent(optional: bool, error: EnvError) -> Result<Option<String>, EnvError> {
    if optional { Ok(None) } else { Err(error) }
}

/// Replaces `$(NAME)`; `$$` stands for `$`; names that are not known stay as they are written.
pub(crate) fn expand(input: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut output = String::with_capacity(input.len());
    let mut rest = input;
    while let Some(at) = rest.find('$') {
        output.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            output.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            if let Some(value) = lookup(name) {
                output.push_str(&value);
            } else {
                output.push_str("$(");
                output.push_str(name);
                output.push(')');
            }
            rest = after;
        } else {
            output.push('$');
        }
    }
    output + rest
}

/// Docker-links-style variables of the services a pod can see.
pub(crate) fn of_services<'a>(services: impl Iterator<Item = &'a Service>) -> BTreeMap<String, String> {
    let mut result = BTreeMap::new();
    for service in services {
        let (Some(name), Some(spec)) = (&service.metadata.name, &service.spec) else {
            continue;
        };
        let Some(ip) = spec.cluster_ip.as_deref().filter(|ip| !ip.is_empty() && *ip != "None") else {
            continue;
        };
        let ports = spec.ports.as_deref().unwrap_or_default();
        let Some(first) = ports.first() else { continue };
        let prefix = name.to_uppercase().replace('-', "_");
        let host = if ip.contains(':') {
            format!("[{ip}]")
        } else {
            ip.to_owned()
        };
        result.insert(format!("{prefix}_SERVICE_HOST"), ip.to_owned());
        result.insert(format!("{prefix}_SERVICE_PORT"), first.port.to_string());
        for (index, port) in ports.iter().enumerate() {
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
            let url = format!("{}://{host}:{}", protocol.to_lowercase(), port.port);
            if let Some(port_name) = port.name.as_deref().filter(|name| !name.is_empty()) {
                let port_name = port_name.to_uppercase().replace('-', "_");
                result.insert(format!("{prefix}_SERVICE_PORT_{port_name}"), port.port.to_string());
            }
            if index == 0 {
                result.insert(format!("{prefix}_PORT"), url.clone());
            }
            let link = format!("{prefix}_PORT_{}_{protocol}", port.port);
            result.insert(format!("{link}_PROTO"), protocol.to_lowercase());
            result.insert(format!("{link}_PORT"), port.port.to_string());
            result.insert(format!("{link}_ADDR"), ip.to_owned());
            result.insert(link, url);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_expand_and_escapes_stay() {
        let lookup = |name: &str| (name == "A").then(|| "1".to_owned());
        assert_eq!(expand("x$(A)y", lookup), "x1y");
        assert_eq!(expand("$$(A) $(B) $", lookup), "$(A) $(B) $");
        assert_eq!(expand("$(A", lookup), "$(A");
    }

    #[test]
    fn a_service_gives_its_link_variables() {
        let service: Service = serde_json::from_value(json!({
            "metadata": { "name": "my-db" },
            "spec": { "clusterIP": "10.0.0.1", "ports": [{ "port": 5432, "name": "pg" }] }
        }))
        .unwrap();
        let variables = of_services([&service].into_iter());
        assert_eq!(variables["MY_DB_SERVICE_HOST"], "10.0.0.1");
        assert_eq!(variables["MY_DB_SERVICE_PORT_PG"], "5432");
        assert_eq!(variables["MY_DB_PORT_5432_TCP"], "tcp://10.0.0.1:5432");
    }

    #[test]
    fn a_missing_key_is_an_error_unless_optional() {
        let pod: Pod = serde_json::from_value(json!({ "metadata": { "name": "p", "namespace": "n" } })).unwrap();
        let container = |optional: bool| -> Container {
            serde_json::from_value(json!({ "name": "c", "env": [{ "name": "A", "valueFrom": {
                "configMapKeyRef": { "name": "m", "key": "k", "optional": optional } } }] }))
            .unwrap()
        };
        let maps = BTreeMap::from([("m".to_owned(), ConfigMap::default())]);
        let facts = fields::Facts::default();
        let sources = Sources {
            config_maps: &maps,
            secrets: &BTreeMap::new(),
            facts: &facts,
            volumes: &Places::new(),
            services: BTreeMap::new(),
        };
        assert!(matches!(
            of_container(&pod, &container(false), &sources),
            Err(EnvError::NoKey { .. })
        ));
        assert_eq!(of_container(&pod, &container(true), &sources).unwrap(), []);
    }
}
