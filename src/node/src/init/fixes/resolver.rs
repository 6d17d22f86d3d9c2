//! The resolver configuration pods start from.
//!
//! The engine's own resolver answers on a loopback address that no pod can reach, so pods are given the node-local
//! forwarder's address instead (served by `rkube node`), and the engine's file stays as it is.

use std::net::IpAddr;

use nodespec::NodeConfig;

use super::{Facts, Outcome};
use crate::resolver::{FORWARDER, POD_RESOLV_CONF};

/// Writes the file that pods with DNS policy `Default` are given, and that cluster DNS forwards to.
pub(super) fn resolv_conf(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let ours = fs_err::read_to_string("/etc/resolv.conf")?;
    let wanted = for_pods(&ours, FORWARDER);
    if fs_err::read_to_string(POD_RESOLV_CONF).is_ok_and(|present| present == wanted) {
        return Ok(None);
    }
    fs_err::write(POD_RESOLV_CONF, &wanted)?;
    Ok((wanted != ours).then(|| format!("pods resolve through {FORWARDER}")))
}

/// `conf` with all name servers replaced by `forwarder` if any of them is a loopback address.
fn for_pods(conf: &str, forwarder: IpAddr) -> String {
    let server = |line: &str| {
        line.trim()
            .strip_prefix("nameserver")
            .and_then(|rest| rest.trim().parse::<IpAddr>().ok())
    };
    let servers: Vec<IpAddr> = conf.lines().filter_map(server).collect();
    if !servers.is_empty() && !servers.iter().any(IpAddr::is_loopback) {
        return conf.to_owned();
    }
    let rest = conf
        .lines()
        .filter(|line| server(line).is_none() && !line.trim().starts_with('#'));
    rest.fold(format!("nameserver {forwarder}\n"), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::for_pods;

    #[test]
    fn a_loopback_server_gives_way_to_the_forwarder() {
        let conf = "# made by the engine\nnameserver 127.0.0.11\nsearch lan\noptions ndots:0\n";
        let forwarder = "169.254.20.10".parse().unwrap();
        assert_eq!(
            for_pods(conf, forwarder),
            "nameserver 169.254.20.10\nsearch lan\noptions ndots:0\n"
        );
    }

    #[test]
    fn reachable_servers_stay() {
        let conf = "nameserver 10.0.0.2\n";
        assert_eq!(for_pods(conf, "169.254.20.10".parse().unwrap()), conf);
    }
}
