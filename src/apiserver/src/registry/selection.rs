//! Label and field selectors against stored entries, without parsing them.

use std::borrow::Cow;

use machinery::selector::{FieldSelector, LabelSelector, Labels};
use schema::Resource;
use store::Entry;

use crate::storage::{Header, selectable};
use crate::{ApiError, RequestInfo};

/// What a list or watch wants to see.
#[derive(Debug)]
pub(super) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
    /// The name in the path of a single-object watch.
    name: Option<String>,
    resource: &'static Resource,
}

impl Selection {
    pub(super) fn of(info: &RequestInfo, resource: &'static Resource) -> Result<Self, ApiError> {
        let labels = LabelSelector::parse(info.param("labelSelector").unwrap_or_default())
            .map_err(|error| ApiError::bad_request(format!("unable to parse requirement: {error}")))?;
        let fields = FieldSelector::parse(info.param("fieldSelector").unwrap_or_default())
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        for term in fields.terms() {
            let known = matches!(term.field.as_str(), "metadata.name" | "metadata.namespace")
                || selectable(resource.group, resource.plural).contains(&core_name(resource, &term.field));
            if !known {
                return Err(ApiError::bad_request(format!(
                    "field label not supported: {}",
                    term.field
                )));
            }
        }
        let name = Some(info.name.clone()).filter(|name| !name.is_empty() && info.verb == "watch");
        Ok(Self {
            labels,
            fields,
            name,
            resource,
        })
    }

    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything() && self.name.is_none()
    }

    pub(super) fn matches(&self, entry: &Entry) -> bool {
        if self.is_everything() {
            return true;
        }
        let header = Header::of(entry);
        self.name
            .as_deref()
            .is_none_or(|name| header.field("metadata.name") == Some(name))
            && self
                .fields
                .matches(|field| Cow::Borrowed(header.field(core_name(self.resource, field)).unwrap_or_default()))
            && self.labels.matches(&header)
    }
}

/// events.k8s.io names some fields differently.
fn core_name<'a>(resource: &Resource, field: &'a str) -> &'a str {
    match (resource.group, field) {
        ("events.k8s.io", "reportingController") => "reportingComponent",
        ("events.k8s.io", other) => match other.strip_prefix("regarding.") {
            Some("kind") => "involvedObject.kind",
            Some("namespace") => "involvedObject.namespace",
            Some("name") => "involvedObject.name",
            Some("uid") => "involvedObject.uid",
            Some("apiVersion") => "involvedObject.apiVersion",
            Some("resourceVersion") => "involvedObject.resourceVersion",
            Some("fieldPath") => "involvedObject.fieldPath",
            _ => other,
        },
        (_, other) => other,
    }
}

impl Labels for Header<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        self.labels().find(|(own, _)| *own == key).map(|(_, value)| value)
    }
}
