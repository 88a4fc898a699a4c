//! Outboxes by URL, for programs whose settings say where items are kept.

use std::sync::Arc;

use crate::{
    MemoryOutbox,
    outbox::{Fault, Outbox, OutboxError},
};

/// Opens the outbox that a URL names.
///
/// | URL | outbox | feature |
/// | --- | --- | --- |
/// | `memory:` | [`MemoryOutbox`] | |
/// | `sqlite:PATH`, as `sqlite:/var/lib/service/copilot.outbox` | `SqliteOutbox` | `sqlite` |
/// | `postgres://USER:PASSWORD@HOST/DATABASE` | `PostgresOutbox` | `postgres` |
/// | `nats://HOST:PORT`, `tls://HOST:PORT` | `JetStreamOutbox` | `jetstream` |
///
/// What else a URL may say is on the page of each outbox.
///
/// ```
/// # async fn run(client: copilot_api::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let outbox = copilot_delivery::open_outbox(&std::env::var("OUTBOX")?).await?;
/// let reporter = copilot_delivery::Reporter::builder(client).shared_outbox(outbox).start()?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`Fault::Unsupported`] for a URL of another kind, and for one whose feature this program was built without; otherwise those of
/// the outbox's own `open`. No message has a password in it.
pub async fn open_outbox(url: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryOutbox::new())),
        "sqlite" => sqlite(rest),
        "postgres" | "postgresql" => postgres(url).await,
        "nats" | "tls" => jetstream(url).await,
        // Not repeated: it may be a password, or a URL with one that was put in the wrong place.
        _ => Err(OutboxError::new(
            Fault::Unsupported,
            "the URL of an outbox begins with memory:, sqlite:, postgres:, nats: or tls:",
        )),
    }
}

#[cfg(feature = "sqlite")]
fn sqlite(rest: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains('?') {
        let words = "sqlite: is followed by a path, and by no settings";
        return Err(OutboxError::new(Fault::Unsupported, words));
    }
    Ok(Arc::new(crate::SqliteOutbox::open(path)?))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    Err(without("sqlite"))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    Ok(Arc::new(crate::PostgresOutbox::open(url).await?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    Err(without("postgres"))
}

#[cfg(feature = "jetstream")]
async fn jetstream(url: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    Ok(Arc::new(crate::JetStreamOutbox::open(url).await?))
}

#[cfg(not(feature = "jetstream"))]
async fn jetstream(_: &str) -> Result<Arc<dyn Outbox>, OutboxError> {
    Err(without("jetstream"))
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "jetstream")))]
fn without(feature: &str) -> OutboxError {
    OutboxError::new(
        Fault::Unsupported,
        format!("this program was built without the feature `{feature}` of copilot-delivery"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn fault(url: &str) -> Option<Fault> {
        pollster::block_on(open_outbox(url)).err().map(|error| error.fault())
    }

    #[test]
    fn a_url_names_its_outbox() {
        assert_eq!(fault("memory:"), None);
        for unknown in ["", "memory:here", "mysql://root:secret@db", "secret"] {
            let error = pollster::block_on(open_outbox(unknown)).unwrap_err();
            assert!(!error.to_string().contains("secret"));
            assert_eq!(error.fault(), Fault::Unsupported, "{unknown}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_file_has_a_path_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("copilot-open-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // A file is released a moment after it was dropped.
        for (form, name) in [("sqlite:", "one"), ("sqlite://", "other")] {
            assert_eq!(fault(&format!("{form}{}/{name}", folder.display())), None);
        }
        assert_eq!(fault("sqlite:"), Some(Fault::Unsupported));
        assert_eq!(fault("sqlite:outbox?mode=ro"), Some(Fault::Unsupported));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
