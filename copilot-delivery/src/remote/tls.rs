//! TLS to servers of outboxes: always with a look at the certificate.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::outbox::{Fault, OutboxError};

/// TLS by the program's provider. Certificates count that the system trusts, or those that the file of the URL's `sslrootcert` trusts.
pub(crate) fn client_config(root: Option<&str>) -> Result<ClientConfig, OutboxError> {
    let provider = provider().ok_or_else(|| {
        failed("the program has no TLS provider for the outbox: enable the feature `rustls`, or install one")
    })?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("the program's TLS provider cannot be used").with_source(error))?;
    let builder = match root {
        None => builder
            .with_platform_verifier()
            .map_err(|error| failed("the system's certificates cannot be used").with_source(error))?,
        Some(file) => builder.with_root_certificates(roots(file)?),
    };
    Ok(builder.with_no_client_auth())
}

fn roots(file: &str) -> Result<RootCertStore, OutboxError> {
    let unread = || failed("the file of sslrootcert cannot be read as certificates in PEM");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unread())? {
        roots.add(certificate.map_err(|_| unread())?).map_err(|_| unread())?;
    }
    if roots.is_empty() { Err(unread()) } else { Ok(roots) }
}

/// The one that the process has installed; else that of the feature.
fn provider() -> Option<Arc<CryptoProvider>> {
    let installed = CryptoProvider::get_default().cloned();
    #[cfg(feature = "rustls")]
    let installed = installed.or_else(|| Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider())));
    installed
}

fn failed(what: &str) -> OutboxError {
    OutboxError::new(Fault::Engine, what)
}
