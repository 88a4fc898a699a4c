//! What a memory outbox holds, and its counts, behind one lock.
//!
//! It uses neither tokio nor HTTP, so that loom can try every order in which threads take its steps (`tests/loom`).

#[cfg(copilot_loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(copilot_loom))]
use std::sync::{Mutex, MutexGuard};
use std::{collections::VecDeque, time::Duration};

/// How many kinds of items there are.
const KINDS: usize = 2;

/// How many lanes there are.
pub(super) const LANES: usize = 32;

/// In how many ways an item can end.
pub(super) const ENDS: usize = 6;

/// What the queue must know of what it holds.
pub(super) trait Queued {
    /// Its lane, less than [`LANES`].
    fn lane(&self) -> usize;
    /// Whether it goes in one request with others of its kind.
    fn kind(&self) -> u8;
    /// Its bytes.
    fn bytes(&self) -> usize;
    /// When it was taken, in milliseconds since 1970.
    fn since(&self) -> i64;
}

/// An item, and its place in the order of taking.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) place: u64,
    /// Whether it goes once it was sent, whatever became of it.
    pub(super) forget: bool,
    pub(super) item: T,
}

/// Why an item was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    Full,
    Closed,
}

/// What may be taken out, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) kind: u8,
    /// A bit for each lane.
    pub(super) lanes: u32,
    pub(super) max_items: usize,
    pub(super) max_bytes: usize,
    pub(super) linger: Duration,
    pub(super) now: i64,
}

/// What was taken out.
#[derive(Debug)]
pub(super) enum Taken<T> {
    Items { fence: u64, lanes: u32, slots: Vec<Slot<T>> },
    Later(Duration),
    Nothing,
}

/// The counts, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) taken: u64,
    pub(super) ended: [u64; ENDS],
    pub(super) pending: u64,
    pub(super) bytes: u64,
    pub(super) lanes: u32,
    pub(super) oldest: Option<i64>,
    pub(super) first: Option<u64>,
    pub(super) last: u64,
}

#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    max_items: u64,
    max_bytes: u64,
}

#[derive(Debug)]
struct State<T> {
    lanes: [LaneQueue<T>; LANES],
    out: Vec<Out>,
    last_fence: u64,
    taken: u64,
    ended: [u64; ENDS],
    pending: u64,
    bytes: u64,
    last: u64,
    closed: bool,
    /// When whoever takes items of a kind is to be woken.
    wake: [Option<Wake>; KINDS],
}

/// Somebody found too little, and waits for so many more items, or bytes.
#[derive(Clone, Copy, Debug)]
struct Wake {
    items: usize,
    bytes: usize,
}

#[derive(Debug)]
struct LaneQueue<T> {
    slots: VecDeque<Slot<T>>,
    bytes: usize,
    holds: u32,
}

/// A lease that is not settled yet.
#[derive(Debug)]
struct Out {
    fence: u64,
    lanes: u32,
    first: u64,
    oldest: i64,
}

impl<T: Queued> Queue<T> {
    pub(super) fn new(max_items: u64, max_bytes: u64) -> Self {
        let lane = |_| LaneQueue { slots: VecDeque::new(), bytes: 0, holds: 0 };
        let state = State {
            lanes: std::array::from_fn(lane),
            out: Vec::new(),
            last_fence: 0,
            taken: 0,
            ended: [0; ENDS],
            pending: 0,
            bytes: 0,
            last: 0,
            closed: false,
            wake: [None; KINDS],
        };
        Self { state: Mutex::new(state), max_items, max_bytes }
    }

    /// Takes an item. It is counted before anybody can see it. An item beyond the bytes is taken where nothing else is. Says
    /// whether somebody waits who now has enough to take.
    pub(super) fn push(&self, item: T) -> Result<bool, (T, NoRoom)> {
        let mut state = self.state();
        if state.closed {
            return Err((item, NoRoom::Closed));
        }
        let bytes = state.bytes + item.bytes() as u64;
        if state.pending >= self.max_items || (bytes > self.max_bytes && state.pending > 0) {
            return Err((item, NoRoom::Full));
        }
        state.taken += 1;
        state.pending += 1;
        state.bytes = bytes;
        state.last += 1;
        let place = state.last;
        let wake = state.is_enough(&item);
        if let Some(lane) = state.lanes.get_mut(item.lane()) {
            lane.bytes += item.bytes();
            lane.slots.push_back(Slot { place, forget: false, item });
        }
        Ok(wake)
    }

    /// Takes items out, whole lanes at a time, those first whose head waits longest.
    pub(super) fn take(&self, wanted: &Wanted) -> Taken<T> {
        let mut state = self.state();
        if state.closed {
            return Taken::Nothing;
        }
        let busy = state.out.iter().fold(0, |lanes, out| lanes | out.lanes);
        let mut heads: Vec<(u64, usize)> = Vec::with_capacity(LANES);
        let (mut items, mut bytes, mut oldest) = (0, 0, i64::MAX);
        for (number, lane) in state.lanes.iter().enumerate() {
            let Some(head) = lane.slots.front() else { continue };
            let is_free = (wanted.lanes & !busy) >> number & 1 == 1 && lane.holds == 0;
            if !is_free || head.item.kind() != wanted.kind {
                continue;
            }
            heads.push((head.place, number));
            items += lane.slots.len();
            bytes += lane.bytes;
            oldest = oldest.min(head.item.since());
        }
        if heads.is_empty() {
            state.wake_when(wanted.kind, Some(Wake { items: 1, bytes: usize::MAX }));
            return Taken::Nothing;
        }
        // A clock that was set back must hold nothing for as long.
        let waited = Duration::from_millis(wanted.now.abs_diff(oldest));
        if items < wanted.max_items && bytes < wanted.max_bytes && waited < wanted.linger {
            state.wake_when(
                wanted.kind,
                Some(Wake { items: wanted.max_items - items, bytes: wanted.max_bytes - bytes }),
            );
            return Taken::Later(wanted.linger - waited);
        }
        state.wake_when(wanted.kind, None);
        heads.sort_unstable();
        let (mut lanes, mut slots, mut bytes) = (0, Vec::with_capacity(items.min(wanted.max_items)), 0);
        for (_, number) in heads {
            if slots.len() >= wanted.max_items || bytes >= wanted.max_bytes {
                break;
            }
            let Some(lane) = state.lanes.get_mut(number) else { continue };
            let (mut count, mut size) = (0, 0);
            for slot in &lane.slots {
                let with = bytes + size + slot.item.bytes();
                let fits = slots.len() + count < wanted.max_items && with <= wanted.max_bytes;
                if slot.item.kind() != wanted.kind || !(fits || slots.len() + count == 0) {
                    break;
                }
                count += 1;
                size += slot.item.bytes();
            }
            if count > 0 {
                bytes += size;
                lane.bytes -= size;
                lanes |= 1 << number;
                slots.extend(lane.slots.drain(..count));
            }
        }
        state.last_fence += 1;
        let fence = state.last_fence;
        let first = slots.iter().map(|slot| slot.place).min().unwrap_or(u64::MAX);
        let oldest = slots.iter().map(|slot| slot.item.since()).min().unwrap_or(i64::MAX);
        state.out.push(Out { fence, lanes, first, oldest });
        Taken::Items { fence, lanes, slots }
    }

    /// Ends what was taken out: counts what ended, with its bytes, and puts the rest back to where it stood. False where it
    /// had ended before; then nothing is done.
    pub(super) fn settle(&self, fence: u64, ended: [u64; ENDS], bytes: u64, back: &mut Vec<Slot<T>>) -> bool {
        let mut state = self.state();
        let Some(at) = state.out.iter().position(|out| out.fence == fence) else { return false };
        state.out.swap_remove(at);
        state.count_ended(ended, bytes);
        while let Some(slot) = back.pop() {
            if let Some(lane) = state.lanes.get_mut(slot.item.lane()) {
                lane.bytes += slot.item.bytes();
                lane.slots.push_front(slot);
            }
        }
        true
    }

    /// Removes items of a lane: those that `sort` takes out of it, looking at all that wait there, in their order. None while
    /// items of it are out.
    pub(super) fn remove(
        &self,
        lane: usize,
        end: usize,
        sort: impl FnOnce(&mut VecDeque<Slot<T>>) -> Vec<Slot<T>>,
    ) -> Option<Vec<Slot<T>>> {
        let mut state = self.state();
        if state.out.iter().any(|out| out.lanes >> lane & 1 == 1) {
            return None;
        }
        let queue = state.lanes.get_mut(lane)?;
        let removed = sort(&mut queue.slots);
        let bytes: usize = removed.iter().map(|slot| slot.item.bytes()).sum();
        queue.bytes -= bytes;
        let mut ended = [0; ENDS];
        if let Some(count) = ended.get_mut(end) {
            *count = removed.len() as u64;
        }
        state.count_ended(ended, bytes as u64);
        Some(removed)
    }

    /// Takes nothing out of a lane from now on, until it is let go as often: so that a lane that is never idle is one at last.
    pub(super) fn hold(&self, lane: usize) {
        if let Some(lane) = self.state().lanes.get_mut(lane) {
            lane.holds += 1;
        }
    }

    /// Ends one [`hold`](Self::hold).
    pub(super) fn let_go(&self, lane: usize) {
        if let Some(lane) = self.state().lanes.get_mut(lane) {
            lane.holds -= 1;
        }
    }

    /// Takes nothing any more, and gives what waits, in the order of taking. It has ended in that way. What is out can still
    /// be settled; what is put back then stays.
    pub(super) fn close(&self, end: usize) -> Vec<Slot<T>> {
        let mut state = self.state();
        state.closed = true;
        let mut slots: Vec<Slot<T>> =
            state.lanes.iter_mut().flat_map(|lane| std::mem::take(&mut lane.slots)).collect();
        state.lanes.iter_mut().for_each(|lane| lane.bytes = 0);
        slots.sort_unstable_by_key(|slot| slot.place);
        let mut ended = [0; ENDS];
        if let Some(count) = ended.get_mut(end) {
            *count = slots.len() as u64;
        }
        let bytes = slots.iter().map(|slot| slot.item.bytes() as u64).sum();
        state.count_ended(ended, bytes);
        slots
    }

    pub(super) fn reading(&self) -> Reading {
        let state = self.state();
        let heads = || state.lanes.iter().filter_map(|lane| lane.slots.front());
        let out = || state.out.iter();
        let waiting = state.lanes.iter().enumerate().filter(|(_, lane)| !lane.slots.is_empty());
        let lanes = waiting
            .fold(out().fold(0, |lanes, out| lanes | out.lanes), |lanes, (number, _)| lanes | 1 << number);
        Reading {
            taken: state.taken,
            ended: state.ended,
            pending: state.pending,
            bytes: state.bytes,
            lanes,
            oldest: heads().map(|slot| slot.item.since()).chain(out().map(|out| out.oldest)).min(),
            first: heads().map(|slot| slot.place).chain(out().map(|out| out.first)).min(),
            last: state.last,
        }
    }

    /// A thread that panicked held the lock for plain arithmetic only: what it left is whole.
    #[cfg(not(copilot_loom))]
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(copilot_loom)]
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap()
    }
}

impl<T: Queued> State<T> {
    fn wake_when(&mut self, kind: u8, wake: Option<Wake>) {
        if let Some(waiting) = self.wake.get_mut(usize::from(kind)) {
            *waiting = wake;
        }
    }

    /// Whether the item is the last one that somebody waits for. One of a lane that is out is not: it cannot be taken before
    /// that is settled, and whoever settles looks again.
    fn is_enough(&mut self, item: &T) -> bool {
        let Some(waiting) = self.wake.get_mut(usize::from(item.kind())) else { return false };
        let Some(wake) = waiting else { return false };
        if self.out.iter().any(|out| out.lanes >> item.lane() & 1 == 1) {
            return false;
        }
        wake.items = wake.items.saturating_sub(1);
        wake.bytes = wake.bytes.saturating_sub(item.bytes());
        let is_enough = wake.items == 0 || wake.bytes == 0;
        if is_enough {
            *waiting = None;
        }
        is_enough
    }
}

impl<T> State<T> {
    fn count_ended(&mut self, ended: [u64; ENDS], bytes: u64) {
        for (sum, more) in self.ended.iter_mut().zip(ended) {
            *sum += more;
            self.pending -= more;
        }
        self.bytes -= bytes;
    }
}

#[cfg(all(test, not(copilot_loom)))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::{Queue, Queued, Taken, Wanted};

    /// An item by its lane.
    #[derive(Debug)]
    struct Of(usize);

    impl Queued for Of {
        fn lane(&self) -> usize {
            self.0
        }

        fn kind(&self) -> u8 {
            0
        }

        fn bytes(&self) -> usize {
            1
        }

        fn since(&self) -> i64 {
            0
        }
    }

    #[test]
    fn whoever_takes_is_woken_for_a_lane_that_can_be_taken_and_for_no_other() {
        let (queue, linger) = (Queue::new(10, 10), Duration::ZERO);
        let wanted = Wanted { kind: 0, lanes: u32::MAX, max_items: 5, max_bytes: 5, linger, now: 0 };
        assert!(matches!(queue.take(&wanted), Taken::Nothing));
        assert!(queue.push(Of(1)).unwrap());
        assert!(matches!(queue.take(&wanted), Taken::Items { .. }));
        assert!(matches!(queue.take(&wanted), Taken::Nothing));
        assert!(!queue.push(Of(1)).unwrap());
        assert!(queue.push(Of(2)).unwrap());
    }
}
