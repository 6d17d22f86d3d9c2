//! May they? `system:masters`, then the Node authorizer, then RBAC.

mod node;
pub(crate) mod rbac;

use machinery::selector::FieldSelector;

use crate::{Api, ApiError, RequestInfo, User};

/// What is asked, as authorizers see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// For requests that are not about a resource.
    pub(crate) path: Option<String>,
    /// Fields and the values that they must have for an object to be shown.
    pub(crate) fields: Vec<(String, String)>,
}

impl Attributes {
    pub(crate) fn of(info: &RequestInfo) -> Self {
        if !info.is_resource {
            return Self {
                verb: info.verb.to_owned(),
                path: Some(info.path.clone()),
                ..Self::default()
            };
        }
        let name = match info.verb {
            "list" | "watch" | "deletecollection" if info.name.is_empty() => info.field_name().unwrap_or_default(),
            _ => &info.name,
        };
        Self {
            verb: info.verb.to_owned(),
            group: info.group.clone(),
            resource: info.resource.clone(),
            subresource: info.subresource.clone(),
            namespace: info.namespace.clone(),
            name: name.to_owned(),
            path: None,
            fields: match info.verb {
                "list" | "watch" | "deletecollection" => selected(info.param("fieldSelector").unwrap_or_default()),
                _ => Vec::new(),
            },
        }
    }

    /// True if only objects are asked for whose field has this value.
    pub(crate) fn selects(&self, field: &str, value: &str) -> bool {
        self.fields.iter().any(|(own, wanted)| own == field && wanted == value)
    }

    fn resource_path(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// The part of upstream's refusal behind the user's name.
    fn describe(&self) -> String {
        if let Some(path) = &self.path {
            return format!("cannot {} path \"{path}\"", self.verb);
        }
        let what = format!(
            "cannot {} resource \"{}\" in API group \"{}\"",
            self.verb,
            self.resource_path(),
            self.group
        );
        if self.namespace.is_empty() {
            format!("{what} at the cluster scope")
        } else {
            format!("{what} in the namespace \"{}\"", self.namespace)
        }
    }
}

/// What a field selector demands. One that cannot be read restricts nothing.
pub(crate) fn selected(text: &str) -> Vec<(String, String)> {
    let selector = FieldSelector::parse(text).unwrap_or_default();
    let equal = selector.terms().iter().filter(|term| term.equal);
    equal.map(|term| (term.field.clone(), term.value.clone())).collect()
}

/// An authorizer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Allowed, with the reason.
    Allow(String),
    /// Not allowed by any authorizer, with the reason if there is one.
    NoOpinion(String),
}

/// Asks the authorizers in order.
pub(crate) async fn decide(api: &Api, user: &User, asked: &Attributes) -> Result<Decision, ApiError> {
    if user.is_in(crate::user::MASTERS) {
        return Ok(Decision::Allow(String::new()));
    }
    let mut node_says = String::new();
    if let Some(node) = user.node_name() {
        match node::decide(api, node, asked).await? {
            allow @ Decision::Allow(_) => return Ok(allow),
            Decision::NoOpinion(why) => node_says = why,
        }
    }
    match api.rbac.decide(user, asked).await? {
        Decision::NoOpinion(why) if why.is_empty() => Ok(Decision::NoOpinion(node_says)),
        decision => Ok(decision),
    }
}

/// Refuses with upstream's wording, or says what allows it.
pub(crate) async fn authorize(api: &Api, user: &User, asked: &Attributes) -> Result<String, ApiError> {
    let why = match decide(api, user, asked).await? {
        Decision::Allow(why) if why.is_empty() => return Ok(crate::user::MASTERS.to_owned()),
        Decision::Allow(why) => return Ok(why),
        Decision::NoOpinion(why) => why,
    };
    let mut message = format!("User \"{}\" {}", user.name, asked.describe());
    if !why.is_empty() {
        message = format!("{message}: {why}");
    }
    let resource = if asked.path.is_some() {
        String::new()
    } else {
        asked.resource_path()
    };
    let subject = crate::Subject {
        group: &asked.group,
        resource: &resource,
    };
    Err(ApiError::forbidden(subject, &asked.name, message))
}
