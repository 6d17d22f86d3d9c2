//! Endpoints of services with a selector, for clients that know no EndpointSlices.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/endpoint`.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service,
};
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt as _};

use crate::endpointslice::{address, is_candidate, resolve_ports, service_selector, watch_services_and_pods};
use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    watch_services_and_pods(&ctx, &queue);
    ctx.endpoints.feed(&queue);
    ctx.services.synced().await;
    ctx.pods.synced().await;
    ctx.endpoints.synced().await;
    work("endpoints", &queue, 5, |key: Key| {
        let ctx = ctx.clone();
        async move { sync(&ctx, &key).await }
    })
    .await
}

async fn sync(ctx: &Ctx, key: &Key) -> Result<()> {
    let api: Api<Endpoints> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let existing = ctx.endpoints.get(key);
    let Some(service) = ctx
        .services
        .get(key)
        .filter(|service| service.metadata.deletion_timestamp.is_none())
    else {
        let ours = existing.filter(|endpoints| endpoints.labels().get(MANAGED_BY).is_some_and(|by| by == MANAGER));
        if ours.is_some() {
            api.delete(&key.name, &DeleteParams::default()).await.unless_gone()?;
        }
        return Ok(());
    };
    let Some(selector) = service_selector(&service) else {
        return Ok(());
    };
    let all = ctx.pods.in_namespace(&key.namespace);
    let selected: Vec<_> = all.into_iter().filter(|pod| selector.matches(pod.labels())).collect();
    let subsets = subsets(&service, &selected);
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    if service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        labels.insert(HEADLESS.to_owned(), String::new());
    } else {
        labels.remove(HEADLESS);
    }
    match existing {
        None => {
            let endpoints = Endpoints {
                metadata: ObjectMeta {
                    name: Some(key.name.clone()),
                    labels: Some(labels),
                    ..ObjectMeta::default()
                },
                subsets,
            };
            api.create(&PostParams::default(), &endpoints).await.unless_exists()?;
        }
        Some(old) => {
            let old_subsets = old.subsets.as_deref().unwrap_or_default();
            if old_subsets == subsets.as_deref().unwrap_or_default() && old.metadata.labels.as_ref() == Some(&labels) {
                return Ok(());
            }
            let mut changed = old.as_ref().clone();
            changed.metadata.labels = Some(labels);
            changed.subsets = subsets;
            api.replace(&key.name, &PostParams::default(), &changed).await?;
        }
    }
    Ok(())
}

/// Pods with the same ports form a subset.
fn subsets(service: &Service, selected: &[Arc<Pod>]) -> Option<Vec<EndpointSubset>> {
    let spec = service.spec.clone().unwrap_or_default();
    let ipv6 = spec
        .ip_families
        .iter()
        .flatten()
        .next()
        .is_some_and(|family| family == "IPv6");
    let publish = spec.publish_not_ready_addresses == Some(true);
    let mut groups: BTreeMap<String, EndpointSubset> = BTreeMap::new();
    for pod in selected.iter().filter(|pod| is_candidate(pod)) {
        let Some(ip) = address(pod, ipv6) else { continue };
        if pods::is_terminating(pod) && !publish {
            continue;
        }
        let ports: Vec<EndpointPort> = resolve_ports(service, pod)
            .into_iter()
            .map(|port| EndpointPort {
                name: port.name.filter(|name| !name.is_empty()),
                port: port.port.unwrap_or_default(),
                protocol: port.protocol,
                app_protocol: port.app_protocol,
            })
            .collect();
        let pod_spec = pod.spec.clone().unwrap_or_default();
        let subdomain = pod_spec.subdomain.as_deref() == Some(&service.name_any());
        let entry = EndpointAddress {
            ip,
            node_name: pod_spec.node_name,
            hostname: pod_spec.hostname.filter(|name| subdomain && !name.is_empty()),
            target_ref: Some(ObjectReference {
                kind: Some("Pod".to_owned()),
                namespace: pod.namespace(),
                name: Some(pod.name_any()),
                uid: pod.uid(),
                ..ObjectReference::default()
            }),
        };
        let group = groups.entry(format!("{ports:?}")).or_default();
        group.ports = Some(ports).filter(|ports| !ports.is_empty());
        let list = if publish || pods::is_ready(pod) {
            &mut group.addresses
        } else {
            &mut group.not_ready_addresses
        };
        list.get_or_insert_default().push(entry);
    }
    let mut out: Vec<EndpointSubset> = groups.into_values().collect();
    for subset in &mut out {
        for list in [&mut subset.addresses, &mut subset.not_ready_addresses]
            .into_iter()
            .flatten()
        {
            list.sort_by(|a, b| a.ip.cmp(&b.ip));
        }
    }
    (!out.is_empty()).then_some(out)
}
