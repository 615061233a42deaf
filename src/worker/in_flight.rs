//! Which groups this process is folding: two of its batches never take the
//! same user, and after an unclean end they are the suspects.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::domain::{Domain, GroupKey, UserId};

#[derive(Debug, Default)]
pub struct InFlight {
    groups: Mutex<Groups>,
    /// The version that the last sign of life told. Whoever sends one holds it:
    /// those who come meanwhile are told of by the next.
    pub(super) told: tokio::sync::Mutex<u64>,
}

#[derive(Debug, Default)]
struct Groups {
    all: BTreeSet<GroupKey>,
    /// Rises with every addition.
    version: u64,
}

impl InFlight {
    pub fn add(&self, groups: impl IntoIterator<Item = GroupKey>) {
        let mut all = self.groups();
        all.all.extend(groups);
        all.version += 1;
    }

    pub fn remove(&self, groups: impl IntoIterator<Item = GroupKey>) {
        let mut all = self.groups();
        for group in groups {
            all.all.remove(&group);
        }
    }

    /// The users with groups in flight.
    pub fn users(&self, domain: Domain) -> HashSet<UserId> {
        let groups = self.groups();
        let of_domain = groups.all.iter().filter(|group| group.domain == domain);
        of_domain.map(|group| group.user_id).collect()
    }

    /// All of them, and the version they are of.
    pub fn list(&self) -> (Vec<GroupKey>, u64) {
        let groups = self.groups();
        (groups.all.iter().copied().collect(), groups.version)
    }

    pub fn version(&self) -> u64 {
        self.groups().version
    }

    pub fn len(&self) -> usize {
        self.groups().all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.groups().all.is_empty()
    }

    fn groups(&self) -> std::sync::MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_flight_with_any_of_the_groups() {
        let key = |user_id, day| GroupKey {
            domain: Domain::Vitals,
            user_id,
            local_date: chrono::NaiveDate::from_ymd_opt(2026, 1, day).unwrap(),
        };
        let groups = InFlight::default();
        groups.add([key(1, 5), key(1, 6)]);
        assert_eq!(groups.users(Domain::Vitals), HashSet::from([1]));
        assert_eq!(groups.users(Domain::Labs), HashSet::new());
        groups.remove([key(1, 5)]);
        assert_eq!(groups.users(Domain::Vitals), HashSet::from([1]));
        groups.remove([key(1, 6)]);
        assert!(groups.is_empty());
    }
}
