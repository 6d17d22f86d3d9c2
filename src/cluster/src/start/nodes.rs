//! The nodes' containers: made with their configuration and certificates inside, then started, all at the same time.

use std::time::SystemTime;

use ::mirrors::Table;
use nodespec::{Role, paths};
use pki::PemFile;

use super::{Keys, Start};
use crate::engine::{NodeContainer, NodeState, explain, failed};
use crate::profile::{Confinement, Profile, ProfileNode};
use crate::progress::Step;
use crate::{ClusterError, mirrors, pause};

impl Start<'_> {
    /// Makes what is missing and starts what does not run. True if there was anything to do.
    pub(super) async fn nodes(
        &self,
        profile: &Profile,
        existing: &[NodeState],
        keys: &Keys,
    ) -> Result<bool, ClusterError> {
        self.begin(Step::Nodes);
        let confinement = self.store.confinement(self.engine.address());
        let bring_up = |node| {
            self.bring_up(
                profile,
                node,
                existing,
                keys,
                confinement.unwrap_or(Confinement::Privileged),
            )
        };
        let changed = if confinement.is_none() {
            // the first node shows what this engine allows; the others need not try
            let mut changed = false;
            for node in &profile.nodes {
                changed |= bring_up(node).await?;
            }
            changed
        } else {
            let all = profile.nodes.iter().map(bring_up);
            futures::future::try_join_all(all)
                .await?
                .into_iter()
                .any(|changed| changed)
        };
        self.done(Step::Nodes, changed);
        Ok(changed)
    }

    /// The nodes that exist. One that was made and has never run may lack its files, since the start that made it was broken off: it is
    /// taken away, and made again.
    pub(super) async fn without_unfinished(&self) -> Result<Vec<NodeState>, ClusterError> {
        let mut finished = Vec::new();
        for node in self.engine.nodes(Some(&self.options.name)).await? {
            if self.engine.never_ran(&node).await? {
                self.engine.remove_node(&node.name).await?;
            } else {
                finished.push(node);
            }
        }
        Ok(finished)
    }

    async fn bring_up(
        &self,
        profile: &Profile,
        node: &ProfileNode,
        existing: &[NodeState],
        keys: &Keys,
        confinement: Confinement,
    ) -> Result<bool, ClusterError> {
        match existing.iter().find(|container| container.name == node.name) {
            Some(container) if container.running() => pause::resume(self.engine, &node.name).await,
            Some(_) => match self.engine.start_node(&node.name).await {
                Ok(()) => {
                    self.engine.want_node(&node.name, true).await;
                    Ok(true)
                }
                Err(error) => Err(explain_start(profile, error)),
            },
            None => {
                if self.engine.foreign_container(&node.name, &profile.name).await? {
                    return Err(ClusterError::NameTaken {
                        what: "container",
                        name: node.name.clone(),
                    });
                }
                self.engine.create_volume(&profile.name, &node.name).await?;
                let archive = archive(profile, node, keys, &self.table)?;
                self.create_and_start(profile, node, &archive, confinement).await?;
                Ok(true)
            }
        }
    }

    async fn create_and_start(
        &self,
        profile: &Profile,
        node: &ProfileNode,
        archive: &[u8],
        confinement: Confinement,
    ) -> Result<(), ClusterError> {
        // an earlier node of this start may have learnt what the engine allows
        let confinement = self.store.confinement(self.engine.address()).unwrap_or(confinement);
        let is_control_plane = node.role == Role::ControlPlane;
        let container = NodeContainer {
            cluster: &profile.name,
            name: &node.name,
            role: if is_control_plane { "control-plane" } else { "worker" },
            image: &profile.image,
            network: &profile.name,
            ip: node.ip.into(),
            ports: if is_control_plane {
                published(profile)
            } else {
                Vec::new()
            },
            confinement,
            modules: std::path::Path::new("/lib/modules").is_dir(),
            env: &self.options.proxies.environment(profile),
            limits: profile.limits,
        };
        self.engine.create_node(&container).await?;
        self.engine.upload(&node.name, archive.to_vec()).await?;
        let address = self.engine.address();
        match self.engine.start_node(&node.name).await {
            Ok(()) => self.store.remember_confinement(address, confinement),
            Err(error) if is_port_taken(&error) => Err(explain_start(profile, error)),
            Err(error) if confinement == Confinement::Privileged => {
                tracing::info!(
                    reason = explain(&error),
                    "the engine refuses --privileged; using capabilities instead"
                );
                self.engine.remove_node(&node.name).await?;
                let container = NodeContainer {
                    confinement: Confinement::Capabilities,
                    ..container
                };
                self.engine.create_node(&container).await?;
                self.engine.upload(&node.name, archive.to_vec()).await?;
                self.engine
                    .start_node(&node.name)
                    .await
                    .map_err(|error| explain_start(profile, error))?;
                self.store.remember_confinement(address, Confinement::Capabilities)
            }
            Err(error) => Err(explain_start(profile, error)),
        }
    }
}

/// Ports on 127.0.0.1, and the node's own that they lead to.
fn published(profile: &Profile) -> Vec<(u16, u16)> {
    let mut ports = vec![(profile.api_port, nodespec::ports::API)];
    ports.extend(profile.http_port.map(|port| (port, nodespec::ports::HTTP)));
    ports.extend(profile.https_port.map(|port| (port, nodespec::ports::HTTPS)));
    ports.extend(
        profile
            .registry_port
            .map(|port| (port, nodespec::ports::LOCAL_REGISTRY)),
    );
    ports
}

fn explain_start(profile: &Profile, error: bollard::errors::Error) -> ClusterError {
    if is_port_taken(&error) {
        let reason = explain(&error);
        let ports = published(profile);
        // `127.0.0.1:80 failed: port is already allocated`, or `127.0.0.1:80: bind: address already in use`
        let names = |port: u16| [" ", ":"].iter().any(|end| reason.contains(&format!(":{port}{end}")));
        let named = ports.iter().find(|(port, _)| names(*port));
        return ClusterError::PortTaken {
            port: named.map_or(profile.api_port, |(port, _)| *port),
        };
    }
    failed("start the node", error)
}

fn is_port_taken(error: &bollard::errors::Error) -> bool {
    let reason = explain(error);
    ["port is already allocated", "address already in use"]
        .iter()
        .any(|words| reason.contains(words))
}

/// The node's configuration and certificates as they lie below `/`.
fn archive(profile: &Profile, node: &ProfileNode, keys: &Keys, table: &Table) -> Result<Vec<u8>, ClusterError> {
    let now = SystemTime::now();
    let identity = pki::Node {
        name: &node.name,
        ip: node.ip.into(),
    };
    let files = match node.role {
        Role::Worker => pki::worker(&keys.authority, &identity, now)?,
        Role::ControlPlane => {
            let extra: Vec<std::net::IpAddr> = profile.api_host.parse().into_iter().collect();
            let plane = pki::ControlPlane {
                node: identity,
                service_ip: profile.kubernetes_ip(),
                dns_domain: &profile.dns_domain,
                extra_dns: &[],
                extra_ips: &extra,
            };
            let mut files = pki::control_plane(&keys.authority, &plane, now)?;
            files.extend(keys.service_accounts.iter().cloned());
            files
        }
    };
    let mut tar = tar::Builder::new(Vec::new());
    let config = serde_json::to_vec_pretty(&profile.node_config(node)).map_err(std::io::Error::other)?;
    append(&mut tar, paths::CONFIG, &config, 0o644)?;
    append(&mut tar, paths::MIRRORS, &mirrors::file(table)?, 0o600)?;
    for file in &files {
        append(
            &mut tar,
            &format!("{}/{}", paths::PKI, file.name),
            file.text.as_bytes(),
            PemFile::MODE,
        )?;
    }
    Ok(tar.into_inner()?)
}

/// Adds a file by its absolute path.
pub(crate) fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path.trim_start_matches('/'), content)
}
