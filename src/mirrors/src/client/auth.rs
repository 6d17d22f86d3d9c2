//! Logging in: what a registry asks for in `WWW-Authenticate`, and the token it has to be bought with.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Kind};
use crate::document::Auth;

/// What the specification says of a token that does not say so itself.
const TOKEN_LIFE: u64 = 60;
/// No token is used longer.
const LONGEST_LIFE: u64 = 300;
/// A token this close to its end is as good as ended.
const MARGIN: Duration = Duration::from_secs(5);
/// Bound on tokens kept.
const MOST: usize = 256;

/// Who somebody is at a registry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Name.
    pub username: String,
    /// Password.
    pub password: String,
    /// OAuth refresh token, instead of the two.
    pub identity_token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Of a document's settings; `None` if they name nobody.
    pub(crate) fn of(auth: &Auth) -> Option<Self> {
        let (mut username, mut password) = (auth.username.clone(), auth.password.clone());
        if username.is_empty()
            && let Some((name, word)) = decode(&auth.auth)
        {
            (username, password) = (name, word);
        }
        let anybody = !username.is_empty() || !auth.identity_token.is_empty();
        anybody.then(|| Self {
            username,
            password,
            identity_token: auth.identity_token.clone(),
        })
    }

    /// Of an `Authorization` header, if it is `Basic`.
    pub fn of_header(value: &str) -> Option<Self> {
        let (username, password) = decode(value.strip_prefix("Basic ")?)?;
        Some(Self {
            username,
            password,
            identity_token: String::new(),
        })
    }

    fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.username, self.password))
        )
    }
}

fn decode(text: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, word) = text.split_once(':')?;
    Some((name.to_owned(), word.trim_end_matches('\0').to_owned()))
}

/// What a registry wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: String,
        scope: String,
    },
}

impl Challenge {
    /// The challenge of an answer, the better one if there are several.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let all = || {
            headers
                .get_all(WWW_AUTHENTICATE)
                .iter()
                .filter_map(|value| value.to_str().ok())
        };
        let scheme = |text: &str, name: &str| {
            text.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        if let Some(text) = all().find(|text| scheme(text, "Bearer ")) {
            let parameters = parameters(&text[7..]);
            let get = |name: &str| parameters.get(name).cloned().unwrap_or_default();
            return Some(Self::Bearer {
                realm: get("realm"),
                service: get("service"),
                scope: get("scope"),
            });
        }
        all().any(|text| scheme(text, "Basic")).then_some(Self::Basic)
    }
}

/// `name="value",name=value`; commas may stand inside quotes.
fn parameters(mut text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_start_matches([',', ' ']).trim().to_lowercase();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        found.insert(name, value.to_owned());
        text = rest;
    }
    found
}

/// Tokens that are still good, by what they are for and whose they are.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    kept: Mutex<HashMap<Key, (HeaderValue, Instant)>>,
}

/// Origin and repository, and who asks.
pub(super) type Key = (String, String, Option<Credentials>);

impl Tokens {
    pub(super) fn get(&self, key: &Key) -> Option<HeaderValue> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, end) = kept.get(key)?;
        (*end > Instant::now() + MARGIN).then(|| value.clone())
    }

    pub(super) fn forget(&self, key: &Key) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn keep(&self, key: Key, value: HeaderValue, life: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|_, (_, end)| *end > now);
        if kept.len() < MOST {
            kept.insert(key, (value, now + Duration::from_secs(life.min(LONGEST_LIFE))));
        }
    }

    /// The `Authorization` header that meets the challenge.
    pub(super) async fn meet(
        &self,
        client: &reqwest::Client,
        challenge: Challenge,
        key: Key,
        patience: Duration,
    ) -> Result<HeaderValue, Answer> {
        match challenge {
            Challenge::Basic => {
                let login = key.2.as_ref().map(Credentials::basic);
                let login = login.ok_or_else(|| Answer::new(Kind::Denied, "401 Unauthorized: it wants a login"))?;
                let value = header(&login)?;
                self.keep(key, value.clone(), LONGEST_LIFE);
                Ok(value)
            }
            Challenge::Bearer { realm, service, scope } => {
                let scope = if scope.is_empty() {
                    format!("repository:{}:pull", key.1)
                } else {
                    scope
                };
                let realm = check_realm(&realm, &key.0)?;
                let request = request(client, realm, &service, &scope, key.2.as_ref())?;
                let (token, life) = tokio::time::timeout(patience, buy(request))
                    .await
                    .map_err(|_| Answer::late(patience))??;
                let value = header(&format!("Bearer {token}"))?;
                self.keep(key, value.clone(), life);
                Ok(value)
            }
        }
    }
}

/// Credentials that travel safely to the registry must not travel openly to its token server.
fn check_realm(realm: &str, origin: &str) -> Result<Url, Answer> {
    let refuse = |reason: &str| Answer::new(Kind::Refused, format!("its token server {realm:?} {reason}"));
    let url = Url::parse(realm).map_err(|_| refuse("is no address"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if origin.starts_with("http://") => Ok(url),
        _ => Err(refuse("does not speak https")),
    }
}

fn request(
    client: &reqwest::Client,
    mut realm: Url,
    service: &str,
    scope: &str,
    credentials: Option<&Credentials>,
) -> Result<reqwest::RequestBuilder, Answer> {
    let fields = [("service", service), ("scope", scope)];
    match credentials {
        Some(who) if !who.identity_token.is_empty() => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(fields).extend_pairs([
                ("grant_type", "refresh_token"),
                ("client_id", "rkube"),
                ("refresh_token", &who.identity_token),
            ]);
            Ok(client
                .post(realm)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.finish()))
        }
        who => {
            realm
                .query_pairs_mut()
                .extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
            let request = client.get(realm);
            match who {
                Some(who) => Ok(request.header("authorization", header(&who.basic())?)),
                None => Ok(request),
            }
        }
    }
}

#[derive(Deserialize)]
struct Bought {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

async fn buy(request: reqwest::RequestBuilder) -> Result<(String, u64), Answer> {
    let response = request.send().await.map_err(Answer::of_error)?;
    if !response.status().is_success() {
        let answer = Answer::of_response(response).await;
        return Err(Answer::new(answer.kind, format!("its token server: {answer}")));
    }
    let bytes = response.bytes().await.map_err(Answer::of_error)?;
    let bought: Bought = serde_json::from_slice(&bytes)
        .map_err(|error| Answer::new(Kind::Refused, format!("its token server gave no token: {error}")))?;
    let token = if bought.token.is_empty() {
        bought.access_token
    } else {
        bought.token
    };
    Ok((token, bought.expires_in.unwrap_or(TOKEN_LIFE)))
}

fn header(text: &str) -> Result<HeaderValue, Answer> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Answer::new(Kind::Refused, "its token or our login cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(text: &'static str) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(text));
        Challenge::of(&headers)
    }

    #[test]
    fn challenges_are_read() {
        let text = "Bearer realm=\"https://auth.example/token\",service=\"reg\",scope=\"repository:a/b:pull,push\"";
        assert_eq!(
            challenge(text),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".to_owned(),
                service: "reg".to_owned(),
                scope: "repository:a/b:pull,push".to_owned(),
            })
        );
        assert_eq!(challenge("basic realm=x"), Some(Challenge::Basic));
        assert_eq!(challenge("Negotiate"), None);
    }

    #[test]
    fn a_login_does_not_leave_tls() {
        assert!(check_realm("http://auth.example", "https://reg.example").is_err());
        assert!(check_realm("http://auth.example", "http://reg.example").is_ok());
        assert!(check_realm("file:///x", "http://reg.example").is_err());
    }

    #[test]
    fn credentials_are_read_in_every_form() {
        let auth = Auth {
            auth: STANDARD.encode("me:se:cret"),
            ..Auth::default()
        };
        let who = Credentials::of(&auth).unwrap();
        assert_eq!((who.username.as_str(), who.password.as_str()), ("me", "se:cret"));
        assert_eq!(Credentials::of_header(&who.basic()), Some(who.clone()));
        assert_eq!(Credentials::of(&Auth::default()), None);
        assert!(!format!("{who:?}").contains("cret"));
    }
}
