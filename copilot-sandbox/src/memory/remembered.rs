//! A map that forgets what was not touched for longest, so that its memory is bounded.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// How much memory a value takes, in bytes, about.
pub(super) trait Weigh {
    fn weight(&self) -> usize;
}

/// How much a map keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Entries.
    pub(super) count: usize,
    /// Bytes, about.
    pub(super) weight: usize,
}

/// Values by id, in the order in which they were touched last.
#[derive(Debug)]
pub(super) struct Remembered<V> {
    entries: HashMap<Arc<str>, Entry<V>>,
    order: BTreeMap<u64, Arc<str>>,
    touches: u64,
    weight: usize,
    bounds: Bounds,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    touched: u64,
    weight: usize,
}

/// What the map's own book-keeping of an entry takes.
const OVERHEAD: usize = 200;

impl<V: Weigh> Remembered<V> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), touches: 0, weight: 0, bounds }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&V> {
        self.entries.get(id).map(|entry| &entry.value)
    }

    /// Changes the value of that id, made anew where it is missing, and makes it the newest. The ids that had to be
    /// forgotten for it are added to `forgotten`.
    pub(super) fn update(
        &mut self,
        id: &str,
        missing: impl FnOnce() -> V,
        change: impl FnOnce(&mut V),
        forgotten: &mut Vec<Arc<str>>,
    ) {
        self.touches += 1;
        let touched = self.touches;
        match self.entries.get_mut(id) {
            Some(entry) => {
                change(&mut entry.value);
                let weight = OVERHEAD + entry.value.weight();
                self.weight = self.weight - entry.weight + weight;
                entry.weight = weight;
                if let Some(id) = self.order.remove(&entry.touched) {
                    self.order.insert(touched, id);
                }
                entry.touched = touched;
            }
            None => {
                let mut value = missing();
                change(&mut value);
                let weight = OVERHEAD + value.weight();
                self.weight += weight;
                let id: Arc<str> = id.into();
                self.order.insert(touched, Arc::clone(&id));
                self.entries.insert(id, Entry { value, touched, weight });
            }
        }
        while self.entries.len() > self.bounds.count || self.weight > self.bounds.weight {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.forget(&oldest);
            forgotten.push(oldest);
        }
    }

    /// Changes the value of that id, if it is there, without making it newer.
    pub(super) fn amend(&mut self, id: &str, change: impl FnOnce(&mut V)) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return false };
        change(&mut entry.value);
        let weight = OVERHEAD + entry.value.weight();
        self.weight = self.weight - entry.weight + weight;
        entry.weight = weight;
        true
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let touched = self.entries.get(id).map(|entry| entry.touched);
        touched.is_some_and(|touched| {
            self.order.remove(&touched);
            self.forget(id);
            true
        })
    }

    fn forget(&mut self, id: &str) {
        if let Some(entry) = self.entries.remove(id) {
            self.weight -= entry.weight;
        }
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &V> {
        self.order.values().rev().filter_map(|id| self.get(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for usize {
        fn weight(&self) -> usize {
            *self
        }
    }

    fn put(map: &mut Remembered<usize>, id: &str, value: usize) -> Vec<String> {
        let mut forgotten = Vec::new();
        map.update(id, || 0, |found| *found = value, &mut forgotten);
        forgotten.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_not_touched_for_longest_is_forgotten_first() {
        let mut map = Remembered::new(Bounds { count: 2, weight: 10_000 });
        assert_eq!(put(&mut map, "a", 1), [""; 0]);
        assert_eq!(put(&mut map, "b", 2), [""; 0]);
        assert_eq!(put(&mut map, "a", 3), [""; 0]);
        assert_eq!(put(&mut map, "c", 4), ["b"]);
        assert_eq!(map.newest_first().copied().collect::<Vec<_>>(), [4, 3]);
        assert_eq!(map.get("b"), None);
    }

    #[test]
    fn weight_is_bounded_as_count_is() {
        let mut map = Remembered::new(Bounds { count: 100, weight: 1_000 });
        put(&mut map, "a", 300);
        put(&mut map, "b", 100);
        assert_eq!(put(&mut map, "c", 200), ["a"]);
        assert_eq!(put(&mut map, "d", 5_000), ["b", "c", "d"]);
        assert_eq!((map.len(), map.weight), (0, 0));
    }

    #[test]
    fn an_amended_value_keeps_its_place() {
        let mut map = Remembered::new(Bounds { count: 2, weight: 10_000 });
        put(&mut map, "a", 1);
        put(&mut map, "b", 2);
        assert!(map.amend("a", |value| *value = 9));
        assert!(!map.amend("z", |value| *value = 9));
        assert_eq!(map.newest_first().copied().collect::<Vec<_>>(), [2, 9]);
        assert!(map.remove("a") && !map.remove("a"));
        assert_eq!(map.weight, OVERHEAD + 2);
    }
}
