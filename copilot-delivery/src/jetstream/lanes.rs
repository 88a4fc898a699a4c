//! What this process has of the lanes that it holds: their messages in order, and which are leased.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    Item, Lane, LaneSet,
    outbox::{Lease, LeaseRequest, Leased, LeasedItem, Tally},
};

/// How much of a lane is read ahead.
const MAX_ITEMS: usize = 256;
const MAX_BYTES: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: [State; Lane::COUNT as usize],
    /// The number of the lease that began last.
    fence: u64,
    /// Until when this process holds what it holds, as it was renewed last.
    valid_until: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    /// The revision of its key, while this process holds it.
    revision: Option<u64>,
    messages: VecDeque<Message>,
    lease: Option<Out>,
    /// How many forget a user of it: nobody leases it meanwhile.
    forgetting: u32,
    /// Which reading of the lane counts: what an earlier one still brings does not.
    reading: u64,
    /// How often this process has lost the lane.
    losses: u64,
    /// How many messages are still to be read that were there when reading began; none, before it began.
    behind: Option<u64>,
    /// What became of its items, since the stream was made.
    tally: Tally,
    /// The number of the last message that was read.
    seen: u64,
    /// The number of the last message that this process has put in.
    published: u64,
}

/// A lease of a lane, of its first messages.
#[derive(Clone, Copy, Debug)]
struct Out {
    fence: u64,
    until: Instant,
    messages: usize,
}

/// A message that was read.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) sequence: u64,
    pub(super) forget: bool,
    pub(super) item: Item,
}

impl Lanes {
    fn of(&self, lane: Lane) -> Option<&State> {
        self.lanes.get(usize::from(lane.number()))
    }

    fn of_mut(&mut self, lane: Lane) -> Option<&mut State> {
        self.lanes.get_mut(usize::from(lane.number()))
    }

    /// The lanes that this process holds.
    pub(super) fn held(&self) -> LaneSet {
        Lane::all().filter(|lane| self.revision(*lane).is_some()).collect()
    }

    pub(super) fn revision(&self, lane: Lane) -> Option<u64> {
        self.of(lane)?.revision
    }

    /// The lane is this process's, or still is. Leases are numbered from the revision, which grows whoever holds it.
    pub(super) fn hold(&mut self, lane: Lane, revision: u64) {
        self.fence = self.fence.max(revision << 20);
        if let Some(state) = self.of_mut(lane) {
            // Renewals may be answered in another order.
            state.revision = Some(state.revision.map_or(revision, |known| known.max(revision)));
        }
    }

    /// What this process holds was renewed, and holds until then. Afterwards it may be another's.
    pub(super) fn valid_until(&mut self, until: Instant) {
        self.valid_until = Some(until);
    }

    fn is_valid(&self) -> bool {
        self.valid_until.is_some_and(|until| Instant::now() < until)
    }

    /// The lane is another's, or nobody's: what was read of it is forgotten.
    pub(super) fn lose(&mut self, lane: Lane) {
        if let Some(state) = self.of_mut(lane) {
            let State { forgetting, reading, losses, .. } = *state;
            *state = State { forgetting, reading: reading + 1, losses: losses + 1, ..State::default() };
        }
    }

    /// How often this process has lost the lane.
    pub(super) fn losses(&self, lane: Lane) -> u64 {
        self.of(lane).map_or(0, |state| state.losses)
    }

    /// Reading begins with the first message that is left. What is leased stays, and is read again. The number of that reading.
    pub(super) fn read_again(&mut self, lane: Lane) -> u64 {
        let Some(state) = self.of_mut(lane) else { return 0 };
        let leased = state.lease.map_or(0, |lease| lease.messages);
        state.messages.truncate(leased);
        // What was put in before is read, or it is gone.
        state.seen = state.seen.max(state.published);
        state.behind = None;
        state.reading += 1;
        state.reading
    }

    /// Which reading of the lane counts.
    pub(super) fn reading(&self, lane: Lane) -> u64 {
        self.of(lane).map_or(0, |state| state.reading)
    }

    /// That reading has begun, and so many messages are there.
    pub(super) fn begin(&mut self, lane: Lane, reading: u64, behind: u64) {
        if let Some(state) = self.of_mut(lane).filter(|state| state.reading == reading) {
            state.behind = Some(behind);
        }
    }

    /// What became of a lane's items.
    pub(super) fn tally(&self, lane: Lane) -> Tally {
        self.of(lane).map(|state| state.tally).unwrap_or_default()
    }

    /// Counts what became of a lane's items.
    pub(super) fn count(&mut self, lane: Lane, change: impl FnOnce(&mut Tally)) {
        if let Some(state) = self.of_mut(lane) {
            change(&mut state.tally);
        }
    }

    /// A message was read, after which so many are there.
    pub(super) fn push(&mut self, lane: Lane, reading: u64, message: Message, left: u64) {
        let Some(state) = self.of_mut(lane).filter(|state| state.reading == reading) else { return };
        state.seen = state.seen.max(message.sequence);
        state.behind = state.behind.map(|behind| behind.saturating_sub(1).min(left));
        let leased = state.lease.map_or(0, |lease| lease.messages);
        match state.messages.iter().position(|known| known.sequence >= message.sequence) {
            // It was read before, and is leased.
            Some(at) if state.messages.get(at).is_some_and(|known| known.sequence == message.sequence) => {}
            // A server that was killed may bring back what was removed: it is sent once more, and removed again.
            Some(at) => state.messages.insert(at.max(leased), message),
            None => state.messages.push_back(message),
        }
    }

    pub(super) fn has_room(&self, lane: Lane) -> bool {
        let Some(state) = self.of(lane) else { return false };
        state.messages.len() < MAX_ITEMS
            && state.messages.iter().map(|message| message.item.bytes()).sum::<usize>() < MAX_BYTES
    }

    /// Whether everything of a lane was read and has ended, of one that this process holds.
    pub(super) fn is_without(&self, lane: Lane) -> bool {
        self.of(lane).is_some_and(|state| {
            state.revision.is_some() && state.behind == Some(0) && state.messages.is_empty()
        })
    }

    /// This process has put a message in.
    pub(super) fn published(&mut self, lane: Lane, sequence: u64) {
        if let Some(state) = self.of_mut(lane) {
            state.published = state.published.max(sequence);
        }
    }

    /// Whether everything was read that was there when this process came, and that it has put in itself, as far as there is room.
    pub(super) fn is_read(&self, lanes: LaneSet) -> bool {
        lanes.iter().all(|lane| {
            self.of(lane).is_none_or(|state| {
                let is_read = state.behind == Some(0) && state.seen >= state.published;
                state.revision.is_none() || is_read || !self.has_room(lane)
            })
        })
    }

    /// Takes items out, whole lanes at a time, those first whose head waits longest.
    pub(super) fn lease(&mut self, request: &LeaseRequest, lasts: Duration) -> Leased {
        if !self.is_valid() {
            return Leased::Nothing;
        }
        let now = Instant::now();
        let free = |lane: &Lane| {
            self.of(*lane).is_some_and(|state| {
                state.revision.is_some()
                    && state.forgetting == 0
                    && state.lease.is_none_or(|lease| lease.until <= now)
            })
        };
        let mut heads: Vec<(u64, i64, Lane)> = request
            .lanes
            .iter()
            .filter(free)
            .filter_map(|lane| {
                let head = self.of(lane)?.messages.front()?;
                (head.item.kind() == request.kind).then(|| (head.sequence, head.item.reported_at(), lane))
            })
            .collect();
        heads.sort_unstable();
        let Some(oldest) = heads.iter().map(|(_, reported_at, _)| *reported_at).min() else {
            return Leased::Nothing;
        };
        let waited = Duration::from_millis(request.now.abs_diff(oldest));
        if waited < request.linger {
            let messages =
                || heads.iter().filter_map(|(_, _, lane)| self.of(*lane)).flat_map(|state| &state.messages);
            let bytes: usize = messages().map(|message| message.item.bytes()).sum();
            if messages().count() < request.max_items && bytes < request.max_bytes {
                return Leased::Later(request.linger - waited);
            }
        }
        self.take(request, &heads, now + lasts, lasts)
    }

    fn take(
        &mut self,
        request: &LeaseRequest,
        heads: &[(u64, i64, Lane)],
        until: Instant,
        lasts: Duration,
    ) -> Leased {
        self.fence += 1;
        let (fence, mut items, mut bytes) = (self.fence, Vec::new(), 0);
        for (_, _, lane) in heads {
            if items.len() >= request.max_items || bytes >= request.max_bytes {
                break;
            }
            let Some(state) = self.of_mut(*lane) else { continue };
            let mut taken = 0;
            for Message { sequence, forget, item, .. } in &state.messages {
                let fits = items.len() < request.max_items && bytes + item.bytes() <= request.max_bytes;
                if item.kind() != request.kind || !(fits || items.is_empty()) {
                    break;
                }
                bytes += item.bytes();
                items.push(LeasedItem { id: *sequence, forget: *forget, item: item.copy() });
                taken += 1;
            }
            if taken > 0 {
                state.lease = Some(Out { fence, until, messages: taken });
            }
        }
        let lanes = Lease::lanes_of(&items);
        Leased::Batch(Lease { fence, lanes, items, lasts: Some(lasts) })
    }

    /// Lets a lease hold until then. Whether it is still that one.
    pub(super) fn extend(&mut self, fence: u64, lanes: LaneSet, until: Instant) -> bool {
        if !self.is_leased(fence, lanes) {
            return false;
        }
        for lane in lanes.iter() {
            if let Some(lease) = self.of_mut(lane).and_then(|state| state.lease.as_mut()) {
                lease.until = until;
            }
        }
        true
    }

    /// Whether that lease has these lanes; one that has run out and that nobody took has them as well.
    pub(super) fn is_leased(&self, fence: u64, lanes: LaneSet) -> bool {
        lanes.iter().all(|lane| {
            self.of(lane).is_some_and(|state| {
                state.revision.is_some() && state.lease.is_some_and(|lease| lease.fence == fence)
            })
        })
    }

    /// A message is no longer there. Whether it was known.
    pub(super) fn remove(&mut self, lane: Lane, sequence: u64) -> bool {
        let Some(state) = self.of_mut(lane) else { return false };
        let Some(at) = state.messages.iter().position(|message| message.sequence == sequence) else {
            return false;
        };
        state.messages.remove(at);
        if let Some(lease) = state.lease.as_mut().filter(|lease| at < lease.messages) {
            lease.messages -= 1;
        }
        true
    }

    /// Ends the lease of these lanes.
    pub(super) fn free(&mut self, fence: u64, lanes: LaneSet) {
        for lane in lanes.iter() {
            if let Some(state) = self.of_mut(lane)
                && state.lease.is_some_and(|lease| lease.fence == fence)
            {
                state.lease = None;
            }
        }
    }

    /// Whether nobody has a lease of the lane.
    pub(super) fn is_idle(&self, lane: Lane) -> bool {
        let now = Instant::now();
        self.of(lane).is_none_or(|state| state.lease.is_none_or(|lease| lease.until <= now))
    }

    /// Whether the lane can be given to another process.
    pub(super) fn may_leave(&self, lane: Lane) -> bool {
        self.is_idle(lane) && self.of(lane).is_none_or(|state| state.forgetting == 0)
    }

    /// Somebody forgets a user of the lane, or does so no longer.
    pub(super) fn keep_out(&mut self, lane: Lane, out: bool) {
        if let Some(state) = self.of_mut(lane) {
            state.forgetting = if out { state.forgetting + 1 } else { state.forgetting.saturating_sub(1) };
            if out && state.lease.is_some_and(|lease| lease.until <= Instant::now()) {
                state.lease = None;
            }
        }
    }

    /// A message is still sent, and is removed then.
    pub(super) fn mark(&mut self, lane: Lane, sequence: u64) {
        let Some(state) = self.of_mut(lane) else { return };
        if let Some(message) = state.messages.iter_mut().find(|message| message.sequence == sequence) {
            message.forget = true;
        }
    }
}
