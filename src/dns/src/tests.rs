//! Questions and their answers, by the specification's examples.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use crate::answer::{Answer, Zone};
use crate::records::{Records, ServiceRecord, SliceRecord};

fn service(name: &str, spec: Value) -> (String, Option<ServiceRecord>) {
    let service: Service = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
    (name.to_owned(), ServiceRecord::of(&service))
}

fn records() -> Records {
    let mut records = Records::default();
    records.namespaces.insert("shop".to_owned());
    for (name, record) in [
        service(
            "web",
            json!({"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}]}),
        ),
        service(
            "db",
            json!({"clusterIP": "None", "ports": [{"name": "sql", "port": 5432}]}),
        ),
        service("out", json!({"type": "ExternalName", "externalName": "example.com"})),
        service("none", json!({"clusterIP": "None"})),
    ] {
        records.put_service(("shop".to_owned(), name), record);
    }
    let slice: EndpointSlice = serde_json::from_value(json!({
        "metadata": {"name": "db-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "db"}}, "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.244.0.5"], "hostname": "db-0", "conditions": {"ready": true}},
            {"addresses": ["10.244.0.6"], "conditions": {"ready": true}},
            {"addresses": ["10.244.0.7"], "conditions": {"ready": false}}],
        "ports": [{"name": "sql", "port": 5432}]}))
    .unwrap();
    records.put_slice(("shop".to_owned(), "db-1".to_owned()), SliceRecord::of(&slice));
    records
}

fn ask(name: &str, kind: RecordType) -> Option<Answer> {
    Zone::new("cluster.local").answer(&records(), &Name::from_ascii(name).unwrap(), kind)
}

fn texts(name: &str, kind: RecordType) -> Vec<String> {
    ask(name, kind)
        .unwrap()
        .answers
        .iter()
        .map(|record| record.data.to_string())
        .collect()
}

fn code(name: &str, kind: RecordType) -> Option<ResponseCode> {
    ask(name, kind).unwrap().code
}

#[test]
fn a_service_has_its_address_and_nothing_else() {
    assert_eq!(texts("web.shop.svc.cluster.local.", RecordType::A), ["10.96.0.7"]);
    assert_eq!(texts("WEB.shop.SVC.cluster.local.", RecordType::A), ["10.96.0.7"]);
    assert_eq!(
        code("web.shop.svc.cluster.local.", RecordType::AAAA),
        Some(ResponseCode::NoError)
    );
    assert_eq!(
        code("nope.shop.svc.cluster.local.", RecordType::A),
        Some(ResponseCode::NXDomain)
    );
    assert_eq!(
        code("shop.svc.cluster.local.", RecordType::A),
        Some(ResponseCode::NoError)
    );
    assert_eq!(
        code("elsewhere.svc.cluster.local.", RecordType::A),
        Some(ResponseCode::NXDomain)
    );
}

#[test]
fn a_headless_service_has_its_ready_pods_each_with_a_name() {
    assert_eq!(
        texts("db.shop.svc.cluster.local.", RecordType::A),
        ["10.244.0.5", "10.244.0.6"]
    );
    assert_eq!(texts("db-0.db.shop.svc.cluster.local.", RecordType::A), ["10.244.0.5"]);
    assert_eq!(
        texts("10-244-0-6.db.shop.svc.cluster.local.", RecordType::A),
        ["10.244.0.6"]
    );
    assert_eq!(
        code("none.shop.svc.cluster.local.", RecordType::A),
        Some(ResponseCode::NXDomain)
    );
}

#[test]
fn named_ports_have_service_records() {
    assert_eq!(
        texts("_http._tcp.web.shop.svc.cluster.local.", RecordType::SRV),
        ["0 100 80 web.shop.svc.cluster.local."]
    );
    assert_eq!(
        texts("_sql._tcp.db.shop.svc.cluster.local.", RecordType::SRV),
        [
            "0 50 5432 db-0.db.shop.svc.cluster.local.",
            "0 50 5432 10-244-0-6.db.shop.svc.cluster.local."
        ]
    );
    assert_eq!(
        code("_sql._udp.db.shop.svc.cluster.local.", RecordType::SRV),
        Some(ResponseCode::NXDomain)
    );
}

#[test]
fn addresses_lead_back_to_names() {
    assert_eq!(
        texts("7.0.96.10.in-addr.arpa.", RecordType::PTR),
        ["web.shop.svc.cluster.local."]
    );
    assert_eq!(
        texts("5.0.244.10.in-addr.arpa.", RecordType::PTR),
        ["db-0.db.shop.svc.cluster.local."]
    );
    assert!(ask("8.8.8.8.in-addr.arpa.", RecordType::PTR).is_none());
}

#[test]
fn pods_aliases_version_and_the_world_outside() {
    assert_eq!(texts("10-1-2-3.shop.pod.cluster.local.", RecordType::A), ["10.1.2.3"]);
    assert_eq!(
        code("nonsense.shop.pod.cluster.local.", RecordType::A),
        Some(ResponseCode::NXDomain)
    );
    let alias = ask("out.shop.svc.cluster.local.", RecordType::A).unwrap();
    assert_eq!(alias.follow, Some(Name::from_ascii("example.com.").unwrap()));
    assert_eq!(texts("dns-version.cluster.local.", RecordType::TXT), ["1.1.0"]);
    assert!(ask("example.com.", RecordType::A).is_none());
}
