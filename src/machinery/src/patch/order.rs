//! The order of a merged list: items of the patch in the patch's order, the server's own in the server's, interleaved by
//! where they stood on the server.

use serde_json::Value;

use super::PatchError;

/// What identifies an item of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    /// The item itself.
    None,
    /// One of its fields.
    Field(&'static str),
}

impl Key {
    /// The identity of an item; an object without its key has none.
    pub(super) fn of(self, item: &Value) -> Result<&Value, PatchError> {
        match self {
            Self::None => Ok(item),
            Self::Field(name) => item.get(name).ok_or_else(|| {
                PatchError::Internal(format!("map: {item} does not contain declared merge key: {name}"))
            }),
        }
    }

    fn index(self, list: &[Value], item: &Value) -> Option<usize> {
        let wanted = self.of(item).ok()?;
        list.iter()
            .position(|candidate| self.of(candidate).is_ok_and(|value| value == wanted))
    }
}

/// Sorts `merged` by `patch_order` and `server_order`.
pub(super) fn in_order(
    merged: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: Key,
) -> Result<Vec<Value>, PatchError> {
    for item in merged.iter().chain(patch_order) {
        key.of(item)?;
    }
    let (patch, server): (Vec<Value>, Vec<Value>) = merged
        .into_iter()
        .partition(|item| key.index(patch_order, item).is_some());
    let patch = sorted(patch, patch_order, key);
    let server = sorted(server, server_order, key);
    Ok(interleaved(server, patch, server_order, key))
}

/// By place in `order`; what is not there comes first, the last such item foremost, as upstream's comparison has it.
fn sorted(items: Vec<Value>, order: &[Value], key: Key) -> Vec<Value> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for item in items {
        match key.index(order, &item) {
            Some(index) => known.push((index, item)),
            None => unknown.push(item),
        }
    }
    known.sort_by_key(|(index, _)| *index);
    unknown.reverse();
    unknown
        .into_iter()
        .chain(known.into_iter().map(|(_, item)| item))
        .collect()
}

/// Merges two sorted lists; where one of the two is not known to the server, the right one goes first.
fn interleaved(left: Vec<Value>, right: Vec<Value>, server_order: &[Value], key: Key) -> Vec<Value> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        let places = (key.index(server_order, l), key.index(server_order, r));
        let left_first = matches!(places, (Some(l), Some(r)) if l < r);
        out.extend(if left_first { left.next() } else { right.next() });
    }
    out.extend(left);
    out.extend(right);
    out
}
