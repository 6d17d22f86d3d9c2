//! From objects to what requests are answered by, and what is wrong with them. Pure but for the certificates it remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::networking::v1::{Ingress, IngressBackend, IngressSpec};
use rustls::sign::CertifiedKey;

use crate::class;
use crate::redirect;
use crate::routes::{Backend, PathType, Port, Target};
use crate::state::{Key, Live, Objects};
use crate::tls::{self, SecretError};

/// Something to tell the owner of an Ingress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) ingress: Key,
    pub(crate) reason: &'static str,
    pub(crate) text: String,
}

type Read = Result<Arc<CertifiedKey>, SecretError>;

/// Makes it; keeps certificates from one time to the next, since reading a key costs more than all the rest.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    certificates: BTreeMap<Key, (Option<String>, Read)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) live: Live,
    /// The Ingresses that are ours.
    pub(crate) ours: Vec<Key>,
    pub(crate) problems: Vec<Problem>,
}

impl Builder {
    pub(crate) fn build(&mut self, objects: &Objects) -> Built {
        let mut built = Built::default();
        self.certificates.retain(|key, _| objects.secrets.contains_key(key));
        let mut ours: Vec<(&Key, &Ingress)> = objects
            .ingresses
            .iter()
            .filter(|(_, ingress)| class::is_ours(ingress, &objects.classes))
            .collect();
        // the older object wins where two say different things
        ours.sort_by_key(|(key, ingress)| (ingress.metadata.creation_timestamp.clone(), (*key).clone()));
        for (key, ingress) in ours {
            built.ours.push(key.clone());
            if let Some(spec) = &ingress.spec {
                let https_only = |host: &str| redirect::is_wanted(ingress, host);
                self.add(&mut built, objects, key, spec, &https_only);
            }
        }
        built
    }

    fn add(
        &mut self,
        built: &mut Built,
        objects: &Objects,
        key: &Key,
        spec: &IngressSpec,
        https_only: &dyn Fn(&str) -> bool,
    ) {
        let target = |backend: Backend, host: &str| Target {
            backend,
            https_only: https_only(host),
        };
        let default = spec.default_backend.as_ref().and_then(|one| of(one, key, built));
        if let Some(backend) = &default {
            check(built, objects, key, backend);
            built.live.routes.add_default(target(backend.clone(), ""));
        }
        for rule in spec.rules.iter().flatten() {
            let host = rule.host.as_deref().unwrap_or_default();
            if let Some(backend) = &default {
                // what fits none of the paths, and all of a host without any
                built.live.routes.add_fallback(host, target(backend.clone(), host));
            }
            let Some(http) = &rule.http else { continue };
            for path in &http.paths {
                let Some(backend) = of(&path.backend, key, built) else {
                    continue;
                };
                check(built, objects, key, &backend);
                let kind = match path.path_type.as_str() {
                    "Exact" => PathType::Exact,
                    // what is left to the implementation is Prefix here
                    _ => PathType::Prefix,
                };
                let path = path.path.as_deref().unwrap_or("/");
                built.live.routes.add(host, path, kind, target(backend, host));
            }
        }
        for tls in spec.tls.iter().flatten() {
            let Some(name) = &tls.secret_name else { continue };
            match self.certificate(objects, &(key.0.clone(), name.clone())) {
                Ok(certificate) => {
                    let hosts = tls.hosts.clone().unwrap_or_default();
                    // without hosts it is for every name
                    let hosts = if hosts.is_empty() { vec![String::new()] } else { hosts };
                    for host in hosts {
                        built.live.certificates.add(&host, certificate.clone());
                    }
                }
                Err(error) => built.problems.push(Problem {
                    ingress: key.clone(),
                    reason: "BrokenTLSSecret",
                    text: format!(
                        "Secret {}/{name} {error}; a self-signed certificate is served instead",
                        key.0
                    ),
                }),
            }
        }
    }

    fn certificate(&mut self, objects: &Objects, key: &Key) -> Read {
        let Some(secret) = objects.secrets.get(key) else {
            return Err(SecretError::Missing);
        };
        let version = &secret.metadata.resource_version;
        if let Some((known, read)) = self.certificates.get(key)
            && known == version
        {
            return read.clone();
        }
        let read = tls::read(secret);
        self.certificates.insert(key.clone(), (version.clone(), read.clone()));
        read
    }
}

/// The service of a backend; anything else is a problem.
fn of(backend: &IngressBackend, key: &Key, built: &mut Built) -> Option<Backend> {
    let service = backend.service.as_ref();
    let port = service
        .and_then(|service| service.port.as_ref())
        .and_then(|port| match (&port.name, port.number) {
            (Some(name), _) => Some(Port::Name(name.clone())),
            (None, Some(number)) => Some(Port::Number(number)),
            (None, None) => None,
        });
    if let (Some(service), Some(port)) = (service, port) {
        return Some(Backend {
            namespace: key.0.clone(),
            service: service.name.clone(),
            port,
        });
    }
    built.problems.push(Problem {
        ingress: key.clone(),
        reason: "UnsupportedBackend",
        text: "only backends that name a service and its port are served".to_owned(),
    });
    None
}

/// Looks the backend's endpoints up; a rule without them stays and answers 503.
fn check(built: &mut Built, objects: &Objects, key: &Key, backend: &Backend) {
    if let Err(error) = built.live.endpoints.add(objects, backend) {
        built.problems.push(Problem {
            ingress: key.clone(),
            reason: "NoBackend",
            text: error.to_string(),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;
    use crate::class::CONTROLLER;

    fn objects(spec: Value) -> Objects {
        let key = |name: &str| ("n".to_owned(), name.to_owned());
        let mut objects = Objects::default();
        let class = json!({ "metadata": { "name": "rkube" }, "spec": { "controller": CONTROLLER } });
        objects
            .classes
            .insert((String::new(), "rkube".to_owned()), from_value(class).unwrap());
        let service = json!({
            "metadata": { "name": "web", "namespace": "n" },
            "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }, { "name": "g", "port": 81, "appProtocol": "kubernetes.io/h2c" }] },
        });
        objects.services.insert(key("web"), from_value(service).unwrap());
        let slice = json!({
            "metadata": { "name": "web-1", "namespace": "n", "labels": { "kubernetes.io/service-name": "web" } },
            "addressType": "IPv4", "ports": [{ "name": "http", "port": 8080 }],
            "endpoints": [
                { "addresses": ["10.0.0.2"], "conditions": { "ready": true } },
                { "addresses": ["10.0.0.1"] },
                { "addresses": ["10.0.0.3"], "conditions": { "ready": false } },
            ],
        });
        objects.slices.insert(key("web-1"), from_value(slice).unwrap());
        let ingress = json!({ "metadata": { "name": "i", "namespace": "n" }, "spec": spec });
        objects.ingresses.insert(key("i"), from_value(ingress).unwrap());
        objects
    }

    fn path(service: &str, port: Value) -> Value {
        json!({ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": service, "port": port } } })
    }

    #[test]
    fn only_ready_endpoints_are_asked_each_in_turn() {
        let rules = json!([{ "host": "a.example", "http": { "paths": [path("web", json!({ "name": "http" }))] } }]);
        let built = Builder::default().build(&objects(json!({ "ingressClassName": "rkube", "rules": rules })));
        assert_eq!((built.ours.len(), built.problems.len()), (1, 0));
        let target = built.live.routes.find("a.example", "/").unwrap();
        let behind = built.live.endpoints.get(&target.backend).unwrap();
        let turn = || behind.in_turn().map(|address| address.to_string()).collect::<Vec<_>>();
        assert_eq!(turn(), ["10.0.0.1:8080", "10.0.0.2:8080"]);
        assert_eq!(turn(), ["10.0.0.2:8080", "10.0.0.1:8080"]);
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_is_served() {
        let paths = [
            path("none", json!({ "number": 80 })),
            path("web", json!({ "name": "nope" })),
        ];
        let rules = json!([{ "http": { "paths": paths } }]);
        let resource = json!({ "resource": { "kind": "Bucket", "name": "b" } });
        let spec = json!({
            "ingressClassName": "rkube", "rules": rules, "defaultBackend": resource, "tls": [{ "secretName": "gone" }],
        });
        let built = Builder::default().build(&objects(spec));
        let texts: Vec<_> = built.problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "only backends that name a service and its port are served",
                "service n/none does not exist",
                "service n/web has no port \"nope\"",
                "Secret n/gone does not exist, or is not of type kubernetes.io/tls; a self-signed certificate is served instead",
            ]
        );
        let other = Builder::default().build(&objects(json!({ "ingressClassName": "nginx" })));
        assert!(other.ours.is_empty());
    }
}
