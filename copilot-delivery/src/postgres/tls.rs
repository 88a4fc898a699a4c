//! What secures a connection to the database.

use std::{fmt, sync::Arc};

use rustls::ClientConfig;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{outbox::OutboxError, remote::tls};

/// None, where nothing does.
#[derive(Clone)]
pub(super) struct Tls(Option<Arc<ClientConfig>>);

impl Tls {
    /// With TLS, certificates count that the system trusts, or those that the file trusts.
    pub(super) fn new(wanted: bool, root: Option<&str>) -> Result<Self, OutboxError> {
        Ok(Self(wanted.then(|| tls::client_config(root).map(Arc::new)).transpose()?))
    }

    pub(super) fn connector(&self) -> Option<MakeRustlsConnect> {
        self.0.as_deref().cloned().map(MakeRustlsConnect::new)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "verified" } else { "none" })
    }
}
