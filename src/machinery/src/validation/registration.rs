//! APIServices.
//!
//! Semantics: `k8s.io/kube-aggregator/pkg/apis/apiregistration/validation`.

use super::cursor::Check;
use crate::names;

pub(super) fn service(check: &mut Check<'_>) {
    let root = check.root();
    let spec = root.child("spec");
    let (group, version) = (spec.child("group"), spec.child("version"));
    let wanted = format!("{}.{}", version.str(), group.str());
    let name = root.child("metadata").child("name");
    if name.str() != wanted {
        check.invalid(&name, format!("must be `spec.version+\".\"+spec.group`: {wanted:?}"));
    }
    if group.str().is_empty() {
        if version.str() != "v1" {
            check.required(&group, "only v1 may have an empty group and it better be legacy kube");
        }
    } else {
        check.all_invalid(&group, names::dns1123_subdomain(group.str()));
    }
    check.all_invalid(&version, names::dns1035_label(version.str()));
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let priority = spec.child(field);
        if !(1..=most).contains(&priority.int().unwrap_or_default()) {
            check.invalid(&priority, format!("must be positive and less than {most}"));
        }
    }
    let (bundle, insecure) = (spec.child("caBundle"), spec.child("insecureSkipTLSVerify"));
    let service = spec.child("service");
    if !service.is_set() {
        if bundle.has_any() {
            check.invalid(&bundle, "local APIServices may not have a caBundle");
        }
        if insecure.is_true() {
            check.invalid(&insecure, "local APIServices may not have insecureSkipTLSVerify");
        }
        return;
    }
    for field in ["namespace", "name"] {
        if !service.child(field).has_any() {
            check.required(&service.child(field), "");
        }
    }
    let port = service.child("port");
    if let Some(number) = port.int() {
        for error in names::port_number(number) {
            check.invalid(&port, format!("port is not valid: {error}"));
        }
    }
    if insecure.is_true() && bundle.has_any() {
        check.invalid(&insecure, "may not be true if caBundle is present");
    }
}
