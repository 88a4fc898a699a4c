//! What is taken out, and what becomes of it.

use std::time::Duration;

use tokio_postgres::types::Type;

use super::{
    books,
    engine::Engine,
    fault,
    row::{self, Reader, columns},
};
use crate::{
    Lane, LaneSet, clock,
    outbox::{End, Fault, Lease, LeaseRequest, Leased, LeasedItem, OutboxError, Unsettled},
    room::Sum,
};

const LEASE: &str = concat!(
    "SELECT fence, later, held, seq, forget, ",
    columns!(),
    " FROM copilot.lease($1, $2, $3, $4, $5, $6, $7, $8)"
);

/// Takes items out, whole lanes at a time, those first whose head waits longest.
pub(super) async fn lease(engine: &Engine, request: LeaseRequest) -> Result<Leased, OutboxError> {
    let lanes = numbers(request.lanes);
    let items = i32::try_from(request.max_items.max(1)).unwrap_or(i32::MAX);
    let bytes = i64::try_from(request.max_bytes).unwrap_or(i64::MAX);
    let (linger, lasts) = (millis(request.linger), millis(engine.lease));
    let rows = engine
        .courier
        .ask(|client| async move {
            let parameters: [row::Parameter<'_>; 8] = [
                (&row::kind_name(request.kind), Type::TEXT),
                (&lanes, Type::INT2_ARRAY),
                (&items, Type::INT4),
                (&bytes, Type::INT8),
                (&linger, Type::INT8),
                (&request.now, Type::INT8),
                (&lasts, Type::INT8),
                (&engine.is_strict, Type::BOOL),
            ];
            client.query_typed(LEASE, &parameters).await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let Some((last, rows)) = rows.split_last() else { return Err(reader.malformed()) };
    books::saw_held(engine, reader.get::<Option<bool>>(last, 2)?.unwrap_or(false)).await;
    if let Some(later) = reader.get::<Option<i64>>(last, 1)? {
        return Ok(Leased::Later(Duration::from_millis(later.unsigned_abs())));
    }
    let Some(fence) = reader.get::<Option<i64>>(last, 0)? else { return Ok(Leased::Nothing) };
    let items = rows.iter().map(|row| {
        Ok(LeasedItem { id: reader.number(row, 3)?, forget: reader.get(row, 4)?, item: reader.item(row, 5)? })
    });
    let items: Vec<_> = items.collect::<Result<_, OutboxError>>()?;
    Ok(Leased::Batch(Lease {
        fence: fence as u64,
        lanes: Lease::lanes_of(&items),
        items,
        lasts: Some(engine.lease),
    }))
}

pub(super) async fn extend(engine: &Engine, fence: u64, lanes: LaneSet) -> Result<(), OutboxError> {
    let (fence, lanes, lasts) = (fence as i64, numbers(lanes), millis(engine.lease));
    let rows = engine
        .courier
        .ask(|client| async move {
            let parameters: [row::Parameter<'_>; 3] =
                [(&fence, Type::INT8), (&lanes, Type::INT2_ARRAY), (&lasts, Type::INT8)];
            client.query_typed("SELECT copilot.extend($1, $2, $3)", &parameters).await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    if reader.get(row, 0)? { Ok(()) } else { Err(fault::new(engine.place(), Fault::Fenced)) }
}

/// What becomes of the items of a lease that go, by column.
#[derive(Default)]
struct Endings {
    lanes: Vec<i16>,
    seqs: Vec<i64>,
    outcomes: Vec<&'static str>,
    judges: Vec<Option<&'static str>>,
    words: Vec<Option<String>>,
    gone: Sum,
}

impl Endings {
    fn of(lease: &Lease, ends: &[End]) -> Self {
        let mut endings = Self::default();
        for (LeasedItem { id, item, .. }, end) in lease.items.iter().zip(ends) {
            let (outcome, reason) = match end {
                End::Released => continue,
                End::Accepted => ("accepted", None),
                End::Dead(outcome) => (outcome.name(), outcome.reason()),
            };
            endings.lanes.push(item.lane().number().into());
            endings.seqs.push(*id as i64);
            endings.outcomes.push(outcome);
            endings.judges.push(reason.map(|reason| row::judge_name(reason.by)));
            endings.words.push(reason.and_then(|reason| serde_json::to_string(&*reason.words).ok()));
            endings.gone = endings.gone.with(item.bytes());
        }
        endings
    }
}

/// Writes what became of the items of a lease.
pub(super) async fn settle(engine: &Engine, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
    let endings = Endings::of(&lease, &ends);
    let gone = endings.gone;
    match write(engine, &lease, endings).await {
        Ok(()) => {
            engine.intake.removed(gone);
            Ok(())
        }
        Err(error) => Err(Unsettled { lease, ends, error }),
    }
}

async fn write(engine: &Engine, lease: &Lease, endings: Endings) -> Result<(), OutboxError> {
    let (fence, lanes, since) = (lease.fence as i64, numbers(lease.lanes), clock::now());
    fail_point!("outbox.settling");
    let asked = engine
        .courier
        .ask(|client| async move {
            let parameters: [row::Parameter<'_>; 8] = [
                (&fence, Type::INT8),
                (&lanes, Type::INT2_ARRAY),
                (&endings.lanes, Type::INT2_ARRAY),
                (&endings.seqs, Type::INT8_ARRAY),
                (&endings.outcomes, Type::TEXT_ARRAY),
                (&endings.judges, Type::TEXT_ARRAY),
                (&endings.words, Type::TEXT_ARRAY),
                (&since, Type::INT8),
            ];
            client.query_typed("SELECT copilot.settle($1, $2, $3, $4, $5, $6, $7, $8)", &parameters).await
        })
        .await;
    let rows = match asked {
        Ok(rows) => rows,
        Err(error) => {
            // It may have been done, and only the answer was lost.
            engine.doubt(lease.fence);
            return Err(error);
        }
    };
    fail_point!("outbox.settled");
    let was_in_doubt = engine.resolve(lease.fence);
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    match reader.get(row, 0)? {
        "settled" => Ok(()),
        "before" if was_in_doubt => Ok(()),
        _ => Err(fault::new(engine.place(), Fault::Fenced)),
    }
}

fn numbers(lanes: LaneSet) -> Vec<i16> {
    lanes.iter().map(Lane::number).map(i16::from).collect()
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
