//! Whom the page is signed in as: an account that lives as long as the command, or one that the user names.
//!
//! An administrator's account that stays would be there for whoever may ask for tokens in its namespace, so there is none: with the
//! account its tokens end. The account says until when it is good, which the command puts off while it runs; what a killed command
//! left behind the control plane removes then.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;

use nodespec::sessions::{EXPIRES, LABEL};

use super::{ADDON, NAMESPACE};
use crate::failure::Failure;

const TOKEN_SECONDS: i64 = 3600;
/// How long the account outlives a command that was killed, and how often one that runs puts that off.
const LIFE: SignedDuration = SignedDuration::from_mins(5);
const RENEW: Duration = Duration::from_mins(1);
/// Removing the account takes no longer, whatever the cluster does.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service account.
pub(super) struct Account {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A signed-in page.
pub(super) struct Session {
    client: Client,
    account: Account,
    /// Made for this session, and gone with it.
    own: bool,
}

impl Session {
    /// As an account that is there.
    pub(super) fn of(client: Client, account: Account) -> Self {
        Self {
            client,
            account,
            own: false,
        }
    }

    /// As an administrator whose account is made for this, by [`Session::begin`].
    pub(super) fn administrator(client: Client) -> Self {
        Self {
            client,
            account: Account {
                namespace: NAMESPACE.to_owned(),
                name: format!("rkube-session-{}", uuid::Uuid::new_v4().simple()),
            },
            own: true,
        }
    }

    /// Makes the account, unless it is somebody's. Whoever has begun must end, also if it failed or was broken off.
    pub(super) async fn begin(&self) -> Result<(), Failure> {
        if !self.own {
            return Ok(());
        }
        let (accounts, bindings) = apis(&self.client);
        clean(&accounts).await;
        clean(&bindings).await;
        let name = &self.account.name;
        let metadata = json!({ "name": name, "labels": { LABEL: ADDON }, "annotations": { EXPIRES: expiry() } });
        let account = json!({ "metadata": metadata, "automountServiceAccountToken": false });
        let binding = json!({
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": NAMESPACE }],
        });
        let made = async {
            make(&accounts, account).await?;
            make(&bindings, binding).await
        };
        made.await.map_err(|error| Failure::service(ADDON, &error))
    }

    /// Puts the account's end off, as long as it is awaited.
    pub(super) async fn renew(&self) {
        let (accounts, _) = apis(&self.client);
        loop {
            tokio::time::sleep(RENEW).await;
            if self.own {
                let patch = json!({ "metadata": { "annotations": { EXPIRES: expiry() } } });
                let renewed = accounts
                    .patch(&self.account.name, &PatchParams::default(), &Patch::Merge(patch))
                    .await;
                if let Err(error) = renewed {
                    tracing::info!(%error, "the session's account was not renewed");
                }
            }
        }
    }

    /// A token that signs in as the account.
    pub(super) async fn token(&self) -> Result<String, Failure> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.account.namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(&self.account.name, &PostParams::default(), &request)
            .await;
        let answer = answer.map_err(|error| match error {
            kube::Error::Api(status) if status.code == 404 => {
                let Account { namespace, name } = &self.account;
                Failure::usage(&format!(
                    "there is no service account {namespace}/{name}; `rkube kubectl -n {namespace} get serviceaccounts` lists them"
                ))
            }
            error => Failure::service(ADDON, &error),
        })?;
        Ok(answer.status.and_then(|status| status.token).unwrap_or_default())
    }

    /// Takes away what was made for the session, and with it what its tokens may do.
    pub(super) async fn end(self) {
        if !self.own {
            return;
        }
        let (accounts, bindings) = apis(&self.client);
        let options = DeleteParams::default();
        let removed = async {
            let removed = [
                bindings.delete(&self.account.name, &options).await.err(),
                accounts.delete(&self.account.name, &options).await.err(),
            ];
            // broken off before it was made
            let missing = |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 404);
            for error in removed.into_iter().flatten().filter(|error| !missing(error)) {
                tracing::warn!(%error, account = self.account.name, "the session's account was not removed");
            }
        };
        if tokio::time::timeout(PATIENCE, removed).await.is_err() {
            tracing::warn!(
                account = self.account.name,
                "the session's account was not removed in time"
            );
        }
    }
}

fn expiry() -> String {
    (Timestamp::now() + LIFE).to_string()
}

fn apis(client: &Client) -> (Api<ServiceAccount>, Api<ClusterRoleBinding>) {
    (Api::namespaced(client.clone(), NAMESPACE), Api::all(client.clone()))
}

async fn make<K>(api: &Api<K>, object: serde_json::Value) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let object = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    api.create(&PostParams::default(), &object).await.map(drop)
}

/// Removes what sessions left behind whose tokens have run out.
async fn clean<K>(api: &Api<K>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let old = Timestamp::now() - SignedDuration::from_secs(TOKEN_SECONDS);
    let Ok(list) = api.list(&ListParams::default().labels(LABEL)).await else {
        return;
    };
    for left in list {
        let made = left.meta().creation_timestamp.as_ref().map(|time| time.0);
        if made.is_some_and(|made| made < old) {
            let gone = api.delete(&left.name_any(), &DeleteParams::default()).await;
            if let Err(error) = gone {
                tracing::info!(%error, name = left.name_any(), "left behind by a session, and not removed");
            }
        }
    }
}
