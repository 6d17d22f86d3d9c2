//! The cluster's keys on the host: authority, service accounts, administrator. Made once, renewed when due.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{Authority, Pem, PemFile};

use super::Start;
use crate::ClusterError;
use crate::profile::{Profile, ProfileStore};
use crate::progress::Step;

const CA_CERT: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
const SA_KEY: &str = "sa.key";
const SA_PUB: &str = "sa.pub";
const ADMIN_CERT: &str = "admin.crt";
const ADMIN_KEY: &str = "admin.key";

/// What the host holds of a cluster.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) authority: Authority,
    pub(crate) service_accounts: Vec<PemFile>,
    pub(crate) admin: Pem,
}

impl Keys {
    /// Reads a cluster's keys; `None` if it has none yet.
    pub(crate) fn read(store: &ProfileStore, name: &str) -> Result<Option<Self>, ClusterError> {
        let file = |file: &str| store.read_file(name, file);
        let (Some(cert), Some(key)) = (file(CA_CERT)?, file(CA_KEY)?) else {
            return Ok(None);
        };
        let (Some(sa_key), Some(sa_pub)) = (file(SA_KEY)?, file(SA_PUB)?) else {
            return Ok(None);
        };
        let (Some(admin_cert), Some(admin_key)) = (file(ADMIN_CERT)?, file(ADMIN_KEY)?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            authority: Authority::load(Pem { cert, key })?,
            service_accounts: vec![
                PemFile {
                    name: pki::names::SA_KEY,
                    text: sa_key,
                },
                PemFile {
                    name: pki::names::SA_PUB,
                    text: sa_pub,
                },
            ],
            admin: Pem {
                cert: admin_cert,
                key: admin_key,
            },
        }))
    }
}

/// How programs of the host reach a cluster's API as its administrator. Base64 of PEM, as a kubeconfig has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Admin {
    /// `https://127.0.0.1:<port>`.
    pub server: String,
    /// Authority that signed the server's certificate.
    pub ca: String,
    /// The administrator's certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

/// The administrator's access to a cluster that was started before.
pub fn admin(store: &ProfileStore, profile: &Profile) -> Result<Admin, ClusterError> {
    let keys = Keys::read(store, &profile.name)?;
    let keys = keys.ok_or_else(|| ClusterError::Credentials("there are none".to_owned()))?;
    let encode = |pem: &str| STANDARD.encode(pem);
    Ok(Admin {
        server: profile.server(),
        ca: encode(&keys.authority.pem().cert),
        cert: encode(&keys.admin.cert),
        key: encode(&keys.admin.key),
    })
}

impl Start<'_> {
    pub(super) fn certificates(&self, profile: &Profile) -> Result<Keys, ClusterError> {
        self.begin(Step::Certificates);
        let (store, name, now) = (self.store, profile.name.as_str(), SystemTime::now());
        if let Some(mut keys) = Keys::read(store, name)? {
            let due = pki::due(&keys.admin.cert, now)?;
            if due {
                keys.admin = pki::admin(&keys.authority, now)?;
                write_admin(store, name, &keys.admin)?;
            }
            self.done(Step::Certificates, due);
            return Ok(keys);
        }
        let authority = Authority::create(&format!("rkube {name}"), now)?;
        let admin = pki::admin(&authority, now)?;
        let service_accounts = pki::service_account_keys()?;
        store.write_file(name, CA_CERT, authority.pem().cert.as_bytes())?;
        store.write_file(name, CA_KEY, authority.pem().key.as_bytes())?;
        for file in &service_accounts {
            let name_on_host = if file.name == pki::names::SA_KEY {
                SA_KEY
            } else {
                SA_PUB
            };
            store.write_file(name, name_on_host, file.text.as_bytes())?;
        }
        write_admin(store, name, &admin)?;
        self.done(Step::Certificates, true);
        Ok(Keys {
            authority,
            service_accounts,
            admin,
        })
    }
}

fn write_admin(store: &ProfileStore, name: &str, admin: &Pem) -> Result<(), ClusterError> {
    store.write_file(name, ADMIN_CERT, admin.cert.as_bytes())?;
    store.write_file(name, ADMIN_KEY, admin.key.as_bytes())
}
