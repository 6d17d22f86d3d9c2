//! Proxies for the nodes: those of this machine, as far as they mean anything there.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use crate::profile::Profile;

/// What this machine's environment says of proxies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    /// `HTTP_PROXY`.
    pub http: Option<String>,
    /// `HTTPS_PROXY`.
    pub https: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks, separated by commas.
    pub no: Option<String>,
}

impl Proxies {
    /// Those that listen on this machine's loopback addresses, which are others in a node.
    pub(super) fn unreachable(&self) -> Vec<&str> {
        let all = [&self.http, &self.https].into_iter().flatten();
        let mut unreachable: Vec<&str> = all.map(String::as_str).filter(|url| is_loopback(url)).collect();
        unreachable.dedup();
        unreachable
    }

    /// Variables of a node's environment, in both spellings, so that every program finds its own. What is in the cluster is never
    /// asked for by way of a proxy.
    pub(super) fn environment(&self, profile: &Profile) -> Vec<String> {
        let reachable = |url: &Option<String>| url.clone().filter(|url| !is_loopback(url));
        let (http, https) = (reachable(&self.http), reachable(&self.https));
        if http.is_none() && https.is_none() {
            return Vec::new();
        }
        let loopback = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        let mut direct: Vec<String> = self.no.iter().cloned().collect();
        direct.extend([
            "localhost".to_owned(),
            ".svc".to_owned(),
            format!(".{}", profile.dns_domain),
        ]);
        for net in [loopback, profile.subnet, profile.cluster_cidr, profile.service_cidr] {
            direct.push(net.to_string());
        }
        let direct = Some(direct.join(","));
        let mut all = Vec::new();
        for (name, value) in [("HTTP_PROXY", http), ("HTTPS_PROXY", https), ("NO_PROXY", direct)] {
            if let Some(value) = value {
                all.push(format!("{}={value}", name.to_lowercase()));
                all.push(format!("{name}={value}"));
            }
        }
        all
    }
}

/// With or without a scheme, credentials and a port.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_cluster_is_asked_directly() {
        let profile = crate::profile::tests::profile();
        let proxies = Proxies {
            http: Some("http://127.0.0.1:7890".to_owned()),
            https: Some("http://proxy.example:3128".to_owned()),
            no: Some("intranet.example".to_owned()),
        };
        let all = proxies.environment(&profile);
        assert_eq!(proxies.unreachable(), ["http://127.0.0.1:7890"]);
        assert!(!all.iter().any(|one| one.contains("7890")), "{all:?}");
        for name in ["https_proxy", "HTTPS_PROXY"] {
            assert!(all.contains(&format!("{name}=http://proxy.example:3128")), "{all:?}");
        }
        let no = all.iter().find_map(|one| one.strip_prefix("NO_PROXY=")).unwrap();
        let no: Vec<&str> = no.split(',').collect();
        for direct in [
            "intranet.example",
            "localhost",
            ".svc",
            ".cluster.local",
            "127.0.0.0/8",
            "192.168.49.0/24",
        ] {
            assert!(no.contains(&direct), "no {direct} in {no:?}");
        }
        for net in [profile.cluster_cidr, profile.service_cidr] {
            assert!(no.contains(&net.to_string().as_str()), "no {net} in {no:?}");
        }
        let none = Proxies { https: None, ..proxies };
        assert!(none.environment(&profile).is_empty());
    }

    #[test]
    fn loopback_is_seen_in_every_spelling() {
        for url in [
            "http://127.0.0.1:7890",
            "localhost:3128",
            "socks5://me:secret@LOCALHOST",
            "http://[::1]:8080/",
            "127.0.0.53",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:3128",
            "http://proxy.example",
            "http://localhost.example:1",
            "",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
