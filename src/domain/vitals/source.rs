//! Who reported samples, and how much they are trusted.

use std::collections::{BTreeSet, HashMap};

use crate::domain::FoldRules;
use crate::domain::bounds::listed;
use crate::domain::memo::Memo;

/// A source's place among the distinct names of a group's sources in order,
/// once all of them are known: see [`Sources::sort`].
pub(super) type SourceId = usize;

/// The sources and devices of a group. Rows repeat few names, so that each
/// pair is numbered and compared with the rules once.
pub(super) struct Sources<'r> {
    priority: Vec<String>,
    /// A source's number and a pair's rank.
    by_name: Memo<(&'r str, Option<&'r str>), (SourceId, usize)>,
    ids: HashMap<&'r str, SourceId>,
}

impl<'r> Sources<'r> {
    pub(super) fn new(rules: &FoldRules) -> Self {
        Self {
            priority: rules
                .source_priority
                .iter()
                .map(|entry| entry.to_lowercase())
                .collect(),
            by_name: Memo::default(),
            ids: HashMap::new(),
        }
    }

    /// The number of a source, and its rank: the place of the first entry that
    /// either name contains; past the last one if there is none.
    pub(super) fn of(&mut self, source: &'r str, device: Option<&'r str>) -> (SourceId, usize) {
        let Self { priority, ids, .. } = self;
        *self.by_name.get_or_insert_with((source, device), || {
            let next = ids.len();
            let id = *ids.entry(source).or_insert(next);
            let source = source.to_lowercase();
            let device = device.unwrap_or_default().to_lowercase();
            let rank = priority
                .iter()
                .position(|entry| source.contains(entry) || device.contains(entry))
                .unwrap_or(priority.len());
            (id, rank)
        })
    }

    /// The names in order, and the place of each number among them.
    pub(super) fn sort(self) -> (Vec<&'r str>, Vec<SourceId>) {
        let mut numbered: Vec<_> = self.ids.into_iter().collect();
        numbered.sort_unstable();
        let mut places = vec![0; numbered.len()];
        for (place, (_, id)) in numbered.iter().enumerate() {
            places[*id] = place;
        }
        (numbered.into_iter().map(|(name, _)| name).collect(), places)
    }
}

/// Some of a group's sources.
#[derive(Debug, Default)]
pub(super) struct SourceSet {
    /// A bit for each of the first 64.
    first: u64,
    others: BTreeSet<SourceId>,
}

impl SourceSet {
    pub(super) fn insert(&mut self, id: SourceId) {
        if id < 64 {
            self.first |= 1 << id;
        } else {
            self.others.insert(id);
        }
    }

    /// In order, of the group's names, see [`listed`]; blank ones say nothing.
    pub(super) fn names(&self, all: &[&str]) -> Vec<String> {
        let first = (0..64.min(all.len())).filter(|id| self.first >> id & 1 == 1);
        let names: Vec<&str> = first
            .chain(self.others.iter().copied())
            .map(|id| all[id])
            .filter(|name| !name.trim().is_empty())
            .collect();
        listed(names.iter().copied(), names.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_that_source_or_device_contains_decides() {
        let rules = FoldRules {
            source_priority: ["watch", "Phone", "größe"].map(str::to_owned).into(),
            ..FoldRules::default()
        };
        let mut sources = Sources::new(&rules);
        for (source, device, rank) in [
            ("Ada's Apple Watch", None, 0),
            ("Health", Some("iPhone15,2"), 1),
            ("iPhone", Some("WATCH"), 0),
            ("GRÖSSE, GRÖßE", None, 2),
            ("ring", Some("band"), 3),
            ("", None, 3),
        ] {
            assert_eq!(sources.of(source, device).1, rank, "{source} {device:?}");
        }
    }

    #[test]
    fn names_are_told_apart_and_sorted() {
        let names: Vec<_> = (0..100)
            .rev()
            .map(|number| format!("{number:03}"))
            .collect();
        let mut sources = Sources::new(&FoldRules::default());
        let mut ids = Vec::new();
        for name in names.iter().chain(&names) {
            ids.push(sources.of(name, Some("watch")).0);
            assert_eq!(sources.of(name, None).0, ids[ids.len() - 1]);
        }
        let blank = sources.of(" ", None).0;
        let (sorted, places) = sources.sort();
        let mut set = SourceSet::default();
        for id in ids.into_iter().chain([blank]) {
            set.insert(places[id]);
        }
        let mut expected = names.clone();
        expected.reverse();
        assert_eq!(set.names(&sorted), expected);
    }
}
