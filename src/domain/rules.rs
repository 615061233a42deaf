//! What a deployment decides about folds.

use std::collections::BTreeSet;

/// Rules that a fold obeys. Part of what an aggregate is a function of: after
/// a change, `backfill` brings old days in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldRules {
    /// Parts of source or device names, highest rank first, in lower case.
    /// Where sources overlap, each instant counts from the one that ranks
    /// highest; sources that no entry names rank last.
    pub source_priority: Vec<String>,
    /// Canonical names of metrics whose overlapping samples are summed.
    pub sum_overlaps: BTreeSet<String>,
}

impl Default for FoldRules {
    fn default() -> Self {
        FoldRules {
            source_priority: ["watch", "phone"].map(str::to_owned).into(),
            sum_overlaps: BTreeSet::new(),
        }
    }
}
