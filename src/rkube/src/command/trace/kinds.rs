//! `TYPE/NAME` as kubectl takes it: a resource's plural, singular, short name or kind, with its group behind a dot if need be.

use http::{Request, header};
use kube::Client;
use serde_json::Value;
use traces::Object;

use super::wait;
use crate::failure::Failure;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/// More alike than this, a type was probably meant.
const ALIKE: f64 = 0.75;
const SUGGESTIONS: usize = 3;

/// An object and where it is served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) object: Object,
    pub(super) path: String,
}

/// Splits `TYPE/NAME`.
pub(super) fn split(asked: &str) -> Result<(&str, &str), Failure> {
    let parts = asked.split_once('/');
    parts
        .filter(|(kind, name)| !kind.is_empty() && !name.is_empty() && !asked.contains(' ') && !name.contains('/'))
        .ok_or_else(|| {
            Failure::usage(&format!(
                "{asked:?} is no object: expected TYPE/NAME, such as pod/web; a command goes behind `--`: \
                 rkube trace -- kubectl get pods"
            ))
        })
}

pub(super) async fn find(client: &Client, kind: &str, name: &str, namespace: &str) -> Result<Found, Failure> {
    let mut known = Vec::new();
    for path in ["/api", "/apis"] {
        let request = Request::get(path).header(header::ACCEPT, AGGREGATED).body(Vec::new());
        let request = request.map_err(|error| Failure::internal(&error))?;
        let list: Value = wait::ask(client, request).await?;
        known.extend(rows(&list));
    }
    let row = known.iter().find(|row| row.is_called(kind));
    let row = row.ok_or_else(|| Failure::usage(&unknown(kind, &known)))?;
    let place = if row.namespaced { namespace } else { "" };
    let base = if row.group.is_empty() {
        format!("/api/{}", row.version)
    } else {
        format!("/apis/{}/{}", row.group, row.version)
    };
    let within = if row.namespaced {
        format!("/namespaces/{place}")
    } else {
        String::new()
    };
    Ok(Found {
        path: format!("{base}{within}/{}/{name}", row.names[0]),
        object: Object {
            group: row.group.clone(),
            resource: row.names[0].clone(),
            kind: row.kind.clone(),
            namespace: place.to_owned(),
            name: name.to_owned(),
            uid: String::new(),
        },
    })
}

fn unknown(kind: &str, known: &[Row]) -> String {
    let wanted = kind.to_lowercase();
    let names = known.iter().map(|row| row.names[0].as_str());
    let mut near: Vec<(f64, &str)> = names.map(|name| (strsim::jaro_winkler(name, &wanted), name)).collect();
    near.retain(|(likeness, _)| *likeness >= ALIKE);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.dedup_by_key(|(_, name)| *name);
    let near: Vec<&str> = near.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect();
    let meant = if near.is_empty() {
        "`rkube kubectl -- api-resources` lists them".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("the cluster has no type {kind:?}; {meant}")
}

/// One kind that the cluster serves.
#[derive(Debug)]
struct Row {
    group: String,
    version: String,
    kind: String,
    /// Plural first.
    names: Vec<String>,
    namespaced: bool,
}

impl Row {
    fn is_called(&self, asked: &str) -> bool {
        let asked = asked.to_lowercase();
        let (name, group) = asked.split_once('.').unwrap_or((&asked, ""));
        let of_group = group.is_empty() || self.group == group;
        of_group && (self.names.iter().any(|one| one == name) || self.kind.to_lowercase() == name)
    }
}

fn rows(list: &Value) -> Vec<Row> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for group in all(&list["items"]) {
        let version = &group["versions"][0];
        for resource in all(&version["resources"]) {
            let names = [&resource["resource"], &resource["singularResource"]].map(text);
            let short = all(&resource["shortNames"]);
            let names = names.into_iter().chain(short.iter().map(text));
            rows.push(Row {
                group: text(&group["metadata"]["name"]),
                version: text(&version["version"]),
                kind: text(&resource["responseKind"]["kind"]),
                names: names.filter(|name| !name.is_empty()).collect(),
                namespaced: resource["scope"] == "Namespaced",
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_has_many_names() {
        let list = json!({"items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
            {"resource": "deployments", "singularResource": "deployment", "shortNames": ["deploy"], "scope": "Namespaced",
                "responseKind": {"kind": "Deployment"}},
        ]}]}]});
        let rows = rows(&list);
        for name in ["deployments", "deployment", "deploy", "Deployment", "deployments.apps"] {
            assert!(rows[0].is_called(name), "{name}");
        }
        assert!(!rows[0].is_called("deployments.batch") && !rows[0].is_called("pods"));
        assert_eq!(
            unknown("deploymnt", &rows),
            "the cluster has no type \"deploymnt\"; did you mean deployments?"
        );
    }

    #[test]
    fn what_is_no_object_is_told_how_to_say_it() {
        assert_eq!(split("pod/web").unwrap(), ("pod", "web"));
        for wrong in [
            "kubectl",
            "kubectl get pods",
            "kubectl get pod/web",
            "/web",
            "pod/",
            "./bin/tool",
        ] {
            assert!(
                split(wrong).unwrap_err().message.contains("rkube trace -- kubectl"),
                "{wrong}"
            );
        }
    }
}
