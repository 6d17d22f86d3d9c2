//! Services, endpoints, ingresses, network policies.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Printer;
use super::column::{AGE, NAME, text, wide};
use super::object::{Cells, some_of};

pub(super) static PRINTERS: &[Printer] = &[
    Printer {
        group: "",
        kind: "Service",
        columns: &[
            NAME,
            text("Type"),
            text("Cluster-IP"),
            text("External-IP"),
            text("Port(s)"),
            AGE,
            wide("Selector"),
        ],
        cells: service,
    },
    Printer {
        group: "",
        kind: "Endpoints",
        columns: &[NAME, text("Endpoints"), AGE],
        cells: endpoints,
    },
    Printer {
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        columns: &[NAME, text("AddressType"), text("Ports"), text("Endpoints"), AGE],
        cells: slice,
    },
    Printer {
        group: "networking.k8s.io",
        kind: "Ingress",
        columns: &[NAME, text("Class"), text("Hosts"), text("Address"), text("Ports"), AGE],
        cells: ingress,
    },
    Printer {
        group: "networking.k8s.io",
        kind: "IngressClass",
        columns: &[NAME, text("Controller"), text("Parameters"), AGE],
        cells: ingress_class,
    },
    Printer {
        group: "networking.k8s.io",
        kind: "NetworkPolicy",
        columns: &[NAME, text("Pod-Selector"), AGE],
        cells: |c| vec![c.name(), c.selector("/spec/podSelector"), c.age()],
    },
    Printer {
        group: "networking.k8s.io",
        kind: "ServiceCIDR",
        columns: &[NAME, text("CIDRs"), AGE],
        cells: |c| vec![c.name(), texts(c.list("/spec/cidrs")).join(",").into(), c.age()],
    },
    Printer {
        group: "networking.k8s.io",
        kind: "IPAddress",
        columns: &[NAME, text("ParentRef")],
        cells: ip_address,
    },
];

fn texts(values: &[Value]) -> Vec<String> {
    values
        .iter()
        .filter_map(|value| value.as_str().map(ToOwned::to_owned))
        .collect()
}

fn service(c: &Cells<'_>) -> Vec<Value> {
    let ports: Vec<String> = c.list("/spec/ports").iter().map(port).collect();
    let ports = if ports.is_empty() {
        "<none>".to_owned()
    } else {
        ports.join(",")
    };
    vec![
        c.name(),
        c.text("/spec/type"),
        c.text_or("/spec/clusterIPs/0", "<none>"),
        external_ip(c).into(),
        ports.into(),
        c.age(),
        c.map("/spec/selector"),
    ]
}

fn port(port: &Value) -> String {
    let number = port["port"].as_i64().unwrap_or_default();
    let protocol = port["protocol"].as_str().unwrap_or_default();
    match port["nodePort"].as_i64() {
        Some(node_port) if node_port > 0 => format!("{number}:{node_port}/{protocol}"),
        _ => format!("{number}/{protocol}"),
    }
}

fn external_ip(c: &Cells<'_>) -> String {
    let external = texts(c.list("/spec/externalIPs"));
    match c.str("/spec/type") {
        "ClusterIP" | "NodePort" if external.is_empty() => "<none>".to_owned(),
        "ClusterIP" | "NodePort" => external.join(","),
        "LoadBalancer" => {
            let all: Vec<String> = balancer(c).into_iter().chain(external).collect();
            if all.is_empty() {
                "<pending>".to_owned()
            } else {
                all.join(",")
            }
        }
        "ExternalName" => c.str("/spec/externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses of the load balancer, sorted.
fn balancer(c: &Cells<'_>) -> BTreeSet<String> {
    let of = |ingress: &Value| {
        let ip = ingress["ip"].as_str().filter(|ip| !ip.is_empty());
        ip.or(ingress["hostname"].as_str())
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
    };
    c.list("/status/loadBalancer/ingress").iter().filter_map(of).collect()
}

fn endpoints(c: &Cells<'_>) -> Vec<Value> {
    let mut list = Vec::new();
    for subset in c.list("/subsets") {
        let ips = || {
            subset["addresses"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|address| address["ip"].as_str())
        };
        match subset["ports"].as_array().filter(|ports| !ports.is_empty()) {
            None => list.extend(ips().map(ToOwned::to_owned)),
            Some(ports) => {
                for port in ports {
                    let port = port["port"].as_i64().unwrap_or_default();
                    list.extend(ips().map(|ip| {
                        if ip.contains(':') {
                            format!("[{ip}]:{port}")
                        } else {
                            format!("{ip}:{port}")
                        }
                    }));
                }
            }
        }
    }
    vec![c.name(), some_of(&list, 3).into(), c.age()]
}

fn slice(c: &Cells<'_>) -> Vec<Value> {
    let port = |port: &Value| match (port["port"].as_i64(), port["name"].as_str()) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "*".to_owned(),
    };
    let ports: Vec<String> = c.list("/ports").iter().map(port).collect();
    let unset = |list: String| if list == "<none>" { "<unset>".to_owned() } else { list };
    let endpoints = c
        .list("/endpoints")
        .iter()
        .flat_map(|e| texts(e["addresses"].as_array().map_or(&[], Vec::as_slice)));
    let endpoints: Vec<String> = endpoints.collect();
    vec![
        c.name(),
        c.text("/addressType"),
        unset(some_of(&ports, 3)).into(),
        unset(some_of(&endpoints, 3)).into(),
        c.age(),
    ]
}

fn ingress(c: &Cells<'_>) -> Vec<Value> {
    let rules = c.list("/spec/rules");
    let hosts = rules
        .iter()
        .take(3)
        .filter_map(|rule| rule["host"].as_str().filter(|host| !host.is_empty()));
    let hosts: Vec<&str> = hosts.collect();
    let hosts = match (hosts.is_empty(), rules.len()) {
        (true, _) => "*".to_owned(),
        (false, more) if more > 3 => format!("{} + {} more...", hosts.join(","), more - 3),
        (false, _) => hosts.join(","),
    };
    let address: Vec<String> = balancer(c).into_iter().collect();
    let ports = if c.list("/spec/tls").is_empty() {
        "80"
    } else {
        "80, 443"
    };
    vec![
        c.name(),
        c.text_or("/spec/ingressClassName", "<none>"),
        hosts.into(),
        address.join(",").into(),
        ports.into(),
        c.age(),
    ]
}

fn ingress_class(c: &Cells<'_>) -> Vec<Value> {
    let kind = c.str("/spec/parameters/kind");
    let group = c.str("/spec/parameters/apiGroup");
    let dot = if group.is_empty() { "" } else { "." };
    let parameters = if kind.is_empty() {
        "<none>".to_owned()
    } else {
        format!("{kind}{dot}{group}/{}", c.str("/spec/parameters/name"))
    };
    vec![c.name(), c.text("/spec/controller"), parameters.into(), c.age()]
}

fn ip_address(c: &Cells<'_>) -> Vec<Value> {
    let parts = ["group", "resource", "namespace", "name"].map(|part| c.str(&format!("/spec/parentRef/{part}")));
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    vec![c.name(), parts.join("/").into()]
}
