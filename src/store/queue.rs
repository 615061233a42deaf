//! Finding work: groups with changes, groups whose retry is due, and groups
//! that exist.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::Result;
use crate::domain::period::WIDEST_OFFSET;
use crate::domain::{Domain, GroupKey, UserId};

/// The door of schedulers.
pub trait Queue: Clone + Send + Sync + 'static {
    /// Lowest and highest user with changes.
    fn pending_users(
        &self,
        domain: Domain,
    ) -> impl Future<Output = Result<Option<(UserId, UserId)>>> + Send;

    /// Reads groups with changes of at most `limit` rows together, users after
    /// the cursor first and then from the lowest on, each user's dates in order.
    /// Takes no lock. Leaves out groups that wait for a retry.
    fn pull(&self, pull: &Pull) -> impl Future<Output = Result<Pulled>> + Send;

    /// Failed groups whose next attempt is due, the longest waiting first.
    fn due(
        &self,
        domain: Domain,
        within: &GroupFilter,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<GroupKey>>> + Send;

    /// Whether [`Queue::pull`] or [`Queue::due`] would find anything in any of
    /// the domains: one statement, for a worker that waits.
    fn work_waits(&self, probe: &Probe) -> impl Future<Output = Result<bool>> + Send;

    /// Counts the groups that have changes or wait for a retry.
    fn count_due(
        &self,
        domain: Domain,
        within: &GroupFilter,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Groups that have raw rows or aggregates, sealed ones left out, in (user,
    /// date) order from `from` on. One page: a statement of bounded size reads
    /// it, so that it may hold few groups or none although more follow.
    fn groups(
        &self,
        domain: Domain,
        within: &GroupFilter,
        which: Which,
        from: Option<Place>,
    ) -> impl Future<Output = Result<Page>> + Send;

    /// Appends a change for each of the groups, and gives those that failed all
    /// their attempts again.
    fn mark(
        &self,
        domain: Domain,
        groups: &[KnownGroup],
        why: Mark,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// What a pull takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub domain: Domain,
    /// The last user served.
    pub after: UserId,
    /// Changed rows.
    pub limit: usize,
    /// Changes younger than this are left for later.
    pub settle: Duration,
    pub within: GroupFilter,
}

/// A group that has changes, and how many changed rows a pull took of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PulledGroup {
    pub key: GroupKey,
    pub rows: usize,
}

/// Which groups. An empty list of users is all users; dates are inclusive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupFilter {
    pub users: Vec<UserId>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// Which of the groups within a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that an older version of the fold wrote, and those with rejected
    /// rows, which a newer version may accept.
    Outdated,
}

/// Where a page begins: a user and the first date.
pub type Place = (UserId, NaiveDate);

/// A group that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownGroup {
    pub key: GroupKey,
    /// Raw rows that begin on its day.
    pub rows: u64,
}

/// Groups in (user, date) order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub groups: Vec<KnownGroup>,
    /// Where the next page begins; none at the end.
    pub next: Option<Place>,
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Fold it again.
    Refold,
    /// Its raw rows are gone, and its aggregates are to go too.
    Emptied,
}

impl Mark {
    /// The kind of its line in `group_changes`.
    pub fn kind(self) -> &'static str {
        match self {
            Mark::Refold => "refold",
            Mark::Emptied => "delete",
        }
    }
}

/// What is looked for by a worker that waits.
#[derive(Debug, Clone)]
pub struct Probe {
    pub domains: Vec<Domain>,
    /// Changes younger than this are left for later.
    pub settle: Duration,
}

/// What a pull found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulled {
    pub groups: Vec<PulledGroup>,
    /// There may be more.
    pub full: bool,
    /// Rows and lines that the groups count for.
    taken: usize,
}

impl Pulled {
    /// The first groups that hold `limit` rows together; the last one counts
    /// only the rows that still fit. With each group come the lines that a scan
    /// of at most `limit` lines found of it: it counts no less than they are.
    pub(super) fn cut(found: Vec<(PulledGroup, usize)>, limit: usize) -> Pulled {
        let mut pulled = Pulled::default();
        pulled.add(found, limit);
        pulled
    }

    /// Adds what another scan found.
    pub(super) fn add(&mut self, found: Vec<(PulledGroup, usize)>, limit: usize) {
        for (group, lines) in found {
            let room = limit - self.taken;
            if room == 0 {
                break;
            }
            self.taken += group.rows.max(lines).min(room);
            self.groups.push(PulledGroup {
                rows: group.rows.min(room),
                ..group
            });
        }
        self.full = self.taken >= limit;
    }
}

/// Raw rows that one page reads at first: less than a second's work.
pub(super) const PAGE_ROWS: i64 = 200_000;
/// Groups that one page takes from other tables at most.
pub(super) const PAGE_GROUPS: i64 = 10_000;
/// Days between the start of a row and the last day that it touches, and one for
/// the offset.
pub(super) const REACH_DAYS: u64 = 4;

/// Where the raw rows of a page end, given the user and the time of the last row
/// read: rows that were not read may touch that date and later ones.
pub(super) fn raw_end((user_id, at): (UserId, DateTime<Utc>)) -> Place {
    (user_id, (at - WIDEST_OFFSET).date_naive())
}

/// Groups that a statement listed, and where those behind them begin.
pub(super) fn with_end(places: Vec<Place>) -> (Vec<Place>, Option<Place>) {
    let full = i64::try_from(places.len()).is_ok_and(|count| count >= PAGE_GROUPS);
    let last = places.last().filter(|_| full);
    let end = last.map(|(user_id, date)| (*user_id, date.succ_opt().unwrap_or(*date)));
    (places, end)
}

/// One page of two lists of groups, each complete up to its end: those of raw
/// rows, and those of other tables.
pub(super) fn page(
    domain: Domain,
    (raw, raw_end): (Vec<(Place, u64)>, Option<Place>),
    (others, others_end): (Vec<Place>, Option<Place>),
) -> Page {
    let next = match (raw_end, others_end) {
        (Some(raw), Some(others)) => Some(raw.min(others)),
        (raw, others) => raw.or(others),
    };
    let mut groups: BTreeMap<Place, u64> = others.into_iter().map(|place| (place, 0)).collect();
    groups.extend(raw);
    let groups = groups
        .into_iter()
        .filter(|(place, _)| next.is_none_or(|next| *place < next))
        .map(|((user_id, local_date), rows)| KnownGroup {
            key: GroupKey {
                domain,
                user_id,
                local_date,
            },
            rows,
        })
        .collect();
    Page { groups, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn places(page: &Page) -> Vec<(UserId, u32, u64)> {
        use chrono::Datelike;
        let place = |group: &KnownGroup| {
            let key = group.key;
            (key.user_id, key.local_date.day(), group.rows)
        };
        page.groups.iter().map(place).collect()
    }

    #[test]
    fn a_page_ends_where_the_first_of_its_lists_does() {
        let raw = vec![((1, date(1)), 5), ((1, date(3)), 2), ((2, date(1)), 1)];
        let others = vec![(1, date(2)), (1, date(3)), (3, date(1))];
        let whole = page(Domain::Vitals, (raw.clone(), None), (others.clone(), None));
        assert_eq!(
            places(&whole),
            [(1, 1, 5), (1, 2, 0), (1, 3, 2), (2, 1, 1), (3, 1, 0)]
        );
        assert_eq!(whole.next, None);
        let ends = (Some((1, date(3))), Some((2, date(1))));
        let first = page(Domain::Vitals, (raw, ends.0), (others, ends.1));
        assert_eq!(places(&first), [(1, 1, 5), (1, 2, 0)]);
        assert_eq!(first.next, Some((1, date(3))));
    }

    #[test]
    fn rows_that_were_not_read_touch_no_date_before_the_end() {
        let at = "2026-01-05T13:59:00Z".parse().unwrap();
        assert_eq!(raw_end((7, at)), (7, date(4)));
    }

    #[test]
    fn groups_are_cut_to_the_rows_of_a_batch() {
        let group = |day, rows| PulledGroup {
            key: GroupKey {
                domain: Domain::Labs,
                user_id: 1,
                local_date: date(day),
            },
            rows,
        };
        let cut = |found: &[(usize, usize)], limit| {
            let groups = (1..).zip(found);
            let groups = groups.map(|(day, (rows, lines))| (group(day, *rows), *lines));
            let pulled = Pulled::cut(groups.collect(), limit);
            let rows: Vec<_> = pulled.groups.iter().map(|group| group.rows).collect();
            (rows, pulled.full)
        };
        assert_eq!(cut(&[(3, 1), (4, 1), (5, 1)], 6), (vec![3, 3], true));
        assert_eq!(cut(&[(3, 1), (4, 1)], 8), (vec![3, 4], false));
        assert_eq!(cut(&[(9, 1)], 4), (vec![4], true));
        // Deletes tell of no rows.
        assert_eq!(cut(&[(0, 2), (0, 2), (5, 1)], 4), (vec![0, 0], true));
    }
}
