//! Certificates that somebody else asks for: what a request says, and signing it.

use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateSigningRequestParams, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType,
    SerialNumber,
};
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

use crate::{PkiError, subject};

/// A certificate signing request whose signature is right.
#[derive(Debug)]
pub struct Request {
    inner: CertificateSigningRequestParams,
    organizations: Vec<String>,
    /// The whole subject as it was asked for, in DER.
    subject: Vec<u8>,
}

/// What a certificate may be used for, by the names of `certificates.k8s.io`.
const USAGES: &[(&str, KeyUsagePurpose)] = &[
    ("signing", KeyUsagePurpose::DigitalSignature),
    ("digital signature", KeyUsagePurpose::DigitalSignature),
    ("content commitment", KeyUsagePurpose::ContentCommitment),
    ("key encipherment", KeyUsagePurpose::KeyEncipherment),
    ("data encipherment", KeyUsagePurpose::DataEncipherment),
    ("key agreement", KeyUsagePurpose::KeyAgreement),
    ("encipher only", KeyUsagePurpose::EncipherOnly),
    ("decipher only", KeyUsagePurpose::DecipherOnly),
];
const EXTENDED: &[(&str, ExtendedKeyUsagePurpose)] = &[
    ("any", ExtendedKeyUsagePurpose::Any),
    ("server auth", ExtendedKeyUsagePurpose::ServerAuth),
    ("client auth", ExtendedKeyUsagePurpose::ClientAuth),
    ("code signing", ExtendedKeyUsagePurpose::CodeSigning),
    ("email protection", ExtendedKeyUsagePurpose::EmailProtection),
    ("s/mime", ExtendedKeyUsagePurpose::EmailProtection),
    ("timestamping", ExtendedKeyUsagePurpose::TimeStamping),
    ("ocsp signing", ExtendedKeyUsagePurpose::OcspSigning),
];

impl Request {
    /// Reads a request in PEM and checks that who wrote it has the key.
    pub fn parse(pem: &str) -> Result<Self, PkiError> {
        let inner = CertificateSigningRequestParams::from_pem(pem).map_err(PkiError::Request)?;
        let unreadable = || PkiError::Request(rcgen::Error::CouldNotParseCertificationRequest);
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| unreadable())?;
        let (_, parsed) = X509CertificationRequest::from_der(&block.contents).map_err(|_| unreadable())?;
        let subject = &parsed.certification_request_info.subject;
        let organizations = subject
            .iter_organization()
            .filter_map(|one| one.as_str().ok())
            .map(str::to_owned)
            .collect();
        Ok(Self {
            inner,
            organizations,
            subject: subject.as_raw().to_vec(),
        })
    }

    /// Subject common name; empty if there is none.
    pub fn common_name(&self) -> String {
        match self.inner.params.distinguished_name.get(&DnType::CommonName) {
            Some(DnValue::Utf8String(text)) => text.clone(),
            Some(DnValue::PrintableString(text)) => text.to_string(),
            Some(DnValue::Ia5String(text)) => text.to_string(),
            _ => String::new(),
        }
    }

    /// Subject organizations.
    pub fn organizations(&self) -> &[String] {
        &self.organizations
    }

    /// Whether it names hosts: DNS names or addresses.
    pub fn names_hosts(&self) -> bool {
        let host = |name: &SanType| matches!(name, SanType::DnsName(_) | SanType::IpAddress(_));
        self.inner.params.subject_alt_names.iter().any(host)
    }

    /// Whether it has alternative names that are neither DNS names nor addresses.
    pub fn has_other_names(&self) -> bool {
        let host = |name: &SanType| matches!(name, SanType::DnsName(_) | SanType::IpAddress(_));
        !self.inner.params.subject_alt_names.iter().all(host)
    }
}

impl crate::Authority {
    /// Signs what was asked for, valid for `life` from `now`, for these usages and no others, in PEM.
    pub fn sign(
        &self,
        mut request: Request,
        usages: &[String],
        now: SystemTime,
        life: Duration,
    ) -> Result<String, PkiError> {
        let subject = request.common_name();
        let (mut plain, mut extended) = (Vec::new(), Vec::new());
        for usage in usages {
            if let Some((_, purpose)) = USAGES.iter().find(|(name, _)| name == usage) {
                plain.push(*purpose);
            } else if let Some((_, purpose)) = EXTENDED.iter().find(|(name, _)| name == usage) {
                extended.push(purpose.clone());
            } else {
                return Err(PkiError::Usage(usage.clone()));
            }
        }
        plain.dedup();
        let params = &mut request.inner.params;
        params.key_usages = plain;
        params.extended_key_usages = extended;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        // drawn by the generator
        params.serial_number = None::<SerialNumber>;
        params.not_before = (now - crate::authority::SKEW).into();
        params.not_after = (now + life).into();
        let fail = |source| PkiError::Generate {
            subject: subject.clone(),
            source,
        };
        let signed = request.inner.signed_by(self.issuer()).map_err(fail)?;
        let whole = subject::replace(signed.der(), &request.subject, self.issuer().key())
            .ok_or_else(|| PkiError::Parse(subject.clone()))?
            .map_err(fail)?;
        Ok(pem::encode(&pem::Pem::new("CERTIFICATE", whole)))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, KeyPair};

    use super::*;
    use crate::Authority;

    fn asked(organizations: &[&str]) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "jane");
        for organization in organizations {
            params.distinguished_name.push(DnType::OrganizationName, *organization);
        }
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    #[test]
    fn a_signed_request_keeps_its_subject_and_gets_only_the_usages_it_was_given() {
        let now = SystemTime::now();
        let authority = Authority::create("test", now).unwrap();
        let request = Request::parse(&asked(&["dev"])).unwrap();
        assert_eq!(
            (request.common_name(), request.organizations()),
            ("jane".to_owned(), &["dev".to_owned()][..])
        );
        assert!(!request.names_hosts() && !request.has_other_names());
        let usages = ["digital signature", "client auth"].map(str::to_owned);
        let pem = authority.sign(request, &usages, now, Duration::from_hours(1)).unwrap();
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let certificate = block.parse_x509().unwrap();
        assert_eq!(certificate.subject().to_string(), "CN=jane, O=dev");
        let extended = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.client_auth && !extended.server_auth && !certificate.is_ca());
        let life = certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp();
        assert_eq!(life, 2 * 3600, "an hour, and an hour before for clocks that differ");
    }

    #[test]
    fn every_group_that_was_asked_for_is_in_the_certificate() {
        let now = SystemTime::now();
        let authority = Authority::create("test", now).unwrap();
        let request = Request::parse(include_str!("request/two_groups.pem")).unwrap();
        assert_eq!(request.organizations(), ["app1", "app2"]);
        let usages = ["client auth".to_owned()];
        let pem = authority.sign(request, &usages, now, Duration::from_hours(1)).unwrap();
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let certificate = block.parse_x509().unwrap();
        assert_eq!(certificate.subject().to_string(), "CN=jbeda, O=app1, O=app2");
        let (_, root) = x509_parser::pem::parse_x509_pem(authority.pem().cert.as_bytes()).unwrap();
        let root = root.parse_x509().unwrap();
        certificate.verify_signature(Some(root.public_key())).unwrap();
    }

    #[test]
    fn what_cannot_be_signed_says_why() {
        let authority = Authority::create("test", SystemTime::now()).unwrap();
        assert!(Request::parse("nonsense").is_err());
        let request = Request::parse(&asked(&[])).unwrap();
        let error = authority.sign(
            request,
            &["cert sign".to_owned()],
            SystemTime::now(),
            Duration::from_hours(1),
        );
        assert_eq!(error.unwrap_err().to_string(), "unsupported key usage: \"cert sign\"");
    }
}
