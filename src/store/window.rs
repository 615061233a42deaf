//! Between which times the raw rows of a day are looked for.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::domain::period::WIDEST_OFFSET;
use crate::domain::vitals::LONGEST_HOURS;

/// What `read_intervals.sql` of both backends calls long.
const LONG: TimeDelta = TimeDelta::minutes(30);
/// A night touches the day behind it.
const NIGHT: TimeDelta = TimeDelta::hours(24);

pub(super) struct Window {
    /// Rows that began before `from` and are long are looked for from here on.
    pub(super) long_from: DateTime<Utc>,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// Beginning and end of the day, as if it were in UTC.
    pub(super) day: [DateTime<Utc>; 2],
}

impl Window {
    pub(super) fn of(date: NaiveDate) -> Window {
        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
        let day = [midnight(date), midnight(date.succ_opt().unwrap_or(date))];
        let from = day[0] - WIDEST_OFFSET - LONG;
        Window {
            long_from: from - TimeDelta::hours(LONGEST_HOURS) - NIGHT,
            from,
            to: day[1] + WIDEST_OFFSET,
            day,
        }
    }
}
