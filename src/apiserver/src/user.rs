//! Who makes a request.

use std::collections::BTreeMap;

/// An authenticated (or anonymous) user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// E.g. `system:node:rkube` or `system:serviceaccount:default:default`.
    pub name: String,
    /// Stable id; service accounts carry theirs.
    pub uid: String,
    /// Group names.
    pub groups: Vec<String>,
    /// Further facts, e.g. the pod a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Group of everybody who presented a valid credential.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// Group of everybody who presented none.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// Group that may do everything.
pub(crate) const MASTERS: &str = "system:masters";

impl User {
    /// A user who presented a valid credential.
    pub fn authenticated(name: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().map(Into::into).collect();
        if !groups.iter().any(|group| group == AUTHENTICATED) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Self {
            name: name.into(),
            groups,
            ..Self::default()
        }
    }

    /// A user who presented no credential.
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec![UNAUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// True if the user is in the group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// The node's name if this is a kubelet.
    pub fn node_name(&self) -> Option<&str> {
        if self.is_in("system:nodes") {
            self.name.strip_prefix("system:node:")
        } else {
            None
        }
    }

    /// Namespace and name if this is a service account.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        self.name.strip_prefix("system:serviceaccount:")?.split_once(':')
    }
}
