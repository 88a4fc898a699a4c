//! What programs of any language call in their own transaction: `copilot_report(json)` and `copilot_set_consent(text, boolean)`.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
mod delivery;
mod lanes;
mod languages;
mod refusals;
mod vectors;

use std::sync::OnceLock;

use copilot_delivery::PostgresOutbox;
use copilot_servers::postgres::Cluster;
use tokio_postgres::{Client, error::SqlState, types::Type};

/// A database with the functions of the outbox.
struct Database {
    url: String,
    client: Client,
}

impl Database {
    /// None, where PostgreSQL is not installed.
    async fn new() -> Option<Self> {
        // Its server ends with this process.
        static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
        let cluster = CLUSTER.get_or_init(Cluster::start).as_ref()?;
        let url = cluster.url(&cluster.database());
        PostgresOutbox::migrate(&url).await.unwrap();
        let client = connect(&url).await;
        Some(Self { url, client })
    }

    /// Reports. Why it was refused: the place and the message.
    async fn report(&self, json: &str) -> Result<(), (String, String)> {
        refused(self.client.query_typed("SELECT copilot_report($1::json)", &[(&json, Type::TEXT)]).await)
    }

    /// The JSON of all that is pending, in the order of taking.
    async fn pending(&self) -> Vec<String> {
        let rows =
            self.client.query_typed("SELECT json FROM copilot.pending ORDER BY seq", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn clear(&self) {
        self.client.batch_execute("DELETE FROM copilot.pending").await.unwrap();
    }
}

/// What the functions refuse with their own words, and what PostgreSQL takes for no JSON. Anything else that goes wrong is a defect.
fn refused<T>(answer: Result<T, tokio_postgres::Error>) -> Result<(), (String, String)> {
    let Err(error) = answer else { return Ok(()) };
    let error = error.as_db_error().expect("an error of the server");
    let no_text = [
        SqlState::INVALID_TEXT_REPRESENTATION,
        SqlState::UNTRANSLATABLE_CHARACTER,
        SqlState::CHARACTER_NOT_IN_REPERTOIRE,
    ];
    if no_text.contains(error.code()) {
        return Err((String::new(), error.message().to_owned()));
    }
    assert_eq!(error.code(), &SqlState::INVALID_PARAMETER_VALUE, "{error}");
    Err((error.detail().unwrap().to_owned(), error.message().to_owned()))
}

/// A session with a database.
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
