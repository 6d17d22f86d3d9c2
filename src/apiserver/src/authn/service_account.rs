//! Service-account tokens: issuing (`TokenRequest`) and verifying, bound to pods and nodes.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use serde::{Deserialize, Serialize};

use crate::object::{Object as _, text_at};
use crate::{Api, ApiError, User};

/// A named object that a token is bound to.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// The private claims under `kubernetes.io`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Private {
    pub(crate) namespace: String,
    pub(crate) serviceaccount: Bound,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Bound>,
}

/// All claims of a token, as upstream writes them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) aud: Vec<String>,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) iss: String,
    pub(crate) jti: String,
    pub(crate) sub: String,
    #[serde(rename = "kubernetes.io")]
    pub(crate) private: Private,
}

/// Signs and checks tokens with the cluster's service-account key.
pub(crate) struct Issuer {
    pub(crate) name: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public_pem: Vec<u8>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Issuer {
    pub(crate) fn new(
        name: String,
        private_pem: &[u8],
        public_pem: &[u8],
    ) -> Result<Self, jsonwebtoken::errors::Error> {
        Ok(Self {
            name,
            encoding: EncodingKey::from_ec_pem(private_pem)?,
            decoding: DecodingKey::from_ec_pem(public_pem)?,
            public_pem: public_pem.to_vec(),
        })
    }

    /// The public key that `/openid/v1/jwks` publishes.
    pub(crate) fn public_pem(&self) -> &[u8] {
        &self.public_pem
    }

    /// Signs a token.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<String, ApiError> {
        let header = jsonwebtoken::Header::new(Algorithm::ES256);
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(ApiError::internal)
    }

    /// The user of a token meant for one of `audiences` (the API server's own if empty), and those that it is meant for.
    pub(crate) async fn authenticate(
        &self,
        api: &Api,
        token: &str,
        audiences: &[String],
    ) -> Result<(User, Vec<String>), ApiError> {
        let own = [self.name.clone()];
        let audiences = if audiences.is_empty() { &own[..] } else { audiences };
        let mut checks = Validation::new(Algorithm::ES256);
        checks.set_issuer(&[&self.name]);
        checks.set_audience(audiences);
        checks.validate_nbf = true;
        checks.leeway = 10;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &checks)
            .map_err(|error| {
                tracing::debug!(%error, "refused a bearer token");
                ApiError::unauthorized()
            })?
            .claims;
        self.check_bindings(api, &claims).await?;
        let shared = audiences.iter().filter(|audience| claims.aud.contains(audience));
        let shared = shared.cloned().collect();
        Ok((user(claims), shared))
    }

    /// A token ends with its service account and with the pod, secret or node it is bound to. The node that a pod was on is
    /// only noted in its tokens.
    async fn check_bindings(&self, api: &Api, claims: &Claims) -> Result<(), ApiError> {
        let private = &claims.private;
        let namespace = &private.namespace;
        let mut bound = vec![("serviceaccounts", namespace.as_str(), &private.serviceaccount)];
        bound.extend(private.pod.as_ref().map(|pod| ("pods", namespace.as_str(), pod)));
        bound.extend(
            private
                .secret
                .as_ref()
                .map(|secret| ("secrets", namespace.as_str(), secret)),
        );
        if let (None, Some(node)) = (&private.pod, &private.node) {
            bound.push(("nodes", "", node));
        }
        for (plural, namespace, wanted) in bound {
            let found = api.peek("", plural, namespace, &wanted.name).await?;
            if found.is_none_or(|object| object.uid() != wanted.uid || is_past_grace(&object)) {
                return Err(ApiError::unauthorized());
            }
        }
        Ok(())
    }
}

/// A deleted object's tokens live as long as its grace period and a minute more.
fn is_past_grace(object: &serde_json::Value) -> bool {
    let deleted = text_at(object, "metadata.deletionTimestamp");
    deleted
        .parse::<jiff::Timestamp>()
        .is_ok_and(|deleted| deleted.as_second() + 60 < jiff::Timestamp::now().as_second())
}

fn user(claims: Claims) -> User {
    let private = claims.private;
    let namespace = private.namespace;
    let name = format!("system:serviceaccount:{namespace}:{}", private.serviceaccount.name);
    let groups = [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ];
    let mut user = User::authenticated(name, groups);
    user.uid = private.serviceaccount.uid;
    let mut extra = |key: &str, value: String| {
        user.extra
            .insert(format!("authentication.kubernetes.io/{key}"), vec![value]);
    };
    extra("credential-id", format!("JTI={}", claims.jti));
    if let Some(pod) = private.pod {
        extra("pod-name", pod.name);
        extra("pod-uid", pod.uid);
    }
    if let Some(node) = private.node {
        extra("node-name", node.name);
        extra("node-uid", node.uid);
    }
    user
}
