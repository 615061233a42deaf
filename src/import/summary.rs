//! What an import did.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use crate::store::Inserted;

/// Errors kept of an import that goes on; all are counted.
const MAX_ERRORS: usize = 20;
/// Reasons counted by name, so that a hostile file cannot fill the memory
/// with them; further ones count as `other`.
const MAX_REASONS: usize = 500;
/// Ignored columns that are named.
const MAX_COLUMNS: usize = 200;

/// What an import did. Sums of several files are formed with `+=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Records read: FHIR resources, CSV rows, elements of an Apple export.
    /// One record may give several rows or none.
    pub read: u64,
    pub inserted: u64,
    pub corrected: u64,
    pub duplicate: u64,
    /// Stored rows that were deleted because their source took them back.
    pub retracted: u64,
    /// Records, or parts of one, that were understood and left out, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Records that could not be understood.
    pub malformed: u64,
    /// The first of their errors: file, line and cause.
    pub errors: Vec<String>,
    /// Columns of CSV files that no row takes anything from.
    pub ignored_columns: BTreeSet<String>,
}

impl Summary {
    pub(crate) fn skip(&mut self, reason: &str, count: u64) {
        let known = self.skipped.contains_key(reason);
        let reason = if known || self.skipped.len() < MAX_REASONS {
            reason
        } else {
            "other"
        };
        *self.skipped.entry(reason.to_owned()).or_default() += count;
    }

    pub(crate) fn add_rows(&mut self, rows: Inserted) {
        self.inserted += rows.inserted;
        self.corrected += rows.corrected;
        self.duplicate += rows.duplicate;
    }

    pub(crate) fn error(&mut self, error: String) {
        self.malformed += 1;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }

    pub(crate) fn ignore_column(&mut self, name: String) {
        if self.ignored_columns.len() < MAX_COLUMNS {
            self.ignored_columns.insert(name);
        }
    }
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.read += other.read;
        self.inserted += other.inserted;
        self.corrected += other.corrected;
        self.duplicate += other.duplicate;
        self.retracted += other.retracted;
        self.malformed += other.malformed;
        for (reason, count) in other.skipped {
            self.skip(&reason, count);
        }
        let room = MAX_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(other.errors.into_iter().take(room));
        for column in other.ignored_columns {
            self.ignore_column(column);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_within_bounds() {
        let mut sum = Summary::default();
        for i in 0..600 {
            let mut one = Summary {
                read: 2,
                ..Summary::default()
            };
            one.skip("no time", 1);
            one.skip(&format!("category {i}"), 1);
            one.error(format!("file:{i}: bad"));
            sum += one;
        }
        assert_eq!((sum.read, sum.malformed), (1200, 600));
        assert_eq!(sum.skipped["no time"], 600);
        assert_eq!(sum.skipped.values().sum::<u64>(), 1200);
        assert!(sum.skipped.len() <= MAX_REASONS + 1 && sum.skipped["other"] > 0);
        assert_eq!(sum.errors.len(), MAX_ERRORS);
    }
}
