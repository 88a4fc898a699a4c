//! New ids for events.

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use copilot_gen::types::EventId;
use uuid::{Builder, Uuid, Variant, Version};

/// The ids of one millisecond and thread begin at one random number, and count on from there: a system call for each id
/// would cost more than all else that an event takes.
#[derive(Clone, Copy)]
struct Run {
    millisecond: u64,
    next: u64,
}

thread_local! {
    // No millisecond has this number.
    static RUN: Cell<Run> = const { Cell::new(Run { millisecond: u64::MAX, next: 0 }) };
}

/// The bits of an id behind its time that are not given away by its version and variant.
const RANDOM_BITS: u32 = 62;

/// A new id for an event: a UUID of version 7, which sorts by time. 36 characters of the 50 that an id may have.
///
/// ```
/// assert_ne!(copilot_api::new_event_id(), copilot_api::new_event_id());
/// ```
pub fn new_event_id() -> EventId {
    event_id_at(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// As [`new_event_id`], at that time since 1970.
pub(crate) fn event_id_at(now: Duration) -> EventId {
    new_uuid(now).into()
}

/// 48 bits of milliseconds, 12 bits of their fraction, 62 bits that are random for each millisecond and thread and count
/// on.
fn new_uuid(now: Duration) -> Uuid {
    let millisecond = now.as_secs() * 1_000 + u64::from(now.subsec_millis());
    let nanoseconds = u64::from(now.subsec_nanos() % 1_000_000);
    let run = RUN.get();
    let next = if run.millisecond == millisecond { run.next } else { Uuid::new_v4().as_u64_pair().1 };
    RUN.set(Run { millisecond, next: next.wrapping_add(1) });
    // A process that was forked within this millisecond counts on from the same number, at another nanosecond where the
    // clock tells them apart.
    let random = next ^ (nanoseconds << (RANDOM_BITS - 20));
    let high = (millisecond << 16) | (nanoseconds * 4096 / 1_000_000);
    Builder::from_u128((u128::from(high) << 64) | u128::from(random))
        .with_version(Version::SortRand)
        .with_variant(Variant::RFC4122)
        .into_uuid()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread, time::Duration};

    use super::{Variant, new_event_id, new_uuid};

    #[test]
    fn ids_differ_whatever_the_clock_does() {
        let mut seen = HashSet::new();
        for nanoseconds in [0, 1, 999_999, 0, 1_000_000, 0] {
            for _ in 0..10_000 {
                assert!(seen.insert(new_uuid(Duration::from_nanos(nanoseconds))));
            }
        }
        let threads: Vec<_> = (0..4)
            .map(|_| thread::spawn(|| (0..10_000).map(|_| new_event_id()).collect::<Vec<_>>()))
            .collect();
        let ids: HashSet<_> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect();
        assert_eq!(ids.len(), 40_000);
    }

    #[test]
    fn without_a_clock_the_ids_of_two_threads_differ() {
        let [one, other] = [(); 2].map(|()| thread::spawn(|| new_uuid(Duration::ZERO)).join().ok());
        assert_ne!(one, other);
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_sorts_by_time() {
        let [before, after] = [1_795_509_000_123_456_789, 1_795_509_000_123_987_654].map(|nanoseconds| {
            let id = new_uuid(Duration::from_nanos(nanoseconds));
            assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122));
            assert_eq!(id.as_u64_pair().0 >> 16, 1_795_509_000_123);
            id
        });
        assert!(before < after);
    }
}
