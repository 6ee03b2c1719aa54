//! Whom a TLS connection believes: the system's authorities, or the one certificate
//! that somebody has given instead.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The text holds no certificate that can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no certificate in PEM")]
pub struct NotACertificate;

/// Believes the system's authorities. One that cannot be read is left out.
pub(crate) fn system() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    config(roots)
}

/// Whether `pem` could be believed.
pub fn check(pem: &str) -> Result<(), NotACertificate> {
    only(pem).map(drop)
}

/// Believes the certificates in `pem` and nobody else.
pub(crate) fn only(pem: &str) -> Result<Arc<ClientConfig>, NotACertificate> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| NotACertificate)?;
        roots.add(certificate).map_err(|_| NotACertificate)?;
    }
    match roots.is_empty() {
        true => Err(NotACertificate),
        false => Ok(config(roots)),
    }
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of TLS 1.2 and 1.3");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
