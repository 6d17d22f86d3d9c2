//! What services select, by which pods that say nothing are spread.

use std::collections::HashMap;

use follow::Change;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;

use crate::pod::PodInfo;
use crate::profile::DefaultSpread;
use crate::terms::{Labels, Spread};

/// Selectors by namespace and name of the service.
#[derive(Debug, Default)]
pub(crate) struct Services(HashMap<String, HashMap<String, Labels>>);

impl Services {
    pub(crate) fn take(&mut self, change: Change<Service>) {
        match change {
            Change::Set(service) => {
                let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone());
                let selectors = self.0.entry(service.namespace().unwrap_or_default()).or_default();
                match selector.filter(|selector| !selector.is_empty()) {
                    Some(selector) => drop(selectors.insert(service.name_any(), selector.into_iter().collect())),
                    None => drop(selectors.remove(&service.name_any())),
                }
            }
            Change::Gone(identity) => {
                if let Some(selectors) = self.0.get_mut(&identity.namespace) {
                    selectors.remove(&identity.name);
                }
            }
            Change::Listed => {}
        }
    }

    /// What all services that select the pod ask for together.
    fn selecting(&self, pod: &PodInfo) -> Labels {
        let selectors = self.0.get(&pod.namespace).into_iter().flat_map(HashMap::values);
        let selects = |selector: &&Labels| selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value));
        let all = selectors.filter(selects).flatten();
        all.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The default constraints for a pod that has none of its own; none if neither an owner nor a service tells which pods
    /// are its like.
    pub(crate) fn spread(&self, pod: &PodInfo, defaults: &DefaultSpread) -> Vec<Spread> {
        let services = self.selecting(pod);
        if !pod.spread.is_empty() || (pod.owner.is_none() && services.is_empty()) {
            return Vec::new();
        }
        let constraints = defaults.constraints.iter();
        constraints
            .map(|constraint| Spread::by_default(constraint, &pod.labels, pod.owner.as_ref(), &services))
            .collect()
    }
}
