//! Who is it? Client certificates, then bearer tokens, then anonymous.

mod certificate;
mod service_account;

pub(crate) use certificate::user_of as certificate_user;
pub(crate) use service_account::{Bound, Claims, Issuer, Private};

use http::{HeaderMap, header};

use crate::{Api, ApiError, User};

/// The group of what may be impersonated and is no object.
const AUTHENTICATION: &str = "authentication.k8s.io";

/// What the TLS layer knows of the peer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer {
    /// The user named by a verified client certificate.
    pub(crate) user: Option<User>,
}

/// Finds the user of a request. A credential that is presented and wrong is an error, never anonymous.
pub(crate) async fn authenticate(api: &Api, peer: &Peer, headers: &HeaderMap) -> Result<User, ApiError> {
    if let Some(user) = &peer.user {
        return Ok(user.clone());
    }
    let Some(token) = bearer(headers)? else {
        return Ok(User::anonymous());
    };
    let (user, _) = api.issuer.authenticate(api, &token, &[]).await?;
    Ok(user)
}

/// What the user was known by, in a word.
pub(crate) fn credential(peer: &Peer, user: &User) -> &'static str {
    match (&peer.user, user.is_in(crate::user::AUTHENTICATED)) {
        (Some(_), _) => "certificate",
        (None, true) => "token",
        (None, false) => "anonymous",
    }
}

/// The bearer token, from the header or (for browsers' WebSockets) from the subprotocol.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let value = value.to_str().map_err(|_| ApiError::unauthorized())?;
        return match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                Ok(Some(token.trim().to_owned()))
            }
            _ => Err(ApiError::unauthorized()),
        };
    }
    let protocols = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    for protocol in protocols.flat_map(|value| value.split(',')).map(str::trim) {
        if let Some(encoded) = protocol.strip_prefix("base64url.bearer.authorization.k8s.io.") {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(encoded.trim_end_matches('='))
                .map_err(|_| ApiError::unauthorized())?;
            return String::from_utf8(bytes).map(Some).map_err(|_| ApiError::unauthorized());
        }
    }
    Ok(None)
}

/// A header's text. To leave out what cannot be read would be to act with the caller's own rights.
fn utf8(value: &http::HeaderValue) -> Result<String, ApiError> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned)
        .map_err(|_| ApiError::bad_request("an Impersonate header is not UTF-8: send names as UTF-8"))
}

/// `Impersonate-User` and its kin: the caller acts as somebody else, if RBAC lets them.
pub(crate) async fn impersonated(api: &Api, user: User, headers: &HeaderMap) -> Result<User, ApiError> {
    let text = |name: &str| headers.get(name).map_or_else(|| Ok(String::new()), utf8);
    let name = text("impersonate-user")?;
    let groups = headers.get_all("impersonate-group").iter().map(utf8);
    let groups = groups.collect::<Result<Vec<String>, ApiError>>()?;
    let extra = headers.keys().any(|key| key.as_str().starts_with("impersonate-extra-"));
    let uid = text("impersonate-uid")?;
    if name.is_empty() {
        if groups.is_empty() && !extra && uid.is_empty() {
            return Ok(user);
        }
        return Err(ApiError::bad_request(
            "requested groups, extra or a uid without impersonating a user",
        ));
    }
    let ask = |resource: &str, subresource: &str, namespace: &str, name: &str| crate::authz::Attributes {
        verb: "impersonate".to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..crate::authz::Attributes::default()
    };
    let account = name
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'));
    let mut asked = vec![match account {
        Some((namespace, account)) => ask("serviceaccounts", "", namespace, account),
        None => ask("users", "", "", &name),
    }];
    asked.extend(groups.iter().map(|group| ask("groups", "", "", group)));
    if !uid.is_empty() {
        let mut attributes = ask("uids", "", "", &uid);
        AUTHENTICATION.clone_into(&mut attributes.group);
        asked.push(attributes);
    }
    let mut acting = User {
        name: name.clone(),
        uid,
        groups,
        ..User::default()
    };
    for (key, value) in headers {
        let Some(key) = key.as_str().strip_prefix("impersonate-extra-") else {
            continue;
        };
        let (key, value) = (crate::request::decode(key), utf8(value)?);
        let mut attributes = ask("userextras", &key, "", &value);
        AUTHENTICATION.clone_into(&mut attributes.group);
        asked.push(attributes);
        acting.extra.entry(key).or_default().push(value);
    }
    for attributes in &asked {
        crate::authz::authorize(api, &user, attributes).await?;
    }
    if let Some((namespace, _)) = account
        && acting.groups.is_empty()
    {
        acting.groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ];
    }
    let general = if acting.name == "system:anonymous" {
        crate::user::UNAUTHENTICATED
    } else {
        crate::user::AUTHENTICATED
    };
    if !acting.is_in(general) {
        acting.groups.push(general.to_owned());
    }
    Ok(acting)
}
