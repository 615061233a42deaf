//! What is worked out once for each of the names that rows repeat.

use std::collections::HashMap;
use std::hash::Hash;

/// As many keys are told apart faster by comparing than by hashing.
const FEW: usize = 8;

/// Values by key, worked out when a key is first seen. Quickest where a key
/// is that of the row before, or one of few.
#[derive(Debug)]
pub struct Memo<K, V> {
    /// In the order in which the keys were first seen.
    entries: Vec<(K, V)>,
    /// Where the key was that was asked for last.
    latest: usize,
    /// Where the keys beyond the first few are.
    others: HashMap<K, usize>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            latest: 0,
            others: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash, V> Memo<K, V> {
    #[inline]
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let is_latest = (self.entries.get(self.latest)).is_some_and(|(latest, _)| *latest == key);
        if !is_latest {
            self.latest = self.find(key).unwrap_or_else(|| self.add(key, value()));
        }
        &mut self.entries[self.latest].1
    }

    fn find(&self, key: K) -> Option<usize> {
        let mut few = self.entries.iter().take(FEW);
        let place = few.position(|(known, _)| *known == key);
        if place.is_some() || self.entries.len() <= FEW {
            return place;
        }
        self.others.get(&key).copied()
    }

    fn add(&mut self, key: K, value: V) -> usize {
        let place = self.entries.len();
        if place >= FEW {
            self.others.insert(key, place);
        }
        self.entries.push((key, value));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn each_key_keeps_its_first_value(keys in proptest::collection::vec(0..3 * FEW, 0..200)) {
            let mut memo = Memo::default();
            let mut first = HashMap::new();
            for (number, key) in keys.into_iter().enumerate() {
                let expected = first.entry(key).or_insert(number);
                proptest::prop_assert_eq!(memo.get_or_insert_with(key, || number), expected);
            }
        }
    }
}
