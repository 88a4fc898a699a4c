//! Items as rows, and rows as items.

use std::{borrow::Cow, sync::Arc};

use tokio_postgres::{Client, Error, Row, types::Type};

use super::fault;
use crate::{
    Item, Judge, Kind, Lane, Outcome, Reason, Record,
    outbox::{DeadLetter, Fault, OutboxError, Removed},
};

/// What is kept of an item, pending or dead, in the order in which [`record`] reads it.
macro_rules! columns {
    () => {
        "key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract"
    };
}
pub(super) use columns;

/// The number of its columns.
const COLUMNS: usize = 10;

/// Puts nothing in where that batch of that process is there already.
const APPEND: &str = concat!(
    "WITH batch AS (INSERT INTO copilot.stored(process, batch) VALUES ($11, $12) ON CONFLICT (process) \
     DO UPDATE SET batch = excluded.batch, at = now() WHERE stored.batch < excluded.batch RETURNING batch) \
     INSERT INTO copilot.pending(",
    columns!(),
    ") SELECT item.* FROM batch, unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) item"
);

const PUT_BACK: &str = concat!(
    "WITH taken AS (DELETE FROM copilot.dead WHERE id = $1 RETURNING ",
    columns!(),
    ") INSERT INTO copilot.pending(",
    columns!(),
    ") SELECT ",
    columns!(),
    " FROM taken"
);

const PUT_BACK_MENDED: &str = concat!(
    "WITH taken AS (DELETE FROM copilot.dead WHERE id = $11 RETURNING id) INSERT INTO copilot.pending(",
    columns!(),
    ") SELECT mended.* FROM taken, unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) mended"
);

const DEAD: &str = concat!(
    "SELECT ",
    columns!(),
    ", id, outcome, judge, words, since FROM copilot.dead WHERE id > $1 ORDER BY id LIMIT $2"
);

/// The columns of several items.
#[derive(Default)]
struct Columns<'a> {
    keys: Vec<i64>,
    lanes: Vec<i16>,
    kinds: Vec<&'static str>,
    event_types: Vec<Option<&'a str>>,
    event_ids: Vec<Option<&'a str>>,
    timestamps: Vec<Option<i64>>,
    user_ids: Vec<Option<&'a str>>,
    reported_at: Vec<i64>,
    jsons: Vec<&'a str>,
    contracts: Vec<&'a str>,
}

pub(super) type Parameter<'a> = (&'a (dyn tokio_postgres::types::ToSql + Sync), Type);

impl<'a> Columns<'a> {
    fn of(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut columns = Self::default();
        for record in records {
            columns.keys.push(record.key as i64);
            columns.lanes.push(record.lane.number().into());
            columns.kinds.push(kind_name(record.kind));
            columns.event_types.push(record.event_type.as_deref());
            columns.event_ids.push(record.event_id.as_deref());
            columns.timestamps.push(record.timestamp);
            columns.user_ids.push(record.user_id.as_deref());
            columns.reported_at.push(record.reported_at);
            columns.jsons.push(&record.json);
            columns.contracts.push(&record.contract);
        }
        columns
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            (&self.keys, Type::INT8_ARRAY),
            (&self.lanes, Type::INT2_ARRAY),
            (&self.kinds, Type::TEXT_ARRAY),
            (&self.event_types, Type::TEXT_ARRAY),
            (&self.event_ids, Type::TEXT_ARRAY),
            (&self.timestamps, Type::INT8_ARRAY),
            (&self.user_ids, Type::TEXT_ARRAY),
            (&self.reported_at, Type::INT8_ARRAY),
            (&self.jsons, Type::TEXT_ARRAY),
            (&self.contracts, Type::TEXT_ARRAY),
        ]
    }
}

/// Puts the items of a batch in, in their order, unless they are there.
pub(super) async fn append(
    client: &Client,
    process: &str,
    batch: i64,
    records: impl IntoIterator<Item = &Record>,
) -> Result<(), Error> {
    let columns = Columns::of(records);
    let mut parameters = columns.parameters();
    parameters.extend::<[Parameter<'_>; 2]>([(&process, Type::TEXT), (&batch, Type::INT8)]);
    client.execute_typed(APPEND, &parameters).await.map(drop)
}

/// Takes a dead letter up again, as it was or mended. Whether there was one.
pub(super) async fn put_back(client: &Client, id: u64, mended: Option<&Record>) -> Result<bool, Error> {
    let id = id as i64;
    let put = match mended {
        None => client.execute_typed(PUT_BACK, &[(&id, Type::INT8)]).await?,
        Some(record) => {
            let columns = Columns::of([record]);
            let mut parameters = columns.parameters();
            parameters.push((&id, Type::INT8));
            client.execute_typed(PUT_BACK_MENDED, &parameters).await?
        }
    };
    Ok(put > 0)
}

/// Dead letters after a number, oldest first.
pub(super) async fn dead(client: &Client, after: u64, limit: usize) -> Result<Vec<Row>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    client.query_typed(DEAD, &[(&(after as i64), Type::INT8), (&limit, Type::INT8)]).await
}

/// Reads rows for an outbox in a place.
pub(super) struct Reader<'a> {
    pub(super) place: &'a str,
}

impl Reader<'_> {
    /// The item whose columns begin at that one.
    pub(super) fn item(&self, row: &Row, first: usize) -> Result<Item, OutboxError> {
        let record = Record {
            key: self.number(row, first)?,
            lane: self.lane(row, first + 1)?,
            kind: match self.get::<&str>(row, first + 2)? {
                "event" => Kind::Event,
                "consent" => Kind::Consent,
                _ => return Err(self.malformed()),
            },
            event_type: self.get::<Option<String>>(row, first + 3)?.map(Cow::Owned),
            event_id: self.get(row, first + 4)?,
            timestamp: self.get(row, first + 5)?,
            user_id: self.get(row, first + 6)?,
            reported_at: self.get(row, first + 7)?,
            json: self.get(row, first + 8)?,
            contract: Cow::Owned(self.get(row, first + 9)?),
        };
        Ok(Item::from_record(record))
    }

    pub(super) fn dead_letter(&self, row: &Row) -> Result<DeadLetter, OutboxError> {
        let reason = || {
            let by = match self.get::<Option<&str>>(row, COLUMNS + 2)? {
                Some("contract") => Judge::Contract,
                Some("server") => Judge::Server,
                _ => return Err(self.malformed()),
            };
            let words: Option<&str> = self.get(row, COLUMNS + 3)?;
            let words: Vec<String> =
                words.and_then(|words| serde_json::from_str(words).ok()).unwrap_or_default();
            Ok(Reason { by, words: Arc::from(words) })
        };
        let outcome = match self.get::<&str>(row, COLUMNS + 1)? {
            "rejected" => Outcome::Rejected(reason()?),
            "unattributed" => Outcome::Unattributed(reason()?),
            "expired" => Outcome::Expired,
            _ => return Err(self.malformed()),
        };
        let (id, since) = (self.number(row, COLUMNS)?, self.get(row, COLUMNS + 4)?);
        Ok(DeadLetter { id, outcome, since, item: self.item(row, 0)? })
    }

    /// What stands in three lists: keys, ids and types of pending items that were removed.
    pub(super) fn removed(&self, row: &Row, first: usize) -> Result<Vec<Removed>, OutboxError> {
        let keys: Option<Vec<i64>> = self.get(row, first)?;
        let ids: Option<Vec<Option<String>>> = self.get(row, first + 1)?;
        let types: Option<Vec<Option<String>>> = self.get(row, first + 2)?;
        let names = ids.unwrap_or_default().into_iter().zip(types.unwrap_or_default());
        let removed = keys.unwrap_or_default().into_iter().zip(names);
        Ok(removed
            .map(|(key, (event_id, event_type))| Removed {
                key: key as u64,
                event_id,
                event_type,
                settler: None,
            })
            .collect())
    }

    /// PostgreSQL's integers have a sign; what is written as one is read as it was.
    pub(super) fn number(&self, row: &Row, column: usize) -> Result<u64, OutboxError> {
        self.get::<i64>(row, column).map(|number| number as u64)
    }

    pub(super) fn get<'r, T: tokio_postgres::types::FromSql<'r>>(
        &self,
        row: &'r Row,
        column: usize,
    ) -> Result<T, OutboxError> {
        row.try_get(column).map_err(|_| self.malformed())
    }

    fn lane(&self, row: &Row, column: usize) -> Result<Lane, OutboxError> {
        let number = self.get::<i16>(row, column)?;
        u8::try_from(number).ok().and_then(Lane::new).ok_or_else(|| self.malformed())
    }

    pub(super) fn malformed(&self) -> OutboxError {
        fault::new(self.place, Fault::Corrupt)
    }
}

/// Whether PostgreSQL's text can hold it: all of Unicode but U+0000.
pub(super) fn can_be_kept(record: &Record) -> bool {
    let texts = [
        record.event_type.as_deref(),
        record.event_id.as_deref(),
        record.user_id.as_deref(),
        Some(&*record.json),
    ];
    !texts.into_iter().flatten().any(|text| text.contains('\0'))
}

pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "event",
        Kind::Consent => "consent",
    }
}

pub(super) fn judge_name(judge: Judge) -> &'static str {
    match judge {
        Judge::Contract => "contract",
        Judge::Server => "server",
    }
}
