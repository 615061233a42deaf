//! The fold of one group: its hour and day rows, and the coarser rows that
//! its day lies in.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{Aggregate, AggregateKey, Fold, Period, RawRow, Rejection};

/// Everything that a group's transaction writes.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFold<M> {
    /// Hour, day and coarser rows, sorted by key.
    pub aggregates: Vec<Aggregate<M>>,
    /// The (period, first date) pairs whose rows of `series` are replaced.
    pub periods: Vec<(Period, NaiveDate)>,
    /// The (series, unit) pairs that this day has or had. An existing row of
    /// one of these in one of `periods` that is not among `aggregates` has
    /// lost its last raw row.
    pub series: BTreeSet<(String, String)>,
    pub rejected: Vec<Rejection>,
}

/// The dates whose day rows [`fold_group`] needs: those of every coarser
/// period that `date` lies in. First and last date, both included.
pub fn neighbour_dates<F: Fold>(date: NaiveDate) -> (NaiveDate, NaiveDate) {
    let coarser = || {
        F::PERIODS
            .iter()
            .filter(|period| period.is_coarser_than_day())
    };
    let first = coarser().map(|period| period.first_date(date)).min();
    let last = coarser().map(|period| period.last_date(date)).max();
    (first.unwrap_or(date), last.unwrap_or(date))
}

/// Folds the raw rows of one group, in (time, id) order.
///
/// `day_rows` are the user's stored day rows over [`neighbour_dates`]; those
/// of `date` itself are replaced by what `rows` give.
pub fn fold_group<F: Fold>(
    date: NaiveDate,
    rows: &[RawRow<F::Payload>],
    day_rows: Vec<Aggregate<F::Measure>>,
) -> GroupFold<F::Measure> {
    let day = F::fold_day(date, rows);
    let mut aggregates = day.aggregates;

    let series_of = |key: &AggregateKey| (key.series.clone(), key.unit.clone());
    let mut series: BTreeSet<_> = aggregates.iter().map(|a| series_of(&a.key)).collect();
    series.extend(
        day_rows
            .iter()
            .filter(|a| a.key.local_date == date)
            .map(|a| series_of(&a.key)),
    );

    // Day rows of the affected series, in date order.
    let mut days: BTreeMap<(String, String), BTreeMap<NaiveDate, &Aggregate<F::Measure>>> =
        BTreeMap::new();
    let others = day_rows.iter().filter(|a| a.key.local_date != date);
    let own = aggregates.iter().filter(|a| a.key.period == Period::Day);
    for row in others.chain(own) {
        let of_series = series_of(&row.key);
        if series.contains(&of_series) {
            days.entry(of_series)
                .or_default()
                .insert(row.key.local_date, row);
        }
    }

    let mut coarser_rows = Vec::new();
    let mut periods = Vec::new();
    for &period in F::PERIODS {
        let first = period.first_date(date);
        periods.push((period, first));
        if !period.is_coarser_than_day() {
            continue;
        }
        for ((name, unit), by_date) in &days {
            let within: Vec<_> = by_date
                .range(first..=period.last_date(date))
                .map(|(_, row)| *row)
                .collect();
            let Some(earliest) = within.first() else {
                continue;
            };
            // The period begins at the local midnight of its first date, at
            // the offset of its earliest day row: what is known of where the
            // person was then.
            let offset = earliest.key.period_start
                - earliest
                    .key
                    .local_date
                    .and_time(chrono::NaiveTime::MIN)
                    .and_utc();
            coarser_rows.push(Aggregate {
                key: AggregateKey {
                    period,
                    local_date: first,
                    period_start: first.and_time(chrono::NaiveTime::MIN).and_utc() + offset,
                    series: name.clone(),
                    unit: unit.clone(),
                },
                measure: F::fold_days(&within),
            });
        }
    }
    aggregates.extend(coarser_rows);
    aggregates.sort_by(|a, b| a.key.cmp(&b.key));
    GroupFold {
        aggregates,
        periods,
        series,
        rejected: day.rejected,
    }
}
