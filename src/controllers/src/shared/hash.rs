//! Hashes that become part of names and labels.

use serde::Serialize;

const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Letters and digits that make no words.
pub(crate) fn safe_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]))
        .collect()
}

/// Hash of a template and the number of collisions so far. It is taken over canonical JSON (sorted keys, unset fields
/// absent), so that it stays the same when the API grows.
pub(crate) fn template_hash(template: &impl Serialize, collisions: Option<i32>) -> Result<String, serde_json::Error> {
    let json = serde_json::to_value(template)?.to_string();
    let collisions = collisions.map(|count| count.to_le_bytes());
    Ok(safe_encode(
        &fnv1a(json.bytes().chain(collisions.into_iter().flatten())).to_string(),
    ))
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_upstreams() {
        assert_eq!(safe_encode("1234567890"), "56789bcdf4");
    }

    #[test]
    fn fnv_is_the_32_bit_variant_1a() {
        assert_eq!(fnv1a(b"".iter().copied()), 0x811c_9dc5);
        assert_eq!(fnv1a(b"a".iter().copied()), 0xe40c_292c);
        assert_eq!(fnv1a(b"foobar".iter().copied()), 0xbf9c_f968);
    }

    #[test]
    fn equal_templates_hash_alike_and_collisions_differ() {
        let template = serde_json::json!({"b": 1, "a": {"x": null}});
        let hash = template_hash(&template, None).expect("hash");
        assert_eq!(template_hash(&template.clone(), None).expect("hash"), hash);
        assert_ne!(template_hash(&template, Some(1)).expect("hash"), hash);
    }
}
