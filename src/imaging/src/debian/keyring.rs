//! OpenPGP: who may sign a release.

use pgp::composed::{CleartextSignedMessage, Deserializable as _, SignedPublicKey};

use crate::{ImagingError, embedded};

/// Keys whose signature on a release is believed.
pub(crate) struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    /// The shipped keys and those of further keyrings (binary, as apt keeps them). A keyring that cannot be read is passed
    /// over: fewer keys can only make verification fail.
    pub(crate) fn new(further: &[Vec<u8>]) -> Self {
        let mut keys = Vec::new();
        for armored in embedded::KEYS {
            if let Ok((key, _)) = SignedPublicKey::from_armor_single(armored.as_bytes()) {
                keys.push(key);
            }
        }
        for binary in further {
            keys.extend(
                SignedPublicKey::from_bytes_many(binary.as_slice())
                    .into_iter()
                    .flatten()
                    .flatten(),
            );
        }
        Self { keys }
    }

    /// The text inside a clear-signed message, if at least one signature on it is by one of the keys.
    pub(crate) fn verify(&self, message: &[u8]) -> Result<String, ImagingError> {
        let malformed = |reason: String| ImagingError::Malformed {
            what: "release signature".to_owned(),
            reason,
        };
        let text = std::str::from_utf8(message).map_err(|error| malformed(error.to_string()))?;
        let (message, _) = CleartextSignedMessage::from_string(text).map_err(|error| malformed(error.to_string()))?;
        let signed = message.signed_text();
        let good = message.signatures().iter().any(|signature| {
            self.keys.iter().any(|key| {
                signature.verify(key, signed.as_bytes()).is_ok()
                    || key.public_subkeys.iter().any(|subkey| {
                        // a subkey speaks for its certificate only if the primary key says so
                        subkey.verify_bindings(&key.primary_key).is_ok()
                            && signature.verify(subkey, signed.as_bytes()).is_ok()
                    })
            })
        });
        if good {
            Ok(signed.replace("\r\n", "\n"))
        } else {
            Err(malformed("no signature by a known key".to_owned()))
        }
    }
}
