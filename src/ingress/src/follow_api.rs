//! Keeping what requests are answered by in step with the API.

use std::time::Duration;

use follow::{Change, Identity, changes};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource, ResourceExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::build::Builder;
use crate::serve::RunError;
use crate::state::{Key, Objects, Shared};
use crate::status::Reporter;

/// Changes come in bursts; one rebuild serves all of a moment.
const MOMENT: Duration = Duration::from_millis(30);

/// Follows until a watch ends for good. Tells `ready` once everything has been read.
pub(crate) async fn follow(
    client: Client,
    shared: Shared,
    reporter: Reporter,
    ready: watch::Sender<bool>,
) -> Result<(), RunError> {
    let mut ingresses = changes::<Ingress>(Api::all(client.clone()), Config::default());
    let mut classes = changes::<IngressClass>(Api::all(client.clone()), Config::default());
    let mut services = changes::<Service>(Api::all(client.clone()), Config::default());
    let mut slices = changes::<EndpointSlice>(Api::all(client.clone()), Config::default());
    // other secrets are none of our business
    let only_tls = Config::default().fields("type=kubernetes.io/tls");
    let mut secrets = changes::<Secret>(Api::all(client), only_tls);
    let (mut objects, mut builder) = (Objects::default(), Builder::default());
    let (mut listed, mut due) = ([false; 5], None);
    loop {
        let whole = listed.iter().all(|one| *one);
        tokio::select! {
            change = ingresses.next() => put(&mut objects.ingresses, &mut listed[0], change)?,
            change = classes.next() => put(&mut objects.classes, &mut listed[1], change)?,
            change = services.next() => put(&mut objects.services, &mut listed[2], change)?,
            change = slices.next() => put(&mut objects.slices, &mut listed[3], change)?,
            change = secrets.next() => put(&mut objects.secrets, &mut listed[4], change)?,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if whole && due.is_some() => {
                due = None;
                let built = builder.build(&objects);
                shared.set(built.live);
                reporter.report(&objects, &built.ours, built.problems);
                ready.send_if_modified(|ready| !std::mem::replace(ready, true));
                continue;
            }
        }
        due = due.or_else(|| Some(Instant::now() + MOMENT));
    }
}

fn put<K: Resource<DynamicType = ()>>(
    kept: &mut std::collections::BTreeMap<Key, K>,
    listed: &mut bool,
    change: Option<Change<K>>,
) -> Result<(), RunError> {
    match change.ok_or_else(|| RunError::WatchEnded(K::kind(&()).into_owned()))? {
        Change::Set(object) => {
            let key = (object.namespace().unwrap_or_default(), object.name_any());
            kept.insert(key, object);
        }
        Change::Gone(Identity { namespace, name, .. }) => drop(kept.remove(&(namespace, name))),
        Change::Listed => *listed = true,
    }
    Ok(())
}
