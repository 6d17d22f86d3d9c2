//! ImageLocality: nodes that have the images already.

use crate::cache::NodeInfo;
use crate::pod::PodInfo;

const SMALLEST: i64 = 23 << 20;
const LARGEST_PER_CONTAINER: i64 = 1000 << 20;

pub(super) fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let containers = pod.images.len().max(1) as i64;
    let present: i64 = pod.images.iter().filter_map(|image| node.images.get(image)).sum();
    let largest = LARGEST_PER_CONTAINER * containers;
    (present.clamp(SMALLEST, largest) - SMALLEST) * 100 / (largest - SMALLEST)
}
