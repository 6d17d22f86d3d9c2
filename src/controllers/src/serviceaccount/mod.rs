//! The account `default` and the ConfigMap `kube-root-ca.crt` in every namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Informer, Key, Queue, Result, work};

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";

/// Keeps the default account in place.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = namespaces_queue(&ctx, &ctx.service_accounts, ACCOUNT);
    ctx.service_accounts.synced().await;
    work("serviceaccount", &queue, 4, |key: Key| account(&ctx, key)).await
}

/// Keeps the CA in place.
pub(crate) async fn run_root_ca(ctx: Arc<Ctx>) -> Result<()> {
    let queue = namespaces_queue(&ctx, &ctx.root_ca_maps, ROOT_CA);
    ctx.root_ca_maps.synced().await;
    work("root-ca", &queue, 4, |key: Key| root_ca(&ctx, key)).await
}

/// Namespaces that came, or whose object of this name changed.
fn namespaces_queue<K>(ctx: &Ctx, informer: &Informer<K>, name: &'static str) -> Arc<Queue<Key>>
where
    K: kube::Resource + Send + Sync + 'static,
{
    let queue = Queue::new();
    ctx.namespaces
        .feed_with(&queue, |_, new| new.map(|namespace| Key::of(namespace.as_ref())));
    informer.feed_with(&queue, move |old, new| {
        let object = new.or(old).filter(|object| object.name_any() == name)?;
        Some(Key::new("", object.namespace().unwrap_or_default()))
    });
    queue
}

fn is_active(ctx: &Ctx, key: &Key) -> bool {
    let active = |namespace: Arc<Namespace>| {
        let phase = namespace.status.as_ref().and_then(|status| status.phase.as_deref());
        namespace.metadata.deletion_timestamp.is_none() && phase != Some("Terminating")
    };
    ctx.namespaces.get(key).is_some_and(active)
}

async fn account(ctx: &Ctx, key: Key) -> Result<()> {
    if !is_active(ctx, &key) || ctx.service_accounts.get(&Key::new(&*key.name, ACCOUNT)).is_some() {
        return Ok(());
    }
    let account = ServiceAccount {
        metadata: ObjectMeta {
            name: Some(ACCOUNT.to_owned()),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(ctx.client.clone(), &key.name);
    api.create(&PostParams::default(), &account).await.unless_exists()?;
    Ok(())
}

async fn root_ca(ctx: &Ctx, key: Key) -> Result<()> {
    if !is_active(ctx, &key) || ctx.config.root_ca.is_empty() {
        return Ok(());
    }
    let data = BTreeMap::from([("ca.crt".to_owned(), ctx.config.root_ca.clone())]);
    let api: Api<ConfigMap> = Api::namespaced(ctx.client.clone(), &key.name);
    match ctx.root_ca_maps.get(&Key::new(&*key.name, ROOT_CA)) {
        Some(map) if map.data.as_ref() == Some(&data) => {}
        Some(map) => {
            let mut map = map.as_ref().clone();
            map.data = Some(data);
            api.replace(ROOT_CA, &PostParams::default(), &map).await.unless_gone()?;
        }
        None => {
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(ROOT_CA.to_owned()),
                    ..ObjectMeta::default()
                },
                data: Some(data),
                ..ConfigMap::default()
            };
            api.create(&PostParams::default(), &map).await.unless_exists()?;
        }
    }
    Ok(())
}
