//! Every order in which two reporters, a courier and a reader of the counts can take their steps, with at most three
//! preemptions: `taken = pending + ended` in every reading, nothing is lost or doubled, and lanes keep their order.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../copilot-delivery/src/memory/queue.rs"]
#[allow(dead_code)]
mod queue;

/// The same, but for the count, which comes after the item.
#[allow(dead_code)]
mod broken {
    include!(concat!(env!("OUT_DIR"), "/broken.rs"));
}

use std::{panic, time::Duration};

use loom::{sync::Arc, thread};

/// An item: its number, and its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item(u64, usize);

const ACCEPTED: usize = 0;
const UNDELIVERED: usize = 4;

fn every_order(test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(test);
}

/// The tests, of the queue as it is and of the broken one.
macro_rules! tests {
    ($queue:ident) => {
        use super::$queue::{ENDS, NoRoom, Queue, Queued, Slot, Taken, Wanted};
        use super::*;

        impl Queued for Item {
            fn lane(&self) -> usize {
                self.1
            }

            fn kind(&self) -> u8 {
                0
            }

            fn bytes(&self) -> usize {
                10
            }

            fn since(&self) -> i64 {
                0
            }
        }

        type Shared = Arc<Queue<Item>>;

        fn queue(max_items: u64) -> Shared {
            Arc::new(Queue::new(max_items, 1000))
        }

        fn law(queue: &Queue<Item>) -> super::$queue::Reading {
            let reading = queue.reading();
            assert_eq!(reading.taken, reading.pending + reading.ended.iter().sum::<u64>(), "{reading:?}");
            assert_eq!(reading.bytes, reading.pending * 10);
            assert_eq!(
                (reading.first.is_none(), reading.lanes == 0),
                (reading.pending == 0, reading.pending == 0)
            );
            reading
        }

        fn take(queue: &Queue<Item>, max_items: usize) -> Option<(u64, Vec<Slot<Item>>)> {
            let (lanes, max_bytes, linger) = (u32::MAX, 1000, Duration::ZERO);
            match queue.take(&Wanted { kind: 0, lanes, max_items, max_bytes, linger, now: 0 }) {
                Taken::Items { fence, slots, .. } => Some((fence, slots)),
                _ => None,
            }
        }

        /// Accepts the first, and puts the others back. Gives what was accepted.
        fn deliver(queue: &Queue<Item>) -> Option<Item> {
            let (fence, mut slots) = take(queue, 2)?;
            let mut ended = [0; ENDS];
            ended[ACCEPTED] = 1;
            let first = slots.remove(0).item;
            assert!(queue.settle(fence, ended, 10, &mut slots));
            assert!(!queue.settle(fence, ended, 10, &mut slots), "a lease is settled once");
            Some(first)
        }

        fn report(queue: &Shared, items: [Item; 2]) -> thread::JoinHandle<Vec<Item>> {
            let queue = queue.clone();
            thread::spawn(move || {
                items.into_iter().filter_map(|item| queue.push(item).err()).map(|(item, _)| item).collect()
            })
        }

        #[test]
        fn every_reading_adds_up_and_every_item_has_one_end() {
            every_order(|| {
                let all = [Item(1, 3), Item(2, 3), Item(3, 3), Item(4, 7)];
                let queue = queue(3);
                let reporters = [report(&queue, [all[0], all[1]]), report(&queue, [all[2], all[3]])];
                let shared = queue.clone();
                let courier = thread::spawn(move || [deliver(&shared), deliver(&shared)]);
                law(&queue);
                law(&queue);
                let mut ends: Vec<Item> =
                    reporters.into_iter().flat_map(|reporter| reporter.join().unwrap()).collect();
                ends.extend(courier.join().unwrap().into_iter().flatten());
                law(&queue);
                ends.extend(queue.close(UNDELIVERED).into_iter().map(|slot| slot.item));
                assert_eq!(law(&queue).pending, 0);
                ends.sort_unstable_by_key(|item| item.0);
                assert_eq!(ends, all);
            });
        }

        #[test]
        fn what_is_reported_while_the_queue_is_closed_is_given_back_or_refused() {
            every_order(|| {
                let queue = queue(10);
                let items = [Item(1, 3), Item(2, 7)];
                let (reporter, shared) = (report(&queue, items), queue.clone());
                let courier = thread::spawn(move || deliver(&shared));
                let mut ends: Vec<Item> =
                    queue.close(UNDELIVERED).into_iter().map(|slot| slot.item).collect();
                assert!(matches!(queue.push(Item(3, 3)), Err((Item(3, 3), NoRoom::Closed))));
                ends.extend(reporter.join().unwrap());
                ends.extend(courier.join().unwrap());
                let left = law(&queue).pending;
                ends.sort_unstable_by_key(|item| item.0);
                // What was out when it was closed, and was put back, is counted still.
                assert_eq!(ends.len() as u64 + left, 2);
                assert!(
                    ends.iter().all(|item| items.contains(item))
                        && ends.windows(2).all(|pair| pair[0] != pair[1])
                );
            });
        }

        #[test]
        fn a_lane_keeps_its_order_when_items_are_put_back_while_others_come() {
            every_order(|| {
                let queue = queue(10);
                assert!(queue.push(Item(1, 3)).is_ok());
                let reporters =
                    [report(&queue, [Item(2, 3), Item(3, 3)]), report(&queue, [Item(11, 7), Item(12, 7)])];
                let (fence, mut slots) = take(&queue, 2).unwrap();
                assert_eq!(slots[0].item, Item(1, 3));
                // Its lane is not leased twice.
                let other = take(&queue, 5);
                assert!(other.iter().all(|(_, slots)| slots.iter().all(|slot| slot.item.1 == 7)));
                assert!(queue.settle(fence, [0; ENDS], 0, &mut slots));
                if let Some((fence, mut slots)) = other {
                    assert!(queue.settle(fence, [0; ENDS], 0, &mut slots));
                }
                reporters.into_iter().for_each(|reporter| assert!(reporter.join().unwrap().is_empty()));
                let (_, slots) = take(&queue, 10).unwrap();
                let of = |lane| slots.iter().map(|slot| slot.item).filter(move |item| item.1 == lane);
                assert!(of(3).eq([Item(1, 3), Item(2, 3), Item(3, 3)]), "{slots:?}");
                assert!(of(7).eq([Item(11, 7), Item(12, 7)]), "{slots:?}");
            });
        }

        #[test]
        fn a_full_queue_gives_back_and_has_room_when_something_ended() {
            every_order(|| {
                let queue = queue(1);
                let reporters =
                    [report(&queue, [Item(1, 3), Item(2, 7)]), report(&queue, [Item(3, 3), Item(4, 7)])];
                let shared = queue.clone();
                let courier = thread::spawn(move || deliver(&shared));
                assert!(law(&queue).pending <= 1);
                let refused = reporters.into_iter().flat_map(|reporter| reporter.join().unwrap()).count();
                let delivered = courier.join().unwrap();
                let reading = law(&queue);
                assert!(
                    reading.taken as usize + refused == 4
                        && reading.taken <= 1 + u64::from(delivered.is_some())
                );
                let room = queue.push(Item(5, 3));
                assert_eq!(room.is_ok(), reading.pending == 0);
                assert!(room.err().is_none_or(|(item, why)| (item, why) == (Item(5, 3), NoRoom::Full)));
            });
        }

        #[test]
        fn whoever_found_too_little_is_woken_by_the_item_that_makes_it_enough() {
            every_order(|| {
                let queue = queue(10);
                let reporter = |item| {
                    let queue = queue.clone();
                    thread::spawn(move || queue.push(item).unwrap())
                };
                let reporters = [reporter(Item(1, 3)), reporter(Item(2, 7))];
                let (lanes, max_items, max_bytes, linger) = (u32::MAX, 2, 1000, Duration::MAX);
                let found = queue.take(&Wanted { kind: 0, lanes, max_items, max_bytes, linger, now: 0 });
                let woken = reporters.into_iter().map(|reporter| reporter.join().unwrap());
                let woken = woken.filter(|woken| *woken).count();
                let enough = matches!(found, Taken::Items { .. });
                // With nothing there it is woken by the first, to see how long that may wait.
                assert_eq!(woken, usize::from(!enough));
            });
        }

        #[test]
        fn a_user_is_forgotten_between_two_leases_and_never_while_items_are_out() {
            every_order(|| {
                let queue = queue(10);
                assert!(queue.push(Item(1, 3)).is_ok());
                let shared = queue.clone();
                let courier = thread::spawn(move || [deliver(&shared), deliver(&shared)]);
                queue.hold(3);
                let reporter = report(&queue, [Item(2, 3), Item(3, 3)]);
                let removed = queue.remove(3, 5, |slots| slots.drain(..).collect());
                // What the courier has was leased before, and nothing was after.
                let accepted = courier.join().unwrap().into_iter().flatten().count();
                reporter.join().unwrap();
                assert!(accepted <= 1 && (removed.is_some() || accepted == 1), "{accepted}");
                queue.let_go(3);
                let reading = law(&queue);
                let forgotten = removed.map_or(0, |slots| slots.len() as u64);
                assert_eq!(reading.taken, accepted as u64 + forgotten + reading.pending);
                assert_eq!(take(&queue, 10).is_some(), reading.pending > 0);
            });
        }
    };
}

mod right {
    tests!(queue);
}

/// Loom sees it when the count is moved behind the push.
#[test]
fn a_count_that_comes_after_the_item_is_found_out() {
    mod wrong {
        #![allow(dead_code)]
        tests!(broken);

        pub(super) fn fails() -> bool {
            panic::catch_unwind(every_reading_adds_up_and_every_item_has_one_end).is_err()
        }
    }
    assert!(wrong::fails(), "loom found nothing wrong with a queue that is");
}
