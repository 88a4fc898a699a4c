//! The outbox in memory: as fast as a channel, and gone with the process.

mod queue;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use copilot_api::{EventPayload, types::UserDeletedPayload};
use queue::{ENDS, NoRoom, Queue, Queued, Slot, Taken, Wanted};

use crate::{
    Item, Kind, Lane, LaneSet, Outcome,
    outbox::{
        Abilities, Counts, DeadLetter, End, Fault, Forgotten, HandedOver, Lease, LeaseRequest, Leased,
        LeasedItem, Outbox, OutboxError, Owner, Refused, Removed, Retention, Signals, Tally, Unsettled,
    },
};

/// How many dead letters memory keeps; the oldest go first.
const MAX_DEAD_LETTERS: usize = 1000;

/// Keeps items in memory: what was not delivered when the process ends is lost, unless
/// [`shutdown`](crate::Reporter::shutdown) gives it back.
///
/// Holds at most 10,000 items and 32 MiB, and the newest 1,000 dead letters.
///
/// ```
/// let outbox = copilot_delivery::MemoryOutbox::new();
/// let small = copilot_delivery::MemoryOutbox::with_capacity(100, 1024 * 1024);
/// ```
pub struct MemoryOutbox {
    queue: Queue<Item>,
    dead: Mutex<Dead>,
    signals: Signals,
}

#[derive(Debug, Default)]
struct Dead {
    letters: VecDeque<DeadLetter>,
    last: u64,
}

impl MemoryOutbox {
    /// With room for 10,000 items and 32 MiB.
    pub fn new() -> Self {
        Self::with_capacity(10_000, 32 * 1024 * 1024)
    }

    /// With room for so many items, and for so many bytes; there is always room for one.
    pub fn with_capacity(items: u64, bytes: u64) -> Self {
        Self { queue: Queue::new(items.max(1), bytes), dead: Mutex::default(), signals: Signals::default() }
    }

    fn dead(&self) -> MutexGuard<'_, Dead> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn removed_item(mut item: Item) -> Removed {
    Removed {
        key: item.key(),
        event_id: item.event_id().map(str::to_owned),
        event_type: item.event_type().map(str::to_owned),
        settler: item.take_settler(),
    }
}

/// Takes out of a lane what is of a user, but for what is still sent; counts and marks that.
fn theirs(slots: &mut VecDeque<Slot<Item>>, user_id: &str, still_sent: &mut u64) -> Vec<Slot<Item>> {
    let is_theirs = |slot: &Slot<Item>| slot.item.user_id() == Some(user_id);
    let is_consent = |slot: &&Slot<Item>| is_theirs(slot) && slot.item.kind() == Kind::Consent;
    let newest_consent = slots.iter().rev().find(is_consent).map(|slot| slot.place);
    let (mut kept, mut removed) = (VecDeque::with_capacity(slots.len()), Vec::new());
    for mut slot in slots.drain(..) {
        let deletes = slot.item.event_type() == Some(UserDeletedPayload::EVENT_TYPE);
        if !is_theirs(&slot) {
            kept.push_back(slot);
        } else if deletes || newest_consent == Some(slot.place) {
            slot.forget = true;
            *still_sent += 1;
            kept.push_back(slot);
        } else {
            removed.push(slot);
        }
    }
    *slots = kept;
    removed
}

/// A lane that is held until this is dropped.
struct Held<'a> {
    queue: &'a Queue<Item>,
    signals: &'a Signals,
    lane: usize,
}

impl<'a> Held<'a> {
    fn new(queue: &'a Queue<Item>, signals: &'a Signals, lane: usize) -> Self {
        queue.hold(lane);
        Self { queue, signals, lane }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.queue.let_go(self.lane);
        // There is room, and the lane is free again for the courier.
        self.signals.settled.notify_waiters();
        self.signals.filled.notify_one();
    }
}

impl Queued for Item {
    fn lane(&self) -> usize {
        self.lane().number().into()
    }

    fn kind(&self) -> u8 {
        kind_number(self.kind())
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn since(&self) -> i64 {
        self.reported_at()
    }
}

fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Event => 0,
        Kind::Consent => 1,
    }
}

/// Where the queue counts items that end so.
fn index(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Rejected(_) => 1,
        Outcome::Unattributed(_) => 2,
        Outcome::Expired => 3,
        Outcome::Undelivered | Outcome::SettledElsewhere => 4,
        Outcome::Forgotten => 5,
    }
}

fn lane_set(bits: u32) -> LaneSet {
    Lane::all().filter(|lane| bits >> lane.number() & 1 == 1).collect()
}

fn lane_bits(lanes: LaneSet) -> u32 {
    lanes.iter().fold(0, |bits, lane| bits | 1 << lane.number())
}

#[async_trait]
impl Outbox for MemoryOutbox {
    fn abilities(&self) -> Abilities {
        Abilities { retains: false, ..Abilities::of_one_process(false) }
    }

    fn signals(&self) -> &Signals {
        &self.signals
    }

    fn hand_over(&self, item: Item) -> Result<HandedOver, Refused> {
        match self.queue.push(item) {
            Ok(is_enough) => {
                if is_enough {
                    self.signals.filled.notify_one();
                }
                Ok(HandedOver::Kept)
            }
            Err((item, NoRoom::Full)) => Err(Refused {
                item: Box::new(item),
                error: OutboxError::new(Fault::Full, "the outbox in memory holds as much as it may"),
            }),
            Err((item, NoRoom::Closed)) => Err(Refused {
                item: Box::new(item),
                error: OutboxError::new(Fault::Closed, "the outbox was closed"),
            }),
        }
    }

    /// Memory is nobody's before.
    async fn bind(&self, _: &Owner, _: bool) -> Result<(), OutboxError> {
        Ok(())
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Leased, OutboxError> {
        let wanted = Wanted {
            kind: kind_number(request.kind),
            lanes: lane_bits(request.lanes),
            max_items: request.max_items,
            max_bytes: request.max_bytes,
            linger: request.linger,
            now: request.now,
        };
        Ok(match self.queue.take(&wanted) {
            Taken::Nothing => Leased::Nothing,
            Taken::Later(after) => Leased::Later(after),
            Taken::Items { fence, lanes, slots } => {
                let leased =
                    |slot: Slot<Item>| LeasedItem { id: slot.place, forget: slot.forget, item: slot.item };
                let items = slots.into_iter().map(leased).collect();
                Leased::Batch(Lease { fence, lanes: lane_set(lanes), items, lasts: None })
            }
        })
    }

    async fn settle(&self, mut lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
        let mut ended = [0; ENDS];
        let (mut back, mut dead, mut bytes, mut accepted) = (Vec::new(), Vec::new(), 0, 0);
        let (mut ends, mut others) = (ends.into_iter(), Vec::new());
        // Most are accepted, as a rule, and stay where they are until all are dropped: an item is large.
        let apart = lease.items.extract_if(.., |leased| match ends.next() {
            Some(End::Accepted) => {
                bytes += leased.item.bytes() as u64;
                accepted += 1;
                false
            }
            end => {
                others.push(end);
                true
            }
        });
        let apart: Vec<LeasedItem> = apart.collect();
        if let Some(count) = ended.get_mut(index(&Outcome::Accepted)) {
            *count = accepted;
        }
        for (LeasedItem { id, forget, item }, end) in apart.into_iter().zip(others) {
            let Some(End::Dead(outcome)) = end else {
                back.push(Slot { place: id, forget, item });
                continue;
            };
            bytes += item.bytes() as u64;
            if let Some(count) = ended.get_mut(index(&outcome)) {
                *count += 1;
            }
            if !forget {
                dead.push((outcome, item));
            }
        }
        // Whoever forgets a user finds what ended here either on its way or dead.
        let mut kept = self.dead();
        if !self.queue.settle(lease.fence, ended, bytes, &mut back) {
            let error = OutboxError::new(Fault::Fenced, "the lease was settled before");
            let items = back.into_iter().map(|slot| LeasedItem {
                id: slot.place,
                forget: slot.forget,
                item: slot.item,
            });
            return Err(Unsettled {
                lease: Lease { items: items.collect(), ..lease },
                ends: Vec::new(),
                error,
            });
        }
        let since = crate::clock::now();
        for (outcome, item) in dead {
            kept.last += 1;
            let id = kept.last;
            kept.letters.push_back(DeadLetter { id, outcome, since, item });
        }
        let surplus = kept.letters.len().saturating_sub(MAX_DEAD_LETTERS);
        kept.letters.drain(..surplus);
        drop(kept);
        self.signals.settled.notify_waiters();
        Ok(())
    }

    async fn dead_letters(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        let dead = self.dead();
        let later = dead.letters.iter().filter(|letter| after.is_none_or(|after| letter.id > after));
        Ok(later
            .take(limit)
            .map(|letter| DeadLetter {
                id: letter.id,
                outcome: letter.outcome.clone(),
                since: letter.since,
                item: letter.item.copy(),
            })
            .collect())
    }

    async fn put_back(&self, id: u64, mended: Option<Item>) -> Result<bool, OutboxError> {
        let mut dead = self.dead();
        let Some(at) = dead.letters.iter().position(|letter| letter.id == id) else { return Ok(false) };
        let Some(letter) = dead.letters.get(at) else { return Ok(false) };
        let item = mended.unwrap_or_else(|| letter.item.copy());
        self.hand_over(item).map_err(|refused| refused.error)?;
        dead.letters.remove(at);
        Ok(true)
    }

    async fn drop_dead_letters(&self, ids: &[u64]) -> Result<u64, OutboxError> {
        let mut dead = self.dead();
        let before = dead.letters.len();
        dead.letters.retain(|letter| !ids.contains(&letter.id));
        Ok((before - dead.letters.len()) as u64)
    }

    async fn forget(&self, user_id: &str) -> Result<Forgotten, OutboxError> {
        let lane = Lane::of(user_id).number().into();
        let _held = Held::new(&self.queue, &self.signals, lane);
        let (removed, still_sent) = loop {
            let settled = self.signals.settled.notified();
            let mut still_sent = 0;
            let sort = |slots: &mut VecDeque<Slot<Item>>| theirs(slots, user_id, &mut still_sent);
            match self.queue.remove(lane, index(&Outcome::Forgotten), sort) {
                Some(removed) => break (removed, still_sent),
                None => settled.await,
            }
        };
        let pending = removed.into_iter().map(|slot| removed_item(slot.item)).collect();
        let mut dead = self.dead();
        let before = dead.letters.len();
        dead.letters.retain(|letter| letter.item.user_id() != Some(user_id));
        let dead_letters = (before - dead.letters.len()) as u64;
        Ok(Forgotten { pending, dead_letters, still_sent })
    }

    /// Memory is bounded by waiting, and its dead letters by their number.
    async fn retain(&self, _: &Retention) -> Result<Vec<Removed>, OutboxError> {
        Ok(Vec::new())
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        let dead = self.dead();
        let reading = self.queue.reading();
        let [accepted, rejected, unattributed, expired, undelivered, forgotten] = reading.ended;
        Ok(Counts {
            tally: Tally {
                taken: reading.taken,
                accepted,
                rejected,
                unattributed,
                expired,
                undelivered,
                forgotten,
            },
            pending: reading.pending,
            pending_bytes: reading.bytes,
            lanes: reading.lanes.count_ones(),
            oldest: reading.oldest,
            first: reading.first,
            last: reading.last,
            dead_letters: dead.letters.len() as u64,
        })
    }

    fn pending_now(&self) -> u64 {
        self.queue.reading().pending
    }

    async fn close(&self) -> Vec<Item> {
        let items = self.queue.close(index(&Outcome::Undelivered));
        self.signals.settled.notify_waiters();
        items.into_iter().map(|slot| slot.item).collect()
    }

    fn place(&self) -> Option<String> {
        None
    }
}

impl Default for MemoryOutbox {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOutbox").field("counts", &self.queue.reading()).finish_non_exhaustive()
    }
}
