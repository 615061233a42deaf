//! Which groups this process is folding: two of its batches never take the
//! same user, and after an unclean end they are the suspects.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::domain::{Domain, GroupKey, UserId};

#[derive(Debug, Default)]
pub struct InFlight(Mutex<BTreeSet<GroupKey>>);

impl InFlight {
    pub fn add(&self, groups: impl IntoIterator<Item = GroupKey>) {
        self.groups().extend(groups);
    }

    pub fn remove(&self, groups: impl IntoIterator<Item = GroupKey>) {
        let mut all = self.groups();
        for group in groups {
            all.remove(&group);
        }
    }

    /// The users with groups in flight.
    pub fn users(&self, domain: Domain) -> HashSet<UserId> {
        let groups = self.groups();
        let of_domain = groups.iter().filter(|group| group.domain == domain);
        of_domain.map(|group| group.user_id).collect()
    }

    pub fn list(&self) -> Vec<GroupKey> {
        self.groups().iter().copied().collect()
    }

    pub fn len(&self) -> usize {
        self.groups().len()
    }

    pub fn is_empty(&self) -> bool {
        self.groups().is_empty()
    }

    fn groups(&self) -> std::sync::MutexGuard<'_, BTreeSet<GroupKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
