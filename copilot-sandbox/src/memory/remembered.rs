//! A map that forgets what was not touched for longest, so that its memory is bounded.

use std::sync::Arc;

use hashlink::LinkedHashMap;

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
    entries: LinkedHashMap<Arc<str>, Entry<V>>,
    weight: usize,
    bounds: Bounds,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
}

/// What the map's own book-keeping of an entry takes.
const OVERHEAD: usize = 200;

impl<V: Weigh> Remembered<V> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { entries: LinkedHashMap::new(), weight: 0, bounds }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&V> {
        self.entries.get(id).map(|entry| &entry.value)
    }

    /// Changes the value of that id, made anew where it is missing, and makes it the newest. Others may have to be
    /// forgotten for it.
    pub(super) fn update(&mut self, id: &str, missing: impl FnOnce() -> V, change: impl FnOnce(&mut V)) {
        match self.entries.to_back(id) {
            Some(entry) => {
                change(&mut entry.value);
                let weight = OVERHEAD + entry.value.weight();
                self.weight = self.weight - entry.weight + weight;
                entry.weight = weight;
            }
            None => {
                let mut value = missing();
                change(&mut value);
                let weight = OVERHEAD + value.weight();
                self.weight += weight;
                self.entries.insert(id.into(), Entry { value, weight });
            }
        }
        while self.entries.len() > self.bounds.count || self.weight > self.bounds.weight {
            let Some((_, entry)) = self.entries.pop_front() else { return };
            self.weight -= entry.weight;
        }
    }

    /// Changes the value of that id, if it is there, without making it newer.
    pub(super) fn amend(&mut self, id: &str, change: impl FnOnce(&mut V)) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        change(&mut entry.value);
        let weight = OVERHEAD + entry.value.weight();
        self.weight = self.weight - entry.weight + weight;
        entry.weight = weight;
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.weight -= self.entries.remove(id).map_or(0, |entry| entry.weight);
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &V> {
        self.entries.values().rev().map(|entry| &entry.value)
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

    fn put(map: &mut Remembered<usize>, id: &str, value: usize) -> Vec<usize> {
        map.update(id, || 0, |found| *found = value);
        map.newest_first().copied().collect()
    }

    #[test]
    fn what_was_not_touched_for_longest_is_forgotten_first() {
        let mut map = Remembered::new(Bounds { count: 2, weight: 10_000 });
        put(&mut map, "a", 1);
        assert_eq!(put(&mut map, "b", 2), [2, 1]);
        assert_eq!(put(&mut map, "a", 3), [3, 2]);
        assert_eq!(put(&mut map, "c", 4), [4, 3]);
        assert_eq!(map.get("b"), None);
    }

    #[test]
    fn weight_is_bounded_as_count_is() {
        let mut map = Remembered::new(Bounds { count: 100, weight: 1_000 });
        put(&mut map, "a", 300);
        put(&mut map, "b", 100);
        assert_eq!(put(&mut map, "c", 200), [200, 100]);
        assert_eq!(put(&mut map, "d", 5_000), [0; 0]);
        assert_eq!((map.len(), map.weight), (0, 0));
    }

    #[test]
    fn an_amended_value_keeps_its_place() {
        let mut map = Remembered::new(Bounds { count: 2, weight: 10_000 });
        put(&mut map, "a", 1);
        put(&mut map, "b", 2);
        map.amend("a", |value| *value = 9);
        map.amend("z", |value| *value = 9);
        assert_eq!(map.newest_first().copied().collect::<Vec<_>>(), [2, 9]);
        map.remove("a");
        assert_eq!((map.len(), map.weight), (1, OVERHEAD + 2));
    }
}
