//! A program with three crates that bring SQLite, of which it can link one: the ranges of their versions must overlap. That it
//! resolves and compiles is the whole test.

use copilot_delivery::{Durability, OutboxError, SqliteOutbox};
use sea_orm::entity::prelude::*;

/// A row, as sqlx reads it.
#[derive(Debug, sqlx::FromRow)]
pub struct Order {
    /// The order.
    pub id: i64,
    /// Who ordered.
    pub user_id: String,
}

/// The same, as SeaORM reads it.
#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    /// The order.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Who ordered.
    pub user_id: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// The outbox of such a program.
///
/// # Errors
///
/// When it cannot be opened.
pub fn outbox() -> Result<SqliteOutbox, OutboxError> {
    SqliteOutbox::builder("copilot.outbox").durability(Durability::PowerCut).open()
}
