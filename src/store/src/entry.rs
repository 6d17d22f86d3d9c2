//! Revisions, entries and events.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};

/// A point in the store's history. Revision 0 is the empty store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value on its way in: the committed revision is written, in decimal, between `head` and `tail`, so that the
/// stored bytes are the bytes to be served.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    /// What the layer above needs for filtering without parsing; opaque here.
    pub header: Bytes,
    /// Bytes before the revision.
    pub head: Bytes,
    /// Bytes behind the revision.
    pub tail: Bytes,
}

impl Payload {
    pub(crate) fn seal(&self, revision: Revision) -> Bytes {
        let digits = revision.to_string();
        let mut value = BytesMut::with_capacity(self.head.len() + digits.len() + self.tail.len());
        value.put_slice(&self.head);
        value.put_slice(digits.as_bytes());
        value.put_slice(&self.tail);
        value.freeze()
    }
}

/// A key's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The bytes to be served.
    pub value: Bytes,
    /// As given in [`Payload::header`].
    pub header: Bytes,
    /// When the key came into being.
    pub create_revision: Revision,
    /// When it was last written.
    pub mod_revision: Revision,
}

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The state after it; for a removal the last state with the removal's revision spliced in.
    pub entry: Arc<Entry>,
    /// The state before it; `None` for a creation.
    pub previous: Option<Arc<Entry>>,
    /// True for a removal.
    pub deleted: bool,
}

impl Event {
    /// When it happened.
    pub fn revision(&self) -> Revision {
        self.entry.mod_revision
    }
}
