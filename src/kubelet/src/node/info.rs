//! Facts about the node: addresses, versions, images.

use k8s_openapi::api::core::v1::{ContainerImage, DaemonEndpoint, NodeAddress, NodeDaemonEndpoints, NodeSystemInfo};

use crate::context::Context;
use crate::options::Options;

/// Images listed in the status, the largest first; upstream's `nodeStatusMaxImages`.
const MAX_IMAGES: usize = 50;
const NAMES_PER_IMAGE: usize = 5;
/// The version that this kubelet behaves as.
const VERSION: &str = concat!("v1.36.2+rkube.", env!("CARGO_PKG_VERSION"));

pub(super) fn addresses(options: &Options) -> Vec<NodeAddress> {
    let address = |kind: &str, address: String| NodeAddress {
        type_: kind.to_owned(),
        address,
    };
    vec![
        address("InternalIP", options.node_ip.to_string()),
        address("Hostname", options.node_name.clone()),
    ]
}

pub(super) fn endpoints(options: &Options) -> NodeDaemonEndpoints {
    NodeDaemonEndpoints {
        kubelet_endpoint: Some(DaemonEndpoint {
            port: i32::from(options.port),
        }),
    }
}

pub(super) async fn images(context: &Context) -> Vec<ContainerImage> {
    let mut images = context.runtime.list_images().await.unwrap_or_default();
    images.sort_by_key(|image| (std::cmp::Reverse(image.size), image.id.clone()));
    let one = |image: cri::v1::Image| {
        let mut names = image.repo_digests;
        names.extend(image.repo_tags);
        names.truncate(NAMES_PER_IMAGE);
        ContainerImage {
            names: Some(names),
            size_bytes: i64::try_from(image.size).ok(),
        }
    };
    images
        .into_iter()
        .take(MAX_IMAGES)
        .map(one)
        .filter(|image| image.names.as_ref().is_some_and(|names| !names.is_empty()))
        .collect()
}

pub(super) async fn system(context: &Context) -> NodeSystemInfo {
    let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default().trim().to_owned();
    let machine_id = read("/etc/machine-id");
    let uuid = ["/var/lib/rkube/product_uuid", "/sys/class/dmi/id/product_uuid"]
        .into_iter()
        .map(read)
        .find(|id| !id.is_empty());
    let runtime = context.runtime.version().await.unwrap_or_default();
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    NodeSystemInfo {
        architecture: architecture.to_owned(),
        boot_id: read("/proc/sys/kernel/random/boot_id"),
        container_runtime_version: format!("{}://{}", runtime.runtime_name, runtime.runtime_version),
        kernel_version: read("/proc/sys/kernel/osrelease"),
        kube_proxy_version: String::new(),
        kubelet_version: VERSION.to_owned(),
        system_uuid: uuid.unwrap_or_else(|| machine_id.clone()),
        machine_id,
        operating_system: "linux".to_owned(),
        os_image: os_image(&read("/etc/os-release")),
        ..Default::default()
    }
}

fn os_image(release: &str) -> String {
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}
