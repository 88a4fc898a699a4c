//! What is handed over, published: of each lane one message at a time, so that none overtakes another, whatever fails.

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::context::PublishErrorKind;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{self, Instant};

use super::{engine::Engine, fault, message, streams};
use crate::{
    Item, Lane, Record,
    outbox::{Fault, OutboxError, Refused},
    remote::Append,
    room::Sum,
};

/// How much waits for its lane at most.
const MAX_WAITING: usize = 4096;

/// How long to wait before it is tried again.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Publishes what is handed over, until the intake is closed and empty.
pub(super) async fn run(engine: &Engine) {
    let mut lanes: [VecDeque<Append>; Lane::COUNT as usize] = Default::default();
    let mut busy = [false; Lane::COUNT as usize];
    let (mut waiting, mut closed) = (0, false);
    let mut publishing = FuturesUnordered::new();
    loop {
        let room = MAX_WAITING.saturating_sub(waiting);
        tokio::select! {
            Some(lane) = publishing.next() => {
                if let Some(busy) = busy.get_mut(usize::from(Lane::number(lane))) {
                    *busy = false;
                }
                begin(engine, lane, &mut lanes, &mut busy, &mut waiting, &publishing);
            }
            appends = engine.intake.take(room, usize::MAX), if room > 0 && !closed => {
                closed = appends.is_empty();
                waiting += appends.len();
                for append in appends {
                    let lane = append.record.lane;
                    if let Some(queue) = lanes.get_mut(usize::from(lane.number())) {
                        queue.push_back(append);
                    }
                    begin(engine, lane, &mut lanes, &mut busy, &mut waiting, &publishing);
                }
            }
            else => return,
        }
    }

    /// Publishes the next message of a lane, unless one is on its way.
    fn begin<'a>(
        engine: &'a Engine,
        lane: Lane,
        lanes: &mut [VecDeque<Append>],
        busy: &mut [bool],
        waiting: &mut usize,
        publishing: &FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = Lane> + Send + 'a>>>,
    ) {
        let at = usize::from(lane.number());
        let (Some(queue), Some(busy)) = (lanes.get_mut(at), busy.get_mut(at)) else { return };
        if *busy {
            return;
        }
        if let Some(append) = queue.pop_front() {
            *waiting -= 1;
            *busy = true;
            publishing.push(Box::pin(async move {
                store(engine, append).await;
                lane
            }));
        }
    }
}

/// Publishes an item, and tells who waits for it.
async fn store(engine: &Engine, append: Append) {
    let Append { record, since, answer } = append;
    let sum = Sum::default().with(record.json.len());
    match publish(engine, &record, None, Instant::from_std(since) + engine.settings.deadline).await {
        Ok(()) => {
            engine.intake.answered(sum, sum);
            let _ = answer.send(Ok(()));
        }
        Err(Unpublished { error, in_doubt }) => {
            engine.intake.answered(Sum::default(), sum);
            if error.is_full() {
                engine.intake.turned_away();
            }
            let mut item = Box::new(Item::from_record(record));
            if in_doubt {
                item.mark_may_have_been_taken();
            }
            let _ = answer.send(Err(Refused { item, error }));
        }
    }
}

/// Whether a message is still pending; where nobody says, it is taken for granted.
async fn is_there(engine: &Engine, sequence: u64) -> bool {
    streams::message_of(engine, &engine.pending, sequence).await.map_or(true, |message| message.is_some())
}

/// Why an item was not stored.
pub(super) struct Unpublished {
    pub(super) error: OutboxError,
    /// It may be all the same.
    in_doubt: bool,
}

/// Publishes an item until it is acknowledged or the deadline comes. The server knows a message that comes again by its id.
pub(super) async fn publish(
    engine: &Engine,
    record: &Record,
    mut attempt: Option<u64>,
    deadline: Instant,
) -> Result<(), Unpublished> {
    let place = &engine.place;
    let (mut wait, mut in_doubt, mut why) = (FIRST_WAIT, false, None);
    loop {
        if Instant::now() >= deadline {
            let doubt = if in_doubt { ", and may be delivered all the same" } else { "" };
            let words = match why {
                Some(why) => format!("an item could not be stored by its deadline{doubt}: {why}"),
                None => format!(
                    "an item could not be stored by its deadline{doubt}: the outbox {place} does not answer"
                ),
            };
            return Err(Unpublished { error: OutboxError::new(Fault::Engine, words), in_doubt });
        }
        let lost = engine.reconnected.notified();
        let headers = message::headers(record, attempt);
        let sending = engine.context.publish_with_headers(
            engine.subject(record.lane),
            headers,
            record.json.clone().into(),
        );
        let published = async { sending.await?.await };
        let published = async {
            tokio::select! {
                published = published => Some(published),
                // Its answer will not come any more.
                () = lost => None,
            }
        };
        let failed = match time::timeout_at(deadline, published).await {
            Ok(Some(Ok(acknowledged))) => {
                // The same event was reported before. Where that has ended by now, this is another report of it.
                if acknowledged.duplicate && !in_doubt && !is_there(engine, acknowledged.sequence).await {
                    attempt = Some(fastrand::u64(..));
                    continue;
                }
                engine.lanes().published(record.lane, acknowledged.sequence);
                return Ok(());
            }
            Ok(Some(Err(error))) if fault::is_full(&error) => {
                return Err(Unpublished { error: fault::new(place, Fault::Full), in_doubt });
            }
            Ok(Some(Err(error))) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                return Err(Unpublished { error: fault::unusable(place, &error), in_doubt });
            }
            Ok(Some(Err(error))) => Some(fault::unusable(place, &error)),
            Ok(None) | Err(_) => None,
        };
        in_doubt = true;
        why = failed.or(why);
        time::sleep_until((Instant::now() + wait).min(deadline)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
