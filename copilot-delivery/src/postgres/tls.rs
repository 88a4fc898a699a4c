//! TLS to the database: always with a look at the certificate.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::outbox::{Fault, OutboxError};

/// What secures the connection; none, where nothing does.
#[derive(Clone)]
pub(super) struct Tls(Option<Arc<ClientConfig>>);

impl Tls {
    /// With TLS, certificates count that the system trusts, or those that the file trusts.
    pub(super) fn new(wanted: bool, root: Option<&str>) -> Result<Self, OutboxError> {
        if !wanted {
            return Ok(Self(None));
        }
        let provider = provider().ok_or_else(|| {
            failed("the program has no TLS provider: enable the feature `rustls`, install one, or say sslmode=disable")
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
        Ok(Self(Some(Arc::new(builder.with_no_client_auth()))))
    }

    pub(super) fn connector(&self) -> Option<MakeRustlsConnect> {
        self.0.as_deref().cloned().map(MakeRustlsConnect::new)
    }
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

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "verified" } else { "none" })
    }
}
