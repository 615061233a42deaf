//! Which rows of a folded group are rejected, and which lines of
//! `rejected_rows` change.

use std::collections::HashMap;

use crate::domain::Rejection;

/// Begins the reason of rows without which their group folds.
pub(super) const POISON: &str = "poison: ";

/// A line of `rejected_rows` as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRejection {
    pub(super) row_id: i64,
    pub(super) reason: String,
    /// Its group cannot be folded with it.
    pub(super) poison: bool,
}

/// What differs from the lines that are stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rejections {
    /// Lines to insert or replace.
    pub(super) written: Vec<StoredRejection>,
    /// Rows whose line goes.
    pub(super) deleted: Vec<i64>,
    /// Rows that had no line.
    pub(super) new: u64,
}

impl Rejections {
    /// `stored` are all lines of the group, `now` all its rejected rows; rows in
    /// `kept` keep their lines.
    pub(super) fn of(stored: Vec<StoredRejection>, now: Vec<Rejection>, kept: &[i64]) -> Self {
        let mut stored: HashMap<i64, StoredRejection> =
            stored.into_iter().map(|line| (line.row_id, line)).collect();
        for row_id in kept {
            stored.remove(row_id);
        }
        let mut rejections = Rejections::default();
        for Rejection { row_id, reason } in now {
            let line = StoredRejection {
                poison: reason.starts_with(POISON),
                row_id,
                reason,
            };
            match stored.remove(&row_id) {
                Some(before) if before == line => continue,
                Some(_) => {}
                None => rejections.new += 1,
            }
            rejections.written.push(line);
        }
        rejections.deleted = stored.into_keys().collect();
        rejections.deleted.sort_unstable();
        rejections
    }

    /// How many rows are rejected and should not be, or the other way round.
    pub(super) fn misjudged(&self) -> usize {
        usize::try_from(self.new).unwrap_or(usize::MAX) + self.deleted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_written() {
        let stored = |row_id, reason: &str| StoredRejection {
            row_id,
            reason: reason.to_owned(),
            poison: reason.starts_with(POISON),
        };
        let now = |row_id, reason: &str| Rejection {
            row_id,
            reason: reason.to_owned(),
        };
        let rejections = Rejections::of(
            vec![
                stored(1, "unit_missing: none"),
                stored(2, "unit_missing: none"),
                stored(3, "unit_missing: none"),
                stored(4, "poison: it fails"),
            ],
            vec![
                now(1, "unit_missing: none"),
                now(2, "unit_unknown: what"),
                now(5, "poison: it fails"),
            ],
            &[4],
        );
        assert_eq!(
            rejections,
            Rejections {
                written: vec![
                    stored(2, "unit_unknown: what"),
                    stored(5, "poison: it fails")
                ],
                deleted: vec![3],
                new: 1,
            }
        );
        assert_eq!(rejections.misjudged(), 2);
    }
}
