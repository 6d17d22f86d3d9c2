//! The newest records of one kind; older ones are let go.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bounded list that forgets its oldest entry when it is full. It takes no memory before its first entry.
#[derive(Debug)]
pub struct Ring<T> {
    most: usize,
    kept: Mutex<VecDeque<T>>,
}

impl<T> Ring<T> {
    /// A ring of at most `most` entries.
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            kept: Mutex::new(VecDeque::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry.
    pub fn push(&self, entry: T) {
        let mut kept = self.lock();
        if kept.len() >= self.most {
            kept.pop_front();
        }
        kept.push_back(entry);
    }

    /// Copies of the entries that are wanted, oldest first.
    pub fn find(&self, wanted: impl Fn(&T) -> bool) -> Vec<T>
    where
        T: Clone,
    {
        self.lock().iter().filter(|entry| wanted(entry)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let ring = Ring::new(2);
        (1..=3).for_each(|number| ring.push(number));
        assert_eq!(ring.find(|_| true), [2, 3]);
    }
}
