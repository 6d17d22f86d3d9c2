//! What the sets contain, as a verifier sees it.

use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use super::*;
use crate::{due, validity};

const DAY: Duration = Duration::from_hours(24);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + DAY * 20_000
}

fn plane() -> ControlPlane<'static> {
    ControlPlane {
        node: Node {
            name: "rkube",
            ip: [192, 168, 49, 2].into(),
        },
        service_ip: [10, 96, 0, 1].into(),
        dns_domain: "cluster.local",
        extra_dns: &[],
        extra_ips: &[],
    }
}

fn text<'a>(files: &'a [PemFile], name: &str) -> &'a str {
    &files.iter().find(|file| file.name == name).unwrap().text
}

#[test]
fn leaves_verify_against_the_authority_after_a_reload() {
    let first = Authority::create("rkube", now()).unwrap();
    let again = Authority::load(first.pem().clone()).unwrap();
    let files = control_plane(&again, &plane(), now()).unwrap();
    let (_, ca) = parse_x509_pem(first.pem().cert.as_bytes()).unwrap();
    let ca = ca.parse_x509().unwrap();
    for name in [
        names::APISERVER_CERT,
        names::KUBELET_CERT,
        names::KUBELET_CLIENT_CERT,
        names::KUBE_PROXY_CERT,
    ] {
        let (_, block) = parse_x509_pem(text(&files, name).as_bytes()).unwrap();
        let leaf = block.parse_x509().unwrap();
        assert_eq!(leaf.issuer(), ca.subject(), "{name}");
        leaf.verify_signature(Some(ca.public_key())).unwrap();
    }
}

#[test]
fn apiserver_certificate_names_every_way_to_reach_it() {
    let authority = Authority::create("rkube", now()).unwrap();
    let files = control_plane(&authority, &plane(), now()).unwrap();
    let (_, block) = parse_x509_pem(text(&files, names::APISERVER_CERT).as_bytes()).unwrap();
    let cert = block.parse_x509().unwrap();
    let names: Vec<String> = cert
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names
        .iter()
        .map(|name| match name {
            GeneralName::DNSName(dns) => (*dns).to_owned(),
            GeneralName::IPAddress(ip) => ip.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
            other => format!("{other:?}"),
        })
        .collect();
    for want in [
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "rkube",
        "127.0.0.1",
        "10.96.0.1",
        "192.168.49.2",
    ] {
        assert!(names.iter().any(|name| name == want), "{want} not in {names:?}");
    }
}

#[test]
fn node_client_certificate_carries_user_and_group() {
    let authority = Authority::create("rkube", now()).unwrap();
    let files = worker(&authority, &plane().node, now()).unwrap();
    let (_, block) = parse_x509_pem(text(&files, names::KUBELET_CLIENT_CERT).as_bytes()).unwrap();
    let cert = block.parse_x509().unwrap();
    let subject = cert.subject();
    assert_eq!(
        subject.iter_common_name().next().unwrap().as_str().unwrap(),
        "system:node:rkube"
    );
    assert_eq!(
        subject.iter_organization().next().unwrap().as_str().unwrap(),
        "system:nodes"
    );
    assert!(
        !files.iter().any(|file| file.name == names::CA_KEY),
        "a worker must not hold the authority's key"
    );
}

#[test]
fn renewal_is_due_after_two_thirds_of_life() {
    let authority = Authority::create("rkube", now()).unwrap();
    let admin = admin(&authority, now()).unwrap();
    let life = validity(&admin.cert).unwrap();
    assert!(!due(&admin.cert, now()).unwrap());
    assert!(!due(&admin.cert, life.not_before + DAY * 729).unwrap());
    assert!(due(&admin.cert, life.not_before + DAY * 731).unwrap());
    assert!(due("nonsense", now()).is_err());
}
