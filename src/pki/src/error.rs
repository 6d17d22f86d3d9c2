//! What can go wrong with certificates.

/// A certificate that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The generator refused the request or the signature failed.
    #[error("cannot make the certificate of {subject}")]
    Generate {
        /// Common name of what was to be made.
        subject: String,
        /// The generator's own words.
        #[source]
        source: rcgen::Error,
    },
    /// The stored authority is not a usable certificate and key.
    #[error("cannot read the cluster's certificate authority")]
    Authority(#[source] rcgen::Error),
    /// A signing request that cannot be read, or whose signature is wrong.
    #[error("cannot read the certificate signing request")]
    Request(#[source] rcgen::Error),
    /// A usage that certificates of this authority do not have.
    #[error("unsupported key usage: {0:?}")]
    Usage(String),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// A PEM text that holds no certificate.
    #[error("not a certificate: {0}")]
    Parse(String),
}
