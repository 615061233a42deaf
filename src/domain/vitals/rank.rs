//! How much the sources of samples are trusted.

use std::collections::HashMap;

use crate::domain::FoldRules;

/// The ranks of a group's sources and devices. Rows repeat few names, so that
/// each pair is compared with the rules once.
pub(super) struct Ranks<'r> {
    priority: Vec<String>,
    by_name: HashMap<(&'r str, Option<&'r str>), usize>,
}

impl<'r> Ranks<'r> {
    pub(super) fn new(rules: &FoldRules) -> Self {
        Self {
            priority: rules
                .source_priority
                .iter()
                .map(|entry| entry.to_lowercase())
                .collect(),
            by_name: HashMap::new(),
        }
    }

    /// The place of the first entry that either name contains; past the last
    /// one if there is none.
    pub(super) fn of(&mut self, source: &'r str, device: Option<&'r str>) -> usize {
        let priority = &self.priority;
        *self.by_name.entry((source, device)).or_insert_with(|| {
            let source = source.to_lowercase();
            let device = device.unwrap_or_default().to_lowercase();
            priority
                .iter()
                .position(|entry| source.contains(entry) || device.contains(entry))
                .unwrap_or(priority.len())
        })
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
        let mut ranks = Ranks::new(&rules);
        for (source, device, rank) in [
            ("Ada's Apple Watch", None, 0),
            ("Health", Some("iPhone15,2"), 1),
            ("iPhone", Some("WATCH"), 0),
            ("GRÖSSE, GRÖßE", None, 2),
            ("ring", Some("band"), 3),
            ("", None, 3),
        ] {
            assert_eq!(ranks.of(source, device), rank, "{source} {device:?}");
        }
    }
}
