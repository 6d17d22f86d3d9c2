//! Where volumes and environments find their objects: watched ConfigMaps and Secrets, and service-account tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, ServiceAccount, ServiceAccountTokenProjection};
use kube::Api;
use kube::api::PostParams;

use super::VolumeError;
use super::mounted::Mounted;
use crate::context::Context;
use crate::pod::mailbox::Mailbox;

const DEFAULT_EXPIRATION: i64 = 3600;

/// One token and when to ask for the next.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires: Timestamp,
    refresh: Timestamp,
}

/// A pod's tokens, kept for as long as its actor lives.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<HashMap<(String, i64), Token>>);

impl Tokens {
    /// When the next token is to be asked for.
    pub(crate) fn next_refresh(&self) -> Option<Timestamp> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|token| token.refresh)
            .min()
    }
}

/// Looks objects up for one pod.
pub(crate) struct Lookup<'a> {
    pub(crate) context: &'a Context,
    pub(crate) namespace: &'a str,
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) tokens: &'a Tokens,
    pub(crate) mounted: &'a Mounted,
}

impl Lookup<'_> {
    pub(crate) async fn config_map(&self, name: &str) -> Result<Option<ConfigMap>, VolumeError> {
        Ok(self.context.config_maps.get(self.namespace, name, self.mailbox).await?)
    }

    pub(crate) async fn secret(&self, name: &str) -> Result<Option<Secret>, VolumeError> {
        Ok(self.context.secrets.get(self.namespace, name, self.mailbox).await?)
    }

    /// A token bound to the pod; the one at hand until most of its life has passed.
    pub(crate) async fn token(
        &self,
        pod: &Pod,
        projection: &ServiceAccountTokenProjection,
    ) -> Result<Token, VolumeError> {
        let audience = projection.audience.clone().unwrap_or_default();
        let expiration = projection.expiration_seconds.unwrap_or(DEFAULT_EXPIRATION);
        let key = (audience.clone(), expiration);
        let kept = self
            .tokens
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(kept) = &kept
            && kept.refresh > Timestamp::now()
        {
            return Ok(kept.clone());
        }
        match self.request(pod, audience, expiration).await {
            Ok(token) => {
                self.tokens
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key, token.clone());
                Ok(token)
            }
            // An old token serves until it expires; the next pass asks again.
            Err(error) => kept.ok_or(error),
        }
    }

    async fn request(&self, pod: &Pod, audience: String, expiration: i64) -> Result<Token, VolumeError> {
        let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
        let account = account
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "default".to_owned());
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: Some(audience)
                    .filter(|audience| !audience.is_empty())
                    .map(|audience| vec![audience]),
                expiration_seconds: Some(expiration),
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Pod".to_owned()),
                    name: pod.metadata.name.clone(),
                    uid: pod.metadata.uid.clone(),
                }),
            }),
            ..Default::default()
        };
        let api: Api<ServiceAccount> = Api::namespaced(self.context.client.clone(), self.namespace);
        let answer = api
            .create_token_request(&account, &PostParams::default(), &request)
            .await;
        let status = answer.map_err(|error| VolumeError::Token(error.to_string()))?.status;
        let status = status.ok_or_else(|| VolumeError::Token("the API gave no token".to_owned()))?;
        let now = Timestamp::now();
        let expires = status.expiration_timestamp.map_or(now, |time| time.0);
        let life = expires.duration_since(now);
        // Asked for again at 80 % of its life or after a day, as upstream does.
        let refresh = now + (life * 4 / 5).min(SignedDuration::from_hours(24));
        Ok(Token {
            text: status.token.unwrap_or_default(),
            expires,
            refresh,
        })
    }
}
