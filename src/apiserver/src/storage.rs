//! How objects lie in the store: keys, the bytes to be served, and the header that is filtered by.

use bytes::{BufMut as _, Bytes, BytesMut};
use schema::Resource;
use serde_json::Value;
use store::{Entry, Payload};

use crate::ApiError;
use crate::object::{Object as _, text_at};

/// Where a resource's objects lie. Resources that are views of another one share its place.
pub(crate) fn collection(group: &str, plural: &str) -> String {
    let group = match (group, plural) {
        ("" | "events.k8s.io", _) => "core",
        (group, _) => group,
    };
    format!("/registry/{group}/{plural}/")
}

/// The prefix of a namespace's objects, or of all.
pub(crate) fn prefix(resource: &Resource, namespace: &str) -> String {
    let mut prefix = collection(resource.group, resource.plural);
    if resource.namespaced && !namespace.is_empty() {
        prefix.push_str(namespace);
        prefix.push('/');
    }
    prefix
}

/// One object's key.
pub(crate) fn key(resource: &Resource, namespace: &str, name: &str) -> String {
    let mut key = prefix(resource, namespace);
    key.push_str(name);
    key
}

/// The stored object, parsed.
pub(crate) fn parse(entry: &Entry) -> Result<Value, ApiError> {
    serde_json::from_slice(&entry.value).map_err(|error| ApiError::internal(format!("{}: {error}", entry.key)))
}

/// An object on its way to the store. Its `resourceVersion` is left to the store.
pub(crate) fn payload(group: &str, plural: &str, object: &Value) -> Result<Payload, ApiError> {
    let (head, tail) = split(object).map_err(ApiError::internal)?;
    Ok(Payload {
        header: Header::encode(group, plural, object),
        head,
        tail,
    })
}

/// The object's bytes around the digits of `metadata.resourceVersion`.
fn split(object: &Value) -> Result<(Bytes, Bytes), serde_json::Error> {
    let mut head = BytesMut::with_capacity(1024).writer();
    head.get_mut().put_slice(b"{\"metadata\":{");
    for (field, value) in object
        .meta()
        .into_iter()
        .flatten()
        .filter(|(field, _)| *field != "resourceVersion")
    {
        serde_json::to_writer(&mut head, field)?;
        head.get_mut().put_u8(b':');
        serde_json::to_writer(&mut head, value)?;
        head.get_mut().put_u8(b',');
    }
    head.get_mut().put_slice(b"\"resourceVersion\":\"");
    let mut tail = BytesMut::with_capacity(1024).writer();
    tail.get_mut().put_slice(b"\"}");
    for (field, value) in object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, _)| *field != "metadata")
    {
        tail.get_mut().put_u8(b',');
        serde_json::to_writer(&mut tail, field)?;
        tail.get_mut().put_u8(b':');
        serde_json::to_writer(&mut tail, value)?;
    }
    tail.get_mut().put_u8(b'}');
    Ok((head.into_inner().freeze(), tail.into_inner().freeze()))
}

/// Fields besides `metadata.name` and `metadata.namespace` that a field selector may name, per resource.
const FIELDS: &[(&str, &str, &[&str])] = &[
    (
        "",
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
    ),
    (
        "",
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("", "nodes", &["spec.unschedulable"]),
    ("", "namespaces", &["status.phase"]),
    ("", "secrets", &["type"]),
    ("", "services", &["spec.clusterIP", "spec.type"]),
    ("", "replicationcontrollers", &["status.replicas"]),
    ("apps", "replicasets", &["status.replicas"]),
    ("batch", "jobs", &["status.successful"]),
    (
        "certificates.k8s.io",
        "certificatesigningrequests",
        &["spec.signerName"],
    ),
];

/// Field selectors that a resource knows.
pub(crate) fn selectable(group: &str, plural: &str) -> &'static [&'static str] {
    let group = if group == "events.k8s.io" { "" } else { group };
    FIELDS
        .iter()
        .find(|row| row.0 == group && row.1 == plural)
        .map_or(&[], |row| row.2)
}

/// Labels and selectable fields of a stored object, read without parsing it.
///
/// Pairs of length-prefixed strings: labels first, then a pair of empty strings, then fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    pub(crate) fn of(entry: &'a Entry) -> Self {
        Self(&entry.header)
    }

    fn encode(group: &str, plural: &str, object: &Value) -> Bytes {
        let mut bytes = BytesMut::new();
        let mut put = |key: &str, value: &str| {
            for text in [key, value] {
                bytes.put_u16(text.len().min(usize::from(u16::MAX)) as u16);
                bytes.put_slice(&text.as_bytes()[..text.len().min(usize::from(u16::MAX))]);
            }
        };
        for (key, value) in object.labels() {
            put(key, value);
        }
        put("", "");
        put("metadata.name", object.name());
        put("metadata.namespace", object.namespace());
        for field in selectable(group, plural) {
            put(field, &field_value(plural, object, field));
        }
        bytes.freeze()
    }

    /// The object's labels.
    pub(crate) fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs().take_while(|(key, _)| !key.is_empty())
    }

    /// The value of a selectable field.
    pub(crate) fn field(self, name: &str) -> Option<&'a str> {
        self.pairs()
            .skip_while(|(key, _)| !key.is_empty())
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.0;
        let mut text = move || {
            let (length, behind) = rest.split_first_chunk::<2>()?;
            let (text, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            rest = behind;
            std::str::from_utf8(text).ok()
        };
        std::iter::from_fn(move || Some((text()?, text()?)))
    }
}

fn field_value(plural: &str, object: &Value, field: &str) -> String {
    let value = text_at(object, field);
    match (plural, field) {
        ("events", "source") => {
            let component = text_at(object, "source.component");
            if component.is_empty() {
                text_at(object, "reportingComponent")
            } else {
                component
            }
        }
        ("pods", "spec.hostNetwork") | ("nodes", "spec.unschedulable") if value.is_empty() => "false".to_owned(),
        // the selector's name is older than the field's
        ("jobs", "status.successful") => {
            let succeeded = text_at(object, "status.succeeded");
            if succeeded.is_empty() {
                "0".to_owned()
            } else {
                succeeded
            }
        }
        ("replicasets" | "replicationcontrollers", "status.replicas") if value.is_empty() => "0".to_owned(),
        _ => value,
    }
}
