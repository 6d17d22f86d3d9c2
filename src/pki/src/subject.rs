//! A certificate with another subject: the generator keeps one value per attribute, and users are in several groups.

use rcgen::{KeyPair, SigningKey as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The same certificate for `subject`, a distinguished name in DER, signed anew. `None` if it cannot be read.
pub(crate) fn replace(certificate: &[u8], subject: &[u8], key: &KeyPair) -> Option<Result<Vec<u8>, rcgen::Error>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let signed = parsed.tbs_certificate.as_ref();
    let old = parsed.tbs_certificate.subject.as_raw();
    let at = offset(signed, old)?;
    // what follows the header of the signed part
    let body = signed.get(header_length(signed)?..at)?;
    let rest = signed.get(at + old.len()..)?;
    let signed = element(SEQUENCE, &[body, subject, rest]);
    // algorithm and signature follow the signed part; the algorithm stays
    let behind = offset(certificate, parsed.tbs_certificate.as_ref())? + parsed.tbs_certificate.as_ref().len();
    let algorithm = certificate.get(behind..)?;
    let algorithm = algorithm.get(..header_length(algorithm)? + content_length(algorithm)?)?;
    let signature = match key.sign(&signed) {
        Ok(signature) => signature,
        Err(error) => return Some(Err(error)),
    };
    let signature = element(BIT_STRING, &[&[0], &signature]);
    Some(Ok(element(SEQUENCE, &[&signed, algorithm, &signature])))
}

/// Where `part` lies in `whole`.
fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (at + part.len() <= whole.len()).then_some(at)
}

/// Length of an element's tag and length.
fn header_length(element: &[u8]) -> Option<usize> {
    let first = *element.get(1)?;
    Some(2 + usize::from(if first & 0x80 == 0 { 0 } else { first & 0x7f }))
}

fn content_length(element: &[u8]) -> Option<usize> {
    let first = *element.get(1)?;
    if first & 0x80 == 0 {
        return Some(usize::from(first));
    }
    let digits = element.get(2..header_length(element)?)?;
    digits.iter().try_fold(0_usize, |sum, digit| {
        sum.checked_mul(256).map(|sum| sum + usize::from(*digit))
    })
}

/// An element in DER.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
        out.push(0x80 | digits.len() as u8);
        out.extend_from_slice(digits);
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}
