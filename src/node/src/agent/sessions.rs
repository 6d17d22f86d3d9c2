//! Accounts that are there for a session of somebody's, such as `rkube dashboard`'s: each says until when, which its session puts
//! off while it lasts. One whose session was killed goes when its time is over, and with it all that its tokens may do.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use follow::Soon;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use k8s_openapi::jiff::Timestamp;
use kube::api::DeleteParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use nodespec::sessions::{EXPIRES, LABEL};

/// When one that could not be removed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Namespace and name.
type Account = (String, String);

/// Follows them until the client ends.
pub(super) async fn run(client: Client) -> io::Result<()> {
    let accounts: Api<ServiceAccount> = Api::all(client.clone());
    let mut changes = watcher(accounts, Config::default().labels(LABEL))
        .backoff(Soon::default())
        .boxed();
    let mut known: BTreeMap<Account, Timestamp> = BTreeMap::new();
    loop {
        let next = known.values().min().copied();
        tokio::select! {
            change = changes.next() => match change {
                Some(Ok(change)) => note(&mut known, change),
                Some(Err(error)) => tracing::info!(%error, "sessions' accounts"),
                None => return Ok(()),
            },
            () = tokio::time::sleep(next.map_or(Duration::MAX, left)), if next.is_some() => {
                let now = Timestamp::now();
                for (account, until) in known.iter_mut().filter(|(_, until)| **until <= now) {
                    if let Err(error) = remove(&client, account).await {
                        tracing::warn!(%error, name = account.1, "a session is over and its account was not removed");
                    }
                    // its end is heard of by the watch
                    *until = now.checked_add(AGAIN).unwrap_or(Timestamp::MAX);
                }
            }
        }
    }
}

fn left(until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default()
}

fn note(known: &mut BTreeMap<Account, Timestamp>, change: Event<ServiceAccount>) {
    let key = |account: &ServiceAccount| (account.namespace().unwrap_or_default(), account.name_any());
    match change {
        Event::Init => known.clear(),
        Event::InitDone => {}
        Event::Apply(account) | Event::InitApply(account) => {
            // one that does not say until when is an older rkube's, which looks after it itself
            let until = account.annotations().get(EXPIRES).and_then(|until| until.parse().ok());
            match until {
                Some(until) => known.insert(key(&account), until),
                None => known.remove(&key(&account)),
            };
        }
        Event::Delete(account) => {
            known.remove(&key(&account));
        }
    }
}

/// The account and the binding of its name, its rights first.
async fn remove(client: &Client, (namespace, name): &Account) -> Result<(), kube::Error> {
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let binding = bindings.get_opt(name).await?;
    if binding.is_some_and(|binding| binding.labels().contains_key(LABEL)) {
        gone(bindings.delete(name, &DeleteParams::default()).await.map(drop))?;
    }
    tracing::info!(namespace, name, "the session is over; its account goes");
    gone(accounts.delete(name, &DeleteParams::default()).await.map(drop))
}

fn gone(removed: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match removed {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(expires: Option<&str>) -> ServiceAccount {
        let annotations = expires.map(|until| json!({ EXPIRES: until }));
        serde_json::from_value(json!({"metadata": {"namespace": "n", "name": "a", "annotations": annotations}}))
            .unwrap()
    }

    #[test]
    fn an_accounts_time_is_put_off_and_one_without_is_left_alone() {
        let mut known = BTreeMap::new();
        note(&mut known, Event::Apply(account(Some("2026-01-01T00:00:00Z"))));
        note(&mut known, Event::Apply(account(Some("2026-01-02T00:00:00Z"))));
        assert_eq!(known.len(), 1);
        let until = known.values().next().unwrap();
        assert_eq!(until.to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(left(*until).is_zero(), *until <= Timestamp::now());
        note(&mut known, Event::Apply(account(None)));
        assert!(known.is_empty());
    }
}
