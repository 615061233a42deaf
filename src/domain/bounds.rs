//! How long texts may be, and how many of them an aggregate lists.

use std::collections::{BTreeMap, BTreeSet};

/// Longest text, in bytes, of a column that names something: such texts are
/// parts of keys and of aggregates.
pub const MAX_KEY: usize = 500;

/// Longest text, in bytes, of any other column.
pub const MAX_TEXT: usize = 64 * 1024;

/// Names that a list in an aggregate has at most; beyond them it tells how many
/// were left out.
pub const MAX_NAMED: usize = 100;

/// Characters of a result as reported that an aggregate repeats.
pub const MAX_SHOWN_CHARS: usize = 1000;

/// The key of a map that stands for every name beyond [`MAX_NAMED`]. No meal
/// and no result is empty.
pub const OTHERS: &str = "";

/// The longest text, in bytes, that a raw column may hold.
pub fn longest(column: &str) -> usize {
    match column {
        "source" | "source_id" | "metric" | "nutrient" | "code" | "name" | "unit" | "meal" => {
            MAX_KEY
        }
        _ => MAX_TEXT,
    }
}

/// Why a row with such a text is rejected.
pub fn too_long(column: &str) -> String {
    format!(
        "text_too_long: {column} is longer than {} bytes",
        longest(column)
    )
}

/// The first [`MAX_NAMED`] names, which are sorted and distinct, and where there
/// are more an entry `+N more`. `known` is how many names there are at least,
/// which is more than are given where lists of parts were cut.
pub fn listed<S: Into<String>>(
    names: impl ExactSizeIterator<Item = S>,
    known: usize,
) -> Vec<String> {
    let all = match names.len() {
        few @ ..MAX_NAMED => few,
        many => many.max(known),
    };
    let mut listed: Vec<String> = names.take(MAX_NAMED).map(Into::into).collect();
    if all > listed.len() {
        listed.push(format!("+{} more", all - listed.len()));
    }
    listed
}

/// The sources of a series while they come together; blank names say nothing.
#[derive(Debug, Default)]
pub struct Listed<'r> {
    names: BTreeSet<&'r str>,
    /// Of the longest list that was added.
    known: usize,
}

impl<'r> Listed<'r> {
    pub fn of(lists: impl Iterator<Item = &'r [String]>) -> Self {
        let mut all = Self::default();
        lists.for_each(|list| all.add_list(list));
        all
    }

    pub fn add(&mut self, name: &'r str) {
        if !name.trim().is_empty() {
            self.names.insert(name);
        }
    }

    /// Adds what [`listed`] gave. Of the names that it left out at least as many
    /// are among all names as it counts.
    pub fn add_list(&mut self, list: &'r [String]) {
        let (names, known) = read_list(list);
        names.iter().for_each(|name| self.add(name));
        self.known = self.known.max(known);
    }

    pub fn finish(self) -> Vec<String> {
        listed(self.names.into_iter(), self.known)
    }
}

/// The names that a list names, and how many there are at least: the reverse of
/// [`listed`].
fn read_list(list: &[String]) -> (&[String], usize) {
    if list.len() <= MAX_NAMED {
        return (list, list.len());
    }
    let (names, more) = list.split_at(MAX_NAMED);
    let count = more[0]
        .strip_prefix('+')
        .and_then(|more| more.strip_suffix(" more")?.parse().ok());
    // A list that was written before there were bounds.
    let Some(more) = count else {
        return (list, list.len());
    };
    (names, MAX_NAMED.saturating_add(more))
}

/// The first [`MAX_NAMED`] names in order; what stands beside the others is
/// brought together under [`OTHERS`].
pub fn named<V>(mut by_name: BTreeMap<String, V>, add: impl Fn(&mut V, V)) -> BTreeMap<String, V> {
    let others = by_name.remove(OTHERS);
    let first_left_out = by_name.keys().nth(MAX_NAMED).cloned();
    let left_out = first_left_out.map_or_else(BTreeMap::new, |name| by_name.split_off(&name));
    let others = others.into_iter().chain(left_out.into_values());
    let others = others.reduce(|mut sum, value| {
        add(&mut sum, value);
        sum
    });
    if let Some(others) = others {
        by_name.insert(OTHERS.to_owned(), others);
    }
    by_name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(names: &BTreeSet<String>) -> Vec<String> {
        listed(names.iter(), names.len())
    }

    fn numbered(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
        numbers
            .into_iter()
            .map(|number| format!("{number:04}"))
            .collect()
    }

    #[test]
    fn a_list_names_the_first_and_counts_the_others() {
        let short = numbered(0..100);
        assert_eq!(list(&short), Vec::from_iter(short.clone()));
        let long = list(&numbered(0..123));
        assert_eq!(long.len(), MAX_NAMED + 1);
        assert_eq!(&long[99..], ["0099", "+23 more"]);
        assert_eq!(read_list(&long).1, 123);
        // As it was written before there were bounds.
        let old: Vec<_> = numbered(0..123).into_iter().collect();
        assert_eq!(read_list(&old), (&old[..], 123));
    }

    #[test]
    fn a_map_names_the_first_and_sums_the_others() {
        let map: BTreeMap<_, i64> = numbered(0..150).into_iter().zip(1..).collect();
        let sum: i64 = map.values().sum();
        let bounded = named(map, |sum, count| *sum += count);
        assert_eq!(bounded.len(), MAX_NAMED + 1);
        assert_eq!(bounded.values().sum::<i64>(), sum);
        assert_eq!(bounded["0099"], 100);
        assert_eq!(bounded[OTHERS], (101..=150).sum::<i64>());
        let again = named(bounded.clone(), |sum, count| *sum += count);
        assert_eq!(again, bounded);
    }

    proptest! {
        #[test]
        fn a_list_says_how_many_names_there_are(numbers in prop::collection::vec(0..400u32, 0..400)) {
            let names = numbered(numbers);
            let list = list(&names);
            let (named, all) = read_list(&list);
            prop_assert_eq!(all, names.len());
            prop_assert!(named.iter().eq(names.iter().take(MAX_NAMED)));
        }
    }
}
