//! The cluster's certificate authority and the leaves it signs. ECDSA P-256 throughout.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

use crate::PkiError;

const DAY: Duration = Duration::from_hours(24);
/// The authority outlives any cluster on a laptop.
const CA_LIFE: Duration = DAY.saturating_mul(3650);
/// Three years, as minikube's `--cert-expiration`.
const LEAF_LIFE: Duration = DAY.saturating_mul(1095);
/// Clocks of a virtual machine and its host may differ by this much.
pub(crate) const SKEW: Duration = Duration::from_hours(1);

/// A certificate and its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The certificate.
    pub cert: String,
    /// Its private key, PKCS #8.
    pub key: String,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pem").field("cert", &self.cert).finish_non_exhaustive()
    }
}

/// What a leaf certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Proves a server's name.
    Server,
    /// Proves a client's identity.
    Client,
}

/// What a leaf certificate shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRequest<'a> {
    /// Subject common name: the user name, for clients.
    pub common_name: &'a str,
    /// Subject organizations: the groups, for clients.
    pub organizations: &'a [&'a str],
    /// DNS names the certificate is valid for.
    pub dns: Vec<String>,
    /// Addresses the certificate is valid for.
    pub ips: Vec<IpAddr>,
    /// Server or client.
    pub usage: Usage,
}

/// A certificate authority, able to sign.
pub struct Authority {
    pem: Pem,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority named `common_name`, valid from `now`.
    pub fn create(common_name: &str, now: SystemTime) -> Result<Self, PkiError> {
        let fail = |source| PkiError::Generate {
            subject: common_name.to_owned(),
            source,
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(fail)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        params.not_before = (now - SKEW).into();
        params.not_after = (now + CA_LIFE).into();
        let cert = params.self_signed(&key).map_err(fail)?;
        let pem = Pem {
            cert: cert.pem(),
            key: key.serialize_pem(),
        };
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority that [`Authority::pem`] described.
    pub fn load(pem: Pem) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(&pem.key).map_err(PkiError::Authority)?;
        let issuer = Issuer::from_ca_cert_pem(&pem.cert, key).map_err(PkiError::Authority)?;
        Ok(Self { pem, issuer })
    }

    /// Certificate and key, to be stored.
    pub fn pem(&self) -> &Pem {
        &self.pem
    }

    pub(crate) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// Signs a leaf valid from `now`.
    pub fn issue(&self, request: &LeafRequest<'_>, now: SystemTime) -> Result<Pem, PkiError> {
        let fail = |source| PkiError::Generate {
            subject: request.common_name.to_owned(),
            source,
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(fail)?;
        let mut params = CertificateParams::new(request.dns.clone()).map_err(fail)?;
        params
            .subject_alt_names
            .extend(request.ips.iter().map(|ip| SanType::IpAddress(*ip)));
        params.distinguished_name = DistinguishedName::new();
        for organization in request.organizations {
            params.distinguished_name.push(DnType::OrganizationName, *organization);
        }
        params.distinguished_name.push(DnType::CommonName, request.common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match request.usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        params.not_before = (now - SKEW).into();
        params.not_after = (now + LEAF_LIFE).into();
        let cert = params.signed_by(&key, &self.issuer).map_err(fail)?;
        Ok(Pem {
            cert: cert.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("pem", &self.pem)
            .finish_non_exhaustive()
    }
}
