//! Users named by client certificates: the common name is the user, organizations are the groups.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::User;

/// The user of a certificate that the TLS layer has verified.
pub(crate) fn user_of(der: &[u8]) -> Option<User> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let subject = certificate.subject();
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok());
    (!name.is_empty()).then(|| User::authenticated(name, groups))
}
