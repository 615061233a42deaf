//! Where rows and groups stand, as a table expression to count.

/// Groups with work left: with changes, or failed for now.
pub(crate) const UNSETTLED: &str = "(select user_id, domain, local_date from group_changes \
     union select user_id, domain, local_date from failed_groups) u";

/// Groups with work left that are not dead.
pub(crate) const DUE: &str = "(select user_id, domain, local_date from group_changes \
     union select user_id, domain, local_date from failed_groups where state = 'waiting') d";

/// Dead groups.
pub(crate) const DEAD: &str = "failed_groups where state = 'dead'";
