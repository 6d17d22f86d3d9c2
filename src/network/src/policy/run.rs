//! The task: follow the API, bring the kernel up to date. Pods and namespaces are followed only while there are policies.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use follow::{Change, changes};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::runtime::watcher::Config as Watched;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;

use super::compile::{UnknownPort, compile};
use super::complaints::complain;
use super::isolation::{Isolated, Teller};
use super::rules::{BASE, TABLE, stamp};
use super::view::{Labels, Member, Policy};
use crate::command::{self, CommandError};
use crate::nft::Ruleset;
use crate::pace::Pace;
use crate::reduced::Reduced;
use crate::run::RunError;

/// Enforces the policies of this node's pods until cancelled or a watch ends.
pub(crate) async fn run(client: Client, node: String, teller: Teller) -> Result<(), RunError> {
    let (unknown, heard) = watch::channel(BTreeSet::new());
    let complaints = async {
        complain(client.clone(), node.clone(), heard).await;
        Ok(())
    };
    tokio::try_join!(enforce(client.clone(), node.clone(), &teller, unknown), complaints).map(|((), ())| ())
}

async fn enforce(
    client: Client,
    node: String,
    teller: &Teller,
    unknown: watch::Sender<BTreeSet<UnknownPort>>,
) -> Result<(), RunError> {
    let mut policy_changes = changes::<NetworkPolicy>(Api::all(client.clone()), Watched::default());
    let mut pod_changes: BoxStream<'static, Change<Pod>> = stream::pending().boxed();
    let mut namespace_changes: BoxStream<'static, Change<Namespace>> = stream::pending().boxed();
    let mut policies = Reduced::<NetworkPolicy, Policy>::new(Policy::of);
    let mut pods = Reduced::<Pod, Member>::new(move |pod| Member::of(pod, &node));
    let mut namespaces =
        Reduced::<Namespace, Labels>::new(|namespace| Some(namespace.metadata.labels.clone().unwrap_or_default()));
    let mut following = false;
    let mut kernel = Kernel::default();
    let mut pace = Pace::default();
    loop {
        let changed = tokio::select! {
            change = policy_changes.next() => policies.take(change.ok_or(RunError::WatchEnded("network policy"))?),
            change = pod_changes.next() => pods.take(change.ok_or(RunError::WatchEnded("pod"))?),
            change = namespace_changes.next() => namespaces.take(change.ok_or(RunError::WatchEnded("namespace"))?),
            () = pace.wait() => {
                let begun = Instant::now();
                let compiled = compile(policies.seen.values(), pods.seen.values(), &namespaces.seen);
                unknown.send_if_modified(|told| std::mem::replace(told, compiled.unknown.clone()) != compiled.unknown);
                let applied = kernel.apply(compiled.rules).await;
                pace.applied(begun, applied.is_ok());
                match applied {
                    Ok(()) => teller.tell(isolated(following, &pods.seen)),
                    Err(error) => tracing::error!(%error, "could not apply network policies; making their rules anew"),
                }
                false
            }
        };
        if policies.seen.is_empty() && following {
            pod_changes = stream::pending().boxed();
            namespace_changes = stream::pending().boxed();
            pods.forget();
            namespaces.forget();
            following = false;
        } else if !policies.seen.is_empty() && !following {
            pod_changes = changes(Api::all(client.clone()), Watched::default());
            namespace_changes = changes(Api::all(client.clone()), Watched::default());
            following = true;
        }
        // a half-read world would allow what the other half forbids
        let complete = policies.listed && (!following || pods.listed && namespaces.listed);
        if changed && complete {
            pace.changed();
        }
    }
}

/// Which pods of this node the kernel's rules know of.
fn isolated(following: bool, pods: &HashMap<String, Member>) -> Isolated {
    if !following {
        return Isolated::Nobody;
    }
    let here = pods.iter().filter(|(_, member)| member.here);
    let addresses: HashMap<String, Ipv4Addr> = here.map(|(key, member)| (key.clone(), member.address)).collect();
    Isolated::Known(addresses)
}

/// What has been told to the kernel.
struct Kernel {
    rules: Option<Ruleset>,
    generation: u32,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            rules: None,
            // connections that a predecessor judged are judged again
            generation: rand::random(),
        }
    }
}

impl Kernel {
    async fn apply(&mut self, rules: Ruleset) -> Result<(), CommandError> {
        let mut old = self.rules.take();
        if old.as_ref() == Some(&rules) {
            self.rules = old;
            return Ok(());
        }
        let mut fresh = rules.clone();
        if let Some(old) = &mut old {
            stamp(old, self.generation);
        }
        // 0 is what no policy has judged yet
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        stamp(&mut fresh, self.generation);
        let script = match &old {
            Some(old) => fresh.from(TABLE, old),
            None => fresh.whole(TABLE, BASE),
        };
        command::run("nft", &["-f", "-"], &script).await?;
        self.rules = Some(rules);
        Ok(())
    }
}
