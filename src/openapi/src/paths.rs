//! The paths of a resource and its subresources: kinds, media types, parameters and operation ids, as client generators and
//! kubectl look them up.

use schema::{Resource, Subresource};
use serde_json::{Map, Value, json};

use crate::dialect::{Content, Dialect};
use crate::parameters;

const PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
const OBJECTS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];
const LISTS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
const LOGS: &[&str] = &[
    "text/plain",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];
const ANY: &[&str] = &["*/*"];
const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(crate) const OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// Kinds whose deletion answers with the object as it was.
fn gives_deleted(resource: &Resource) -> bool {
    match resource.group {
        "" => matches!(
            resource.kind,
            "PersistentVolume"
                | "PersistentVolumeClaim"
                | "Pod"
                | "PodTemplate"
                | "ResourceQuota"
                | "Service"
                | "ServiceAccount"
        ),
        "storage.k8s.io" => resource.kind != "CSIStorageCapacity",
        group => group == "resource.k8s.io",
    }
}

/// The group in tags (`core`, `rbacAuthorization`).
fn tag(group: &str) -> String {
    let mut name = String::new();
    let short = group.strip_suffix(".k8s.io").unwrap_or(group);
    for (index, part) in short.split('.').enumerate() {
        name.push_str(&if index == 0 { part.to_owned() } else { capital(part) });
    }
    if name.is_empty() { "core".to_owned() } else { name }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Connections are opened with any method, and have no body.
pub(crate) fn connects(sub: &Subresource) -> bool {
    matches!(sub.name, "attach" | "exec" | "portforward" | "proxy")
}

/// What an operation is about.
#[derive(Clone, Copy)]
struct About<'a> {
    dialect: Dialect,
    resource: &'a Resource,
    sub: Option<&'a Subresource>,
    /// The collection of all namespaces.
    everywhere: bool,
    /// A proxy's path behind the object's.
    tail: bool,
}

impl About<'_> {
    fn kind(self) -> (&'static str, &'static str, &'static str) {
        let own = (self.resource.group, self.resource.version, self.resource.kind);
        self.sub.map_or(own, |sub| (sub.group, sub.version, sub.kind))
    }

    fn connects(self) -> bool {
        self.sub.is_some_and(connects)
    }

    fn logs(self) -> bool {
        self.sub.is_some_and(|sub| sub.name == "log")
    }

    fn reference(self, ty: &str) -> Value {
        self.dialect.reference(ty)
    }

    /// The schema of the object in the body.
    fn body(self) -> Value {
        let (group, version, kind) = self.kind();
        let ty = schema::kind(group, version, kind).map_or(self.resource.ty.name, |kind| kind.ty.name);
        self.reference(ty)
    }

    /// For example `readAppsV1NamespacedDeploymentScale`.
    fn id(self, verb: &str, method: &str) -> String {
        let group = capital(&tag(self.resource.group)) + &capital(self.resource.version);
        let word = match verb {
            _ if self.connects() => "connect",
            "get" => "read",
            "update" => "replace",
            "deletecollection" => "delete",
            other => other,
        };
        let middle = match verb {
            _ if self.connects() => capital(method),
            "deletecollection" => "Collection".to_owned(),
            _ => String::new(),
        };
        let scope = if self.resource.namespaced && !self.everywhere {
            "Namespaced"
        } else {
            ""
        };
        let end = match self.sub {
            None if self.everywhere => "ForAllNamespaces".to_owned(),
            None => String::new(),
            Some(sub) => match sub.name {
                "ephemeralcontainers" => "Ephemeralcontainers".to_owned(),
                name => capital(name),
            },
        };
        let tail = if self.tail { "WithPath" } else { "" };
        format!("{word}{group}{middle}{scope}{}{end}{tail}", self.resource.kind)
    }

    fn description(self, verb: &str, method: &str) -> String {
        let kind = self.resource.kind;
        match (self.sub, verb) {
            (Some(sub), _) if self.connects() => {
                format!("connect {} requests to {} of {kind}", method.to_uppercase(), sub.name)
            }
            (Some(sub), "create") => format!("create {} of a {kind}", sub.name),
            (Some(sub), "get") => format!("read {} of the specified {kind}", sub.name),
            (Some(sub), "update") => format!("replace {} of the specified {kind}", sub.name),
            (Some(sub), "patch") => format!("partially update {} of the specified {kind}", sub.name),
            (_, "create") => format!("create a {kind}"),
            (_, "get") => format!("read the specified {kind}"),
            (_, "update") => format!("replace the specified {kind}"),
            (_, "patch") => format!("partially update the specified {kind}"),
            (_, "delete") => format!("delete a {kind}"),
            (_, "deletecollection") => format!("delete collection of {kind}"),
            _ => format!("list or watch objects of kind {kind}"),
        }
    }

    fn operation(self, verb: &'static str, method: &str) -> Value {
        let (group, version, kind) = self.kind();
        let action = match verb {
            _ if self.connects() => "connect",
            "create" => "post",
            "update" => "put",
            other => other,
        };
        let mut operation = json!({
            "tags": [format!("{}_{}", tag(self.resource.group), self.resource.version)],
            "description": self.description(verb, method),
            "operationId": self.id(verb, method),
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        });
        let object = |schema: Value| Content {
            schema,
            media: OBJECTS,
            required: true,
        };
        let text = |media| Content {
            schema: json!({"type": "string"}),
            media,
            required: true,
        };
        let status = self.reference(STATUS);
        let (gives, codes): (Content, &[_]) = match verb {
            _ if self.connects() => (text(ANY), &[("200", "OK")]),
            _ if self.logs() => (text(LOGS), &[("200", "OK")]),
            "create" => (
                object(self.body()),
                &[("200", "OK"), ("201", "Created"), ("202", "Accepted")],
            ),
            "update" | "patch" => (object(self.body()), &[("200", "OK"), ("201", "Created")]),
            "delete" => {
                let deleted = if gives_deleted(self.resource) {
                    self.body()
                } else {
                    status
                };
                (object(deleted), &[("200", "OK"), ("202", "Accepted")])
            }
            "deletecollection" => (object(status), &[("200", "OK")]),
            "list" => {
                let (group, version, kind) = (self.resource.group, self.resource.version, self.resource.list_kind);
                let ty = schema::kind(group, version, kind).map_or(self.resource.ty.name, |kind| kind.ty.name);
                let list = Content {
                    schema: self.reference(ty),
                    media: LISTS,
                    required: true,
                };
                (list, &[("200", "OK")])
            }
            _ => (object(self.body()), &[("200", "OK")]),
        };
        let takes = match verb {
            _ if self.connects() => None,
            "create" | "update" => Some(Content {
                schema: self.body(),
                media: ANY,
                required: true,
            }),
            "patch" => Some(Content {
                schema: self.reference(PATCH),
                media: PATCHES,
                required: true,
            }),
            "delete" | "deletecollection" => Some(Content {
                schema: self.reference(OPTIONS),
                media: ANY,
                required: false,
            }),
            _ => None,
        };
        let queries = if self.connects() || self.logs() {
            Vec::new()
        } else {
            parameters::queries(self.dialect, &parameters::of_verb(verb))
        };
        self.dialect
            .exchange(&mut operation, queries, takes, Some(&gives), codes);
        operation
    }

    fn item(self, path: &str, verbs: &[&'static str], offered: &[&str]) -> Option<Value> {
        let mut item = Map::new();
        for verb in verbs.iter().filter(|verb| offered.contains(verb)) {
            let method = match *verb {
                "create" => "post",
                "update" => "put",
                "patch" => "patch",
                "delete" | "deletecollection" => "delete",
                _ => "get",
            };
            item.insert(method.to_owned(), self.operation(verb, method));
        }
        if item.is_empty() {
            return None;
        }
        let kind = if self.connects() {
            self.kind().2
        } else {
            self.resource.kind
        };
        let mut all = parameters::of_path(self.dialect, path, kind);
        if let Some(sub) = self.sub {
            all.extend(parameters::queries(self.dialect, &parameters::of_subresource(sub.name)));
        }
        if self.connects() {
            if self.sub.is_some_and(|sub| sub.name == "proxy") {
                for method in ["head", "options"] {
                    item.insert(method.to_owned(), self.operation("get", method));
                }
            }
        } else {
            all.push(parameters::pretty(self.dialect));
        }
        item.insert("parameters".to_owned(), all.into());
        Some(item.into())
    }
}

/// All paths of a resource and its subresources.
pub(crate) fn of(dialect: Dialect, resource: &Resource) -> Vec<(String, Value)> {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    let scoped = if resource.namespaced && !resource.plural.ends_with("namespaces") {
        format!("{root}/namespaces/{{namespace}}")
    } else {
        root.clone()
    };
    let own = About {
        dialect,
        resource,
        sub: None,
        everywhere: false,
        tail: false,
    };
    let mut paths = Vec::new();
    let mut push = |about: About<'_>, path: String, verbs: &[&'static str], offered: &[&str]| {
        if let Some(item) = about.item(&path, verbs, offered) {
            paths.push((path, item));
        }
    };
    let plural = resource.plural;
    push(
        own,
        format!("{scoped}/{plural}"),
        &["list", "create", "deletecollection"],
        resource.verbs,
    );
    push(
        own,
        format!("{scoped}/{plural}/{{name}}"),
        &["get", "update", "patch", "delete"],
        resource.verbs,
    );
    if resource.namespaced {
        let everywhere = About {
            everywhere: true,
            ..own
        };
        push(everywhere, format!("{root}/{plural}"), &["list"], resource.verbs);
    }
    for sub in resource.subresources {
        let about = About { sub: Some(sub), ..own };
        let path = format!("{scoped}/{plural}/{{name}}/{}", sub.name);
        let verbs = ["get", "create", "update", "patch", "delete"];
        push(about, path.clone(), &verbs, sub.verbs);
        if sub.name == "proxy" {
            let about = About { tail: true, ..about };
            push(about, format!("{path}/{{path}}"), &verbs, sub.verbs);
        }
    }
    paths
}
