//! One look at everything: the node, its pods and their containers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::cgroup::{Cgroups, Usage};
use super::disk::{self, Space};
use super::network::{self, Interface};
use super::rates::Rates;
use crate::context::Context;
use crate::csi;
use crate::pod::resources;
use crate::pod::sandbox::log_directory;
use crate::runtime::{Listed, RuntimeError};

const CGROUPS: &str = "/sys/fs/cgroup";
const PROC: &str = "/proc";

/// How much is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Processor and memory.
    Resources,
    /// Network too.
    Network,
    /// Disks too.
    Everything,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) node_name: String,
    pub(super) booted: Timestamp,
    pub(super) node: Measured,
    pub(super) pods_total: Option<Measured>,
    pub(super) interfaces: Vec<Interface>,
    pub(super) node_disk: Option<Space>,
    pub(super) image_disk: Option<Space>,
    pub(super) memory_capacity: u64,
    pub(super) processors: usize,
    pub(super) pods: Vec<PodStats>,
}

impl Snapshot {
    /// All containers with their pods.
    pub(super) fn containers(&self) -> impl Iterator<Item = (&PodStats, &ContainerStats)> {
        self.pods
            .iter()
            .flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)))
    }
}

/// Counters with the moment they were read.
#[derive(Debug, Default, Clone)]
pub(super) struct Measured {
    pub(super) at: Timestamp,
    pub(super) group: String,
    pub(super) usage: Usage,
    /// Nano-cores.
    pub(super) rate: Option<u64>,
}

#[derive(Debug)]
pub(super) struct PodStats {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) started: Timestamp,
    pub(super) measured: Option<Measured>,
    pub(super) interfaces: Vec<Interface>,
    pub(super) containers: Vec<ContainerStats>,
    pub(super) volumes: Vec<VolumeStats>,
}

#[derive(Debug)]
pub(super) struct ContainerStats {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) image: String,
    pub(super) started: Timestamp,
    pub(super) measured: Option<Measured>,
    pub(super) layer: Option<Space>,
    pub(super) logs: Option<Space>,
}

#[derive(Debug)]
pub(super) struct VolumeStats {
    pub(super) name: String,
    pub(super) claim: Option<String>,
    /// On the node's own disk.
    pub(super) on_node: bool,
    pub(super) space: Space,
}

/// Writable layers by container: bytes and inodes.
type Layers = HashMap<String, (u64, u64)>;

/// What drivers say of their volumes: by pod and the volume's name in it.
type Given = HashMap<(String, String), Space>;

/// Answers questions of use.
#[derive(Debug)]
pub(crate) struct Stats {
    rates: Arc<Rates>,
    booted: Timestamp,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            rates: Arc::default(),
            // of PID 1, which is the node's
            booted: started(Path::new("/proc/1")).unwrap_or_else(Timestamp::now),
        }
    }
}

/// When the process began, by the time of its folder.
fn started(process: &Path) -> Option<Timestamp> {
    let modified = fs_err::metadata(process).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok()
}

impl Stats {
    /// Looks at the node and at its pods.
    pub(super) async fn look(
        &self,
        context: &Context,
        pods: Vec<Arc<Pod>>,
        wanted: Wanted,
    ) -> Result<Snapshot, RuntimeError> {
        let containers = context.runtime.running_containers().await?;
        let layers = if wanted == Wanted::Everything {
            context.runtime.writable_layers().await.unwrap_or_default()
        } else {
            Layers::new()
        };
        let given = if wanted == Wanted::Everything {
            let uids: Vec<String> = pods.iter().filter_map(|pod| pod.metadata.uid.clone()).collect();
            csi::stats(context, &uids).await
        } else {
            Given::new()
        };
        let look = Look {
            given,
            cgroups: Cgroups::at(Path::new(CGROUPS)),
            proc: PathBuf::from(PROC),
            rates: Arc::clone(&self.rates),
            wanted,
            root: context.options.root.clone(),
            pod_logs: context.options.pod_logs.clone(),
        };
        let mut snapshot = Snapshot {
            node_name: context.options.node_name.clone(),
            booted: self.booted,
            memory_capacity: u64::try_from(context.node_memory).unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            ..Snapshot::default()
        };
        let work = tokio::task::spawn_blocking(move || {
            look.at_node(&mut snapshot);
            look.at_pods(&mut snapshot, &pods, &containers, &layers);
            snapshot
        });
        work.await.map_err(|_| RuntimeError::Empty { call: "stats" })
    }
}

/// What a look needs; reads files, so never on the executor's threads.
pub(super) struct Look {
    pub(super) given: Given,
    pub(super) cgroups: Cgroups,
    pub(super) proc: PathBuf,
    pub(super) rates: Arc<Rates>,
    pub(super) wanted: Wanted,
    pub(super) root: PathBuf,
    pub(super) pod_logs: PathBuf,
}

impl Look {
    fn measure(&self, group: &str) -> Option<Measured> {
        let usage = self.cgroups.read(group)?;
        let at = Timestamp::now();
        let rate = usage.cpu.and_then(|cpu| self.rates.note(group, at, cpu));
        Some(Measured {
            at,
            group: group.to_owned(),
            usage,
            rate,
        })
    }

    pub(super) fn at_node(&self, snapshot: &mut Snapshot) {
        snapshot.node = self.measure("/").unwrap_or_default();
        // a root group has no memory files in version 2: then the node has the machine to itself
        if snapshot.node.usage.memory.is_none() {
            let (used, inactive) = machine_memory(&self.proc);
            snapshot.node.usage.memory = used;
            snapshot.node.usage.working_set = used.map(|used| used.saturating_sub(inactive));
        }
        snapshot.pods_total = self.measure("/kubepods");
        if self.wanted != Wanted::Resources {
            snapshot.interfaces = network::of_process(&self.proc, 1);
        }
        if self.wanted == Wanted::Everything {
            snapshot.node_disk = Space::at(&self.root);
            snapshot.image_disk = Space::at(Path::new("/var/lib/containerd"));
        }
    }

    pub(super) fn at_pods(&self, snapshot: &mut Snapshot, pods: &[Arc<Pod>], running: &[Listed], layers: &Layers) {
        for pod in pods {
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let own = running.iter().filter(|container| container.uid == uid);
            let group = resources::cgroup_parent(pod);
            let containers: Vec<ContainerStats> = own
                .map(|container| self.at_container(pod, &group, container, snapshot.image_disk, layers))
                .collect();
            if containers.is_empty() {
                continue;
            }
            let host_network = pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
            let interfaces = (self.wanted != Wanted::Resources && !host_network)
                .then(|| self.cgroups.process(&group))
                .flatten()
                .map(|process| network::of_process(&self.proc, process));
            let everything = self.wanted == Wanted::Everything;
            snapshot.pods.push(PodStats {
                namespace: pod.metadata.namespace.clone().unwrap_or_default(),
                name: pod.metadata.name.clone().unwrap_or_default(),
                started: containers
                    .iter()
                    .map(|container| container.started)
                    .min()
                    .unwrap_or_default(),
                measured: self.measure(&group),
                interfaces: interfaces.unwrap_or_default(),
                volumes: if everything {
                    self.volumes(pod, &uid)
                } else {
                    Vec::new()
                },
                containers,
                uid,
            });
        }
        let groups: Vec<&str> = snapshot
            .pods
            .iter()
            .flat_map(|pod| {
                pod.measured
                    .iter()
                    .chain(pod.containers.iter().flat_map(|one| &one.measured))
            })
            .map(|measured| measured.group.as_str())
            .collect();
        self.rates
            .keep(|group| matches!(group, "/" | "/kubepods") || groups.contains(&group));
    }

    fn at_container(
        &self,
        pod: &Pod,
        group: &str,
        container: &Listed,
        image_disk: Option<Space>,
        layers: &Layers,
    ) -> ContainerStats {
        let logs = (self.wanted == Wanted::Everything).then(|| {
            let folder = log_directory(&self.pod_logs, pod).join(&container.name);
            let (bytes, inodes) = disk::folder(&folder);
            Space::at(&self.root).unwrap_or_default().share(bytes, inodes)
        });
        let layer = layers.get(&container.id).zip(image_disk);
        ContainerStats {
            name: container.name.clone(),
            id: container.id.clone(),
            image: container.image.clone(),
            started: Timestamp::from_nanosecond(container.created_at.into()).unwrap_or_default(),
            measured: self.measure(&format!("{group}/{}", container.id)),
            layer: layer.map(|(&(bytes, inodes), disk)| disk.share(bytes, inodes)),
            logs,
        }
    }

    /// Volumes that have a place of their own: claims by their file system, others by what lies in them.
    fn volumes(&self, pod: &Pod, uid: &str) -> Vec<VolumeStats> {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let found = volumes.filter_map(|volume| {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let claim = claims::claim_of(name, volume).map(|claim| claim.name);
            if let Some(space) = self.given.get(&(uid.to_owned(), volume.name.clone())) {
                return Some(VolumeStats {
                    name: volume.name.clone(),
                    claim,
                    on_node: false,
                    space: *space,
                });
            }
            let plugin = if volume.empty_dir.is_some() {
                "kubernetes.io~empty-dir"
            } else if volume.config_map.is_some() {
                "kubernetes.io~configmap"
            } else if volume.secret.is_some() {
                "kubernetes.io~secret"
            } else if volume.projected.is_some() {
                "kubernetes.io~projected"
            } else if volume.downward_api.is_some() {
                "kubernetes.io~downward-api"
            } else {
                return None;
            };
            let folder = self
                .root
                .join("pods")
                .join(uid)
                .join("volumes")
                .join(plugin)
                .join(&volume.name);
            let (bytes, inodes) = disk::folder(&folder);
            Some(VolumeStats {
                name: volume.name.clone(),
                claim,
                on_node: true,
                space: Space::at(&folder)?.share(bytes, inodes),
            })
        });
        found.collect()
    }
}

/// Bytes of memory in use, and of those what is easily given up.
fn machine_memory(proc: &Path) -> (Option<u64>, u64) {
    let text = fs_err::read_to_string(proc.join("meminfo")).unwrap_or_default();
    let field = |name: &str| -> Option<u64> {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(field, _)| *field == name)?;
        Some(value.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    let used = field("MemTotal")
        .zip(field("MemFree"))
        .map(|(all, free)| all.saturating_sub(free));
    (used, field("Inactive(file)").unwrap_or_default())
}
