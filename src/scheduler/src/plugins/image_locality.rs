//! ImageLocality: nodes that have the images already.

use crate::cache::NodeInfo;
use crate::pod::PodInfo;

pub(crate) const NAME: &str = "ImageLocality";

const SMALLEST: i64 = 23 << 20;
const LARGEST_PER_CONTAINER: i64 = 1000 << 20;

/// An image counts the more, the more nodes have it: else all pods of the first one that was pulled would follow it to one node.
pub(crate) fn score(pod: &PodInfo, nodes: &[&NodeInfo], all: &[&NodeInfo]) -> Vec<i64> {
    let images: Vec<(&String, f64)> = pod
        .images
        .iter()
        .map(|image| {
            let with = all.iter().filter(|node| node.images.contains_key(image)).count();
            (image, with as f64 / all.len().max(1) as f64)
        })
        .collect();
    let largest = LARGEST_PER_CONTAINER * images.len().max(1) as i64;
    let of = |node: &&NodeInfo| {
        let sizes = images.iter().filter_map(|(image, spread)| {
            let size = *node.images.get(*image)?;
            Some((size as f64 * spread) as i64)
        });
        (sizes.sum::<i64>().clamp(SMALLEST, largest) - SMALLEST) * 100 / (largest - SMALLEST)
    };
    nodes.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_counts_by_its_size_and_by_how_many_have_it() {
        let node = |images: &[(&str, i64)]| NodeInfo {
            images: images
                .iter()
                .map(|(name, size)| ((*name).to_owned(), *size << 20))
                .collect(),
            ..NodeInfo::default()
        };
        let pod = serde_json::json!({"spec": {"initContainers": [{"name": "i", "image": "setup:1"}],
            "containers": [{"name": "c", "image": "big"}]}});
        let pod = PodInfo::of(&serde_json::from_value(pod).unwrap());
        let (one, two, three) = (
            node(&[("big:latest", 2046), ("setup:1", 2046)]),
            node(&[("setup:1", 2046)]),
            node(&[]),
        );
        let all = [&one, &two, &three];
        // 682 and 1 364 MiB, over 23, of 1 977
        assert_eq!(score(&pod, &all, &all), [100, 67, 0]);
        assert_eq!(score(&pod, &[&two], &[&two]), [100]);
    }
}
