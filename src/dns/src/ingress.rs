//! Names of Ingresses, for programs outside of the cluster: every host that a rule names has the address where Ingresses are served.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use follow::{Change, changes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use hickory_proto::rr::{Name, Record, RecordType};
use k8s_openapi::api::networking::v1::Ingress;
use kube::runtime::watcher::Config as Watch;
use kube::{Api, Client, ResourceExt as _};
use tasks::CancellationToken;
use tokio::sync::watch;

use crate::answer::{Answer, TTL, address_data};
use crate::serve::{Places, RunError, Server, serve};

/// How the server for Ingresses' names is run.
#[derive(Debug, Clone)]
pub struct IngressConfig {
    /// Address for DNS, UDP and TCP.
    pub listen: SocketAddr,
    /// Address for the kubelet's probes.
    pub health: SocketAddr,
    /// What every name leads to.
    pub address: IpAddr,
}

/// Hosts by the Ingress that names them.
#[derive(Debug, Default)]
struct Hosts {
    of: BTreeMap<(String, String), Vec<String>>,
    all: BTreeSet<String>,
}

impl Hosts {
    fn set(&mut self, key: (String, String), hosts: Vec<String>) {
        if hosts.is_empty() {
            self.of.remove(&key);
        } else {
            self.of.insert(key, hosts);
        }
        self.all = self.of.values().flatten().cloned().collect();
    }

    fn has(&self, name: &str) -> bool {
        // a wildcard stands for one label, as it does in an Ingress
        let wildcard = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        self.all.contains(name) || wildcard.is_some_and(|all| self.all.contains(&all))
    }

    fn answer(&self, question: &Name, kind: RecordType, address: IpAddr) -> Option<Answer> {
        let name = question.to_ascii().to_lowercase();
        self.has(name.trim_end_matches('.')).then(|| Answer {
            answers: address_data(address, kind)
                .map(|data| Record::from_rdata(question.clone(), TTL, data))
                .into_iter()
                .collect(),
            ..Answer::default()
        })
    }
}

/// Serves until cancelled. Names of no Ingress are refused, so that a resolver asks its next server.
pub fn run_for_ingresses(
    client: Client,
    config: IngressConfig,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), RunError>> {
    Box::pin(async move {
        let hosts = Arc::new(RwLock::new(Hosts::default()));
        let (ready, is_ready) = watch::channel(false);
        let known = Arc::clone(&hosts);
        let lookup = move |question: &Name, kind| {
            let hosts = known.read().unwrap_or_else(PoisonError::into_inner);
            hosts.answer(question, kind, config.address)
        };
        let server = Server::new(Box::new(lookup), None);
        let places = Places {
            dns: config.listen,
            health: config.health,
        };
        serve(server, places, follow(client, hosts, ready), is_ready, cancel).await
    })
}

async fn follow(client: Client, hosts: Arc<RwLock<Hosts>>, ready: watch::Sender<bool>) -> Result<(), RunError> {
    let mut ingresses = changes::<Ingress>(Api::all(client), Watch::default());
    let write = || hosts.write().unwrap_or_else(PoisonError::into_inner);
    loop {
        match ingresses.next().await.ok_or(RunError::WatchEnded("ingress"))? {
            Change::Set(ingress) => {
                let key = (ingress.namespace().unwrap_or_default(), ingress.name_any());
                write().set(key, named(&ingress));
            }
            Change::Gone(identity) => write().set((identity.namespace, identity.name), Vec::new()),
            Change::Listed => drop(ready.send_replace(true)),
        }
    }
}

/// Hosts of an Ingress's rules.
fn named(ingress: &Ingress) -> Vec<String> {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    let hosts = rules.filter_map(|rule| rule.host.as_deref());
    hosts.filter(|host| !host.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn hosts_and_wildcards_have_the_address_and_nothing_else_has() {
        let mut hosts = Hosts::default();
        let key = |name: &str| ("n".to_owned(), name.to_owned());
        hosts.set(key("one"), vec!["a.test".to_owned(), "*.wild.test".to_owned()]);
        hosts.set(key("two"), vec!["a.test".to_owned(), "b.test".to_owned()]);
        let address = IpAddr::V4(Ipv4Addr::new(192, 168, 49, 2));
        let ask = |hosts: &Hosts, name: &str, kind| {
            let found = hosts.answer(&Name::from_ascii(name).unwrap(), kind, address);
            found.map(|answer| answer.answers.len())
        };
        for name in ["a.test.", "A.Test.", "b.test.", "x.wild.test."] {
            assert_eq!(ask(&hosts, name, RecordType::A), Some(1), "{name}");
            // it exists, without such an address
            assert_eq!(ask(&hosts, name, RecordType::AAAA), Some(0), "{name}");
        }
        for name in ["test.", "wild.test.", "x.y.wild.test.", "c.test.", "."] {
            assert_eq!(ask(&hosts, name, RecordType::A), None, "{name}");
        }
        hosts.set(key("two"), Vec::new());
        assert_eq!(ask(&hosts, "b.test.", RecordType::A), None);
        assert_eq!(ask(&hosts, "a.test.", RecordType::A), Some(1));
    }
}
