//! Every outbox of this crate keeps the promises of all outboxes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod conformance;

use std::sync::Arc;

use conformance::Engine;
use copilot_delivery::{MemoryOutbox, Outbox};

struct Memory;

#[async_trait::async_trait]
impl Engine for Memory {
    async fn fresh(&self, items: u64, bytes: u64) -> Arc<dyn Outbox> {
        Arc::new(MemoryOutbox::with_capacity(items, bytes))
    }

    async fn reopen(&self, _: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
        unreachable!("memory is gone")
    }
}

#[test]
fn memory_keeps_its_promises() {
    conformance::hold(Memory);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::{
        path::PathBuf,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use copilot_delivery::{Durability, Outbox, SqliteOutbox};

    use super::conformance::{self, Engine};

    /// Files in a folder that is removed with it.
    struct Sqlite {
        folder: PathBuf,
        files: AtomicU32,
    }

    #[async_trait::async_trait]
    impl Engine for Sqlite {
        async fn fresh(&self, items: u64, bytes: u64) -> Arc<dyn Outbox> {
            let file = self.folder.join(self.files.fetch_add(1, Ordering::Relaxed).to_string());
            let builder = SqliteOutbox::builder(file).durability(Durability::KilledProcess);
            Arc::new(builder.max_items(items).max_bytes(bytes).open().unwrap())
        }

        async fn reopen(&self, outbox: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
            let file = outbox.place().unwrap();
            outbox.close().await;
            Arc::new(SqliteOutbox::open(file).unwrap())
        }
    }

    impl Drop for Sqlite {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn a_file_keeps_its_promises() {
        let folder = std::env::temp_dir().join(format!("copilot-outboxes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        conformance::hold(Sqlite { folder, files: AtomicU32::new(0) });
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::{sync::Arc, time::Duration};

    use copilot_delivery::{Outbox, PostgresOutbox};

    use copilot_servers::postgres::Cluster;

    use super::conformance::{self, Engine};

    /// So that what waits for a lease to run out does not wait long.
    const LEASE: Duration = Duration::from_millis(1500);

    /// Databases of a server of its own: another one's transactions would hold these up.
    struct Postgres(Cluster);

    #[async_trait::async_trait]
    impl Engine for Postgres {
        async fn fresh(&self, items: u64, bytes: u64) -> Arc<dyn Outbox> {
            let url = self.0.url(&self.0.database());
            PostgresOutbox::migrate(&url).await.unwrap();
            let builder = PostgresOutbox::builder(&url).max_items(items).max_bytes(bytes).lease(LEASE);
            Arc::new(builder.open().await.unwrap())
        }

        async fn reopen(&self, outbox: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
            let place = outbox.place().unwrap();
            outbox.close().await;
            let url = self.0.url(place.rsplit('/').next().unwrap());
            Arc::new(PostgresOutbox::builder(&url).lease(LEASE).open().await.unwrap())
        }
    }

    #[test]
    fn a_database_keeps_its_promises() {
        if let Some(cluster) = Cluster::start() {
            conformance::hold(Postgres(cluster));
        }
    }
}

#[cfg(feature = "jetstream")]
mod jetstream {
    use std::{sync::Arc, time::Duration};

    use copilot_delivery::{JetStreamOutbox, Outbox};

    use copilot_servers::nats::Nats;

    use super::conformance::{self, Engine};

    /// So that what waits for a lease to run out does not wait long.
    const LEASE: Duration = Duration::from_millis(1500);

    struct JetStream(Nats);

    #[async_trait::async_trait]
    impl Engine for JetStream {
        async fn fresh(&self, items: u64, bytes: u64) -> Arc<dyn Outbox> {
            let builder = JetStreamOutbox::builder(&self.0.url()).stream(&self.0.stream()).lease(LEASE);
            Arc::new(builder.max_items(items).max_bytes(bytes).open().await.unwrap())
        }

        async fn reopen(&self, outbox: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
            let place = outbox.place().unwrap();
            outbox.close().await;
            let builder = JetStreamOutbox::builder(&self.0.url()).stream(place.rsplit('/').next().unwrap());
            Arc::new(builder.lease(LEASE).open().await.unwrap())
        }
    }

    #[test]
    fn a_stream_keeps_its_promises() {
        if let Some(nats) = Nats::start() {
            conformance::hold(JetStream(nats));
        }
    }
}
