//! What is signed, and how long requests are kept.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use pki::Request;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};

use super::cleaner::left;
use super::signers::{Signer, life};

fn asked(name: &str, organization: &str, hosts: &[&str]) -> Request {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(hosts.iter().map(|&host| host.to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, organization);
    Request::parse(&params.serialize_request(&key).unwrap().pem().unwrap()).unwrap()
}

fn request(spec: Value, status: Value) -> CertificateSigningRequest {
    let mut whole = json!({"metadata": {"name": "r", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"request": "", "signerName": "s"}, "status": status});
    whole["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

#[test]
fn signers_sign_what_is_theirs() {
    let client = json!({"usages": ["client auth", "digital signature"]});
    let serving = json!({"usages": ["server auth"], "username": "system:node:a"});
    let cases = [
        ("kube-apiserver-client", asked("jane", "dev", &[]), &client, true),
        ("kube-apiserver-client", asked("jane", "dev", &[]), &serving, false),
        (
            "kube-apiserver-client-kubelet",
            asked("system:node:a", "system:nodes", &[]),
            &client,
            true,
        ),
        (
            "kube-apiserver-client-kubelet",
            asked("system:node:a", "dev", &[]),
            &client,
            false,
        ),
        (
            "kube-apiserver-client-kubelet",
            asked("jane", "system:nodes", &[]),
            &client,
            false,
        ),
        (
            "kube-apiserver-client-kubelet",
            asked("system:node:a", "system:nodes", &["a"]),
            &client,
            false,
        ),
        (
            "kubelet-serving",
            asked("system:node:a", "system:nodes", &["a"]),
            &serving,
            true,
        ),
        (
            "kubelet-serving",
            asked("system:node:a", "system:nodes", &[]),
            &serving,
            false,
        ),
        (
            "kubelet-serving",
            asked("system:node:b", "system:nodes", &["b"]),
            &serving,
            false,
        ),
        ("legacy-unknown", asked("anything", "at all", &["a"]), &serving, true),
    ];
    for (number, (signer, asked, spec, ok)) in cases.into_iter().enumerate() {
        let signer = Signer::of(&format!("kubernetes.io/{signer}")).unwrap();
        let answer = signer.check(&asked, &request(spec.clone(), json!({})));
        assert_eq!(answer.is_ok(), ok, "case {number}, {signer:?}: {answer:?}");
    }
    assert_eq!(Signer::of("example.com/mine"), None);
    assert_eq!(life(Some(60)), Duration::from_secs(600));
    assert_eq!(life(Some(7200)), Duration::from_secs(7200));
    assert_eq!(life(None), Duration::from_hours(8760));
}

#[test]
fn requests_are_kept_for_an_hour_after_a_decision_and_for_a_day_without() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let decided = |type_: &str, certificate: &str| json!({"certificate": certificate, "conditions": [{"type": type_, "status": "True", "lastUpdateTime": "2026-01-01T01:00:00Z"}]});
    let none = json!({});
    let left = |status: Value, now: &str| left(&request(none.clone(), status), at(now)).unwrap();
    assert_eq!(left(json!({}), "2026-01-01T23:00:00Z"), Duration::from_hours(1));
    assert_eq!(left(json!({}), "2026-01-02T01:00:00Z"), Duration::ZERO);
    for status in [
        decided("Denied", ""),
        decided("Failed", ""),
        decided("Approved", "YQ=="),
    ] {
        assert_eq!(left(status.clone(), "2026-01-01T01:30:00Z"), Duration::from_mins(30));
        assert_eq!(left(status, "2026-01-01T03:00:00Z"), Duration::ZERO);
    }
    assert_eq!(
        left(decided("Approved", ""), "2026-01-01T03:00:00Z"),
        Duration::from_hours(21)
    );
}
