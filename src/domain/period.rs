//! Periods of time that aggregates cover, on the calendar where the person was.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

/// How long an aggregate is. Weeks start on Monday (ISO 8601).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Period {
    pub const ALL: &'static [Period] = &[
        Period::Hour,
        Period::Day,
        Period::Week,
        Period::Month,
        Period::Quarter,
        Period::Year,
    ];

    /// The name stored in the `period` column.
    pub fn name(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }

    /// The period that a stored name stands for.
    pub fn from_name(name: &str) -> Option<Period> {
        Period::ALL
            .iter()
            .copied()
            .find(|period| period.name() == name)
    }

    /// Whether the period is folded from day rows.
    pub fn is_coarser_than_day(self) -> bool {
        self > Period::Day
    }

    /// The first date of the period that `date` lies in.
    pub fn first_date(self, date: NaiveDate) -> NaiveDate {
        let month = match self {
            Period::Hour | Period::Day => return date,
            Period::Week => {
                let back = Days::new(u64::from(date.weekday().num_days_from_monday()));
                return date.checked_sub_days(back).unwrap_or(NaiveDate::MIN);
            }
            Period::Month => date.month(),
            Period::Quarter => (date.month() - 1) / 3 * 3 + 1,
            Period::Year => 1,
        };
        // Safety: the first of an existing month of an existing year exists.
        NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date)
    }

    /// The last date of the period that `date` lies in.
    pub fn last_date(self, date: NaiveDate) -> NaiveDate {
        let first = self.first_date(date);
        let next = match self {
            Period::Hour | Period::Day => return date,
            Period::Week => first.checked_add_days(Days::new(7)),
            Period::Month => first.checked_add_months(Months::new(1)),
            Period::Quarter => first.checked_add_months(Months::new(3)),
            Period::Year => first.checked_add_months(Months::new(12)),
        };
        next.and_then(|next| next.pred_opt())
            .unwrap_or(NaiveDate::MAX)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// How far local time is from UTC at most: Kiribati's 14 hours, either way.
pub const MAX_OFFSET_MINUTES: i32 = 14 * 60;
/// The same as a length of time.
pub const WIDEST_OFFSET: TimeDelta = TimeDelta::hours(14);

/// The calendar day of an instant where clocks were `offset_minutes` east of
/// UTC. An offset beyond [`MAX_OFFSET_MINUTES`] counts as that.
pub fn local_date(at: DateTime<Utc>, offset_minutes: i32) -> NaiveDate {
    let offset = offset_minutes.clamp(-MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES);
    let local = at.naive_utc();
    local
        .checked_add_signed(TimeDelta::minutes(i64::from(offset)))
        .unwrap_or(local)
        .date()
}

/// The instant at which `date` began where clocks were `offset_minutes` east
/// of UTC.
pub fn local_midnight(date: NaiveDate, offset_minutes: i32) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN).and_utc();
    midnight
        .checked_sub_signed(TimeDelta::minutes(i64::from(offset_minutes)))
        .unwrap_or(midnight)
}

/// The seconds since the epoch at which the local hour that `instant` lies in
/// began. Also where the offset is not of whole hours (+05:45).
pub fn local_hour(instant: i64, offset_minutes: i32) -> i64 {
    let offset = i64::from(offset_minutes) * 60;
    (instant + offset).div_euclid(3600) * 3600 - offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_and_end_where_the_calendar_says() {
        for (period, inside, first, last) in [
            (Period::Day, "2024-02-29", "2024-02-29", "2024-02-29"),
            (Period::Week, "2024-03-03", "2024-02-26", "2024-03-03"),
            (Period::Week, "2024-02-26", "2024-02-26", "2024-03-03"),
            (Period::Week, "2021-01-01", "2020-12-28", "2021-01-03"),
            (Period::Month, "2024-02-10", "2024-02-01", "2024-02-29"),
            (Period::Quarter, "2023-12-31", "2023-10-01", "2023-12-31"),
            (Period::Quarter, "2023-02-28", "2023-01-01", "2023-03-31"),
            (Period::Year, "2023-07-04", "2023-01-01", "2023-12-31"),
        ] {
            assert_eq!(
                period.first_date(date(inside)),
                date(first),
                "{period} {inside}"
            );
            assert_eq!(
                period.last_date(date(inside)),
                date(last),
                "{period} {inside}"
            );
        }
    }
    #[test]
    fn days_and_hours_begin_by_local_time() {
        for (date_text, offset, start) in [
            ("2024-03-01", 0, "2024-03-01T00:00:00Z"),
            ("2024-03-01", 345, "2024-02-29T18:15:00Z"),
            ("2024-03-01", -480, "2024-03-01T08:00:00Z"),
            ("2024-03-01", 840, "2024-02-29T10:00:00Z"),
        ] {
            assert_eq!(
                local_midnight(date(date_text), offset),
                start.parse::<DateTime<Utc>>().unwrap()
            );
        }
        for (instant, offset, start) in [
            ("2024-03-01T10:59:59Z", 0, "2024-03-01T10:00:00Z"),
            ("2024-03-01T10:10:00Z", 345, "2024-03-01T09:15:00Z"),
            ("2024-03-01T10:20:00Z", 345, "2024-03-01T10:15:00Z"),
            ("1938-03-01T10:20:00Z", -210, "1938-03-01T09:30:00Z"),
        ] {
            let seconds = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp();
            assert_eq!(local_hour(seconds(instant), offset), seconds(start));
        }
    }
}
