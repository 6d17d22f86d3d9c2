//! Of a story, the branch that is about one object: what led to it, what became of it, and nothing of its siblings.

use super::{Entry, Story, What};
use crate::Object;

impl Story {
    /// What the story tells of an object; `None` if it tells nothing.
    #[must_use]
    pub fn about(&self, object: &Object) -> Option<Self> {
        let own: Vec<usize> = (0..self.entries.len())
            .filter(|index| self.entries[*index].is_about(object))
            .collect();
        if own.is_empty() {
            return None;
        }
        let mut kept = vec![false; self.entries.len()];
        for index in own {
            for at in self.way_to(index).into_iter().chain(self.below(index)) {
                kept[at] = true;
            }
        }
        // how a request that led here went through the API server, and who was told of it
        for index in 0..self.entries.len() {
            if matches!(self.entries[index].what, What::Phase { .. } | What::Told { .. }) {
                kept[index] |= self.way_to(index).get(1).is_some_and(|above| kept[*above]);
            }
        }
        let entries = self.entries.iter().zip(&kept);
        let entries = entries.filter(|(_, kept)| **kept).map(|(entry, _)| entry.clone());
        let name = format!("{}/{}", object.namespace, object.name);
        let is_pod = object.resource == "pods" && object.group.is_empty();
        let pods = self.pods.iter().filter(|pod| !is_pod || pod.name == name);
        Some(Self {
            entries: entries.collect(),
            pods: pods.cloned().collect(),
            ..self.clone()
        })
    }

    /// An entry and the ones that it follows from, up to the request.
    fn way_to(&self, index: usize) -> Vec<usize> {
        let mut way = vec![index];
        let mut depth = self.entries[index].depth;
        for at in (0..index).rev() {
            if self.entries[at].depth < depth {
                depth = self.entries[at].depth;
                way.push(at);
            }
        }
        way
    }

    /// All that follows from an entry.
    fn below(&self, index: usize) -> impl Iterator<Item = usize> {
        let depth = self.entries[index].depth;
        let deeper = move |at: &usize| self.entries[*at].depth > depth;
        (index + 1..self.entries.len()).take_while(deeper)
    }
}

impl Entry {
    fn is_about(&self, object: &Object) -> bool {
        let written = match &self.what {
            What::Request(asked) => &asked.written,
            What::Write(written) => written,
            _ => return false,
        };
        written.object.is(object)
    }
}
