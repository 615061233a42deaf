//! The fold of one group: its hour and day rows, and the coarser rows that
//! its day lies in.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{Aggregate, AggregateKey, Fold, FoldRules, Period, RawRow, Rejection};

/// Everything that a group's transaction writes.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFold<M> {
    /// Hour, day and coarser rows, sorted by key.
    pub aggregates: Vec<Aggregate<M>>,
    /// The (period, first date) pairs that `aggregates` are all rows of: what
    /// is stored there beside them has lost its last raw row.
    pub periods: Vec<(Period, NaiveDate)>,
    /// Whether rows of an earlier fold may be among them: the day had rows
    /// before, or a coarser period begins at another instant now.
    pub replaces: bool,
    /// Whether the day had no rows before.
    pub first_fold: bool,
    /// The (period, series, unit) of coarser rows that other days feed too.
    pub shared: BTreeSet<(Period, String, String)>,
    pub rejected: Vec<Rejection>,
}

impl<M> GroupFold<M> {
    /// Whether no row of this key was stored before, going by the day rows that
    /// the fold was given.
    pub fn is_new(&self, key: &AggregateKey) -> bool {
        self.first_fold
            && (!key.period.is_coarser_than_day()
                || !self
                    .shared
                    .contains(&(key.period, key.series.clone(), key.unit.clone())))
    }
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
    rules: &FoldRules,
) -> GroupFold<F::Measure> {
    let day = F::fold_day(date, rows, rules);
    let mut aggregates = day.aggregates;

    let first_fold = !day_rows.iter().any(|a| a.key.local_date == date);
    let mut replaces = !first_fold;
    let mut shared = BTreeSet::new();
    // Day rows of each series, in date order.
    let mut days: BTreeMap<_, BTreeMap<NaiveDate, &Aggregate<F::Measure>>> = BTreeMap::new();
    let others = day_rows.iter().filter(|a| a.key.local_date != date);
    let own = aggregates.iter().filter(|a| a.key.period == Period::Day);
    for row in others.chain(own) {
        days.entry((&row.key.series, &row.key.unit))
            .or_default()
            .insert(row.key.local_date, row);
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
            if within.len() > 1 || earliest.key.local_date != date {
                shared.insert((period, (*name).clone(), (*unit).clone()));
            }
            // Where this day is the earliest now, another one was before.
            replaces |= earliest.key.local_date == date && within.len() > 1;
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
                    series: (*name).clone(),
                    unit: (*unit).clone(),
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
        replaces,
        first_fold,
        shared,
        rejected: day.rejected,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat, Utc};

    use super::*;
    use crate::domain::labs::Labs;
    use crate::domain::vitals::{VitalMeasure, VitalSample, Vitals};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn row(id: i64, metric: &str, value: f64, time: &str, offset: i32) -> RawRow<VitalSample> {
        let at: DateTime<Utc> = time.parse().unwrap();
        RawRow {
            id,
            utc_offset_minutes: offset,
            source: "watch".to_owned(),
            device: None,
            note: None,
            payload: VitalSample {
                metric: metric.to_owned(),
                value: Some(value),
                comparator: None,
                unit: Some(if metric == "steps" { "count" } else { "bpm" }.to_owned()),
                started_at: at,
                ended_at: at,
            },
        }
    }

    /// The stored day rows that the rows of `day` left.
    fn day_rows(day: &str, rows: &[RawRow<VitalSample>]) -> Vec<Aggregate<VitalMeasure>> {
        let mut rows = Vitals::fold_day(date(day), rows, &FoldRules::default()).aggregates;
        rows.retain(|row| row.key.period == Period::Day);
        rows
    }

    fn coarse(fold: &GroupFold<VitalMeasure>) -> Vec<(Period, String, &str, i64)> {
        fold.aggregates
            .iter()
            .filter(|row| row.key.period.is_coarser_than_day())
            .map(|row| {
                let start = row.key.period_start;
                (
                    row.key.period,
                    start.to_rfc3339_opts(SecondsFormat::Secs, true),
                    row.key.series.as_str(),
                    row.measure.count,
                )
            })
            .collect()
    }

    #[test]
    fn neighbours_reach_over_every_coarser_period() {
        for (day, first, last) in [
            ("2024-03-31", "2024-03-01", "2024-03-31"),
            ("2024-04-01", "2024-04-01", "2024-04-30"),
            ("2024-05-02", "2024-04-29", "2024-05-31"),
            ("2024-06-30", "2024-06-01", "2024-06-30"),
        ] {
            let expected = (date(first), date(last));
            assert_eq!(neighbour_dates::<Vitals>(date(day)), expected, "{day}");
        }
        assert_eq!(
            neighbour_dates::<Labs>(date("2024-05-02")),
            (date("2024-01-01"), date("2024-12-31"))
        );
    }

    #[test]
    fn coarser_rows_are_folded_from_the_days_within_them() {
        // 2024-05-02 is a Thursday: its week has days of April, its month has not.
        let mut stored = day_rows(
            "2024-04-29",
            &[row(1, "steps", 100.0, "2024-04-29T08:00:00Z", 0)],
        );
        stored.extend(day_rows(
            "2024-05-20",
            &[row(2, "steps", 30.0, "2024-05-20T08:00:00Z", 0)],
        ));
        // Of the day itself: replaced.
        stored.extend(day_rows(
            "2024-05-02",
            &[row(3, "steps", 9999.0, "2024-05-02T08:00:00Z", 0)],
        ));
        // Of another series: its coarser rows stay as they are.
        stored.extend(day_rows(
            "2024-05-01",
            &[row(4, "heart_rate", 60.0, "2024-05-01T08:00:00Z", 0)],
        ));
        let rows = [
            row(5, "steps", 10.0, "2024-05-02T08:00:00Z", 0),
            row(6, "steps", 20.0, "2024-05-02T09:00:00Z", 0),
        ];
        let fold = fold_group::<Vitals>(date("2024-05-02"), &rows, stored, &FoldRules::default());
        let totals: Vec<_> = fold
            .aggregates
            .iter()
            .filter(|row| row.key.series == "steps")
            .map(|row| {
                (
                    row.key.period,
                    row.key.local_date,
                    row.measure.total.unwrap(),
                )
            })
            .collect();
        assert_eq!(
            totals,
            [
                (Period::Hour, date("2024-05-02"), 10.0),
                (Period::Hour, date("2024-05-02"), 20.0),
                (Period::Day, date("2024-05-02"), 30.0),
                (Period::Week, date("2024-04-29"), 130.0),
                (Period::Month, date("2024-05-01"), 60.0),
            ]
        );
        assert_eq!(
            fold.periods,
            [
                (Period::Hour, date("2024-05-02")),
                (Period::Day, date("2024-05-02")),
                (Period::Week, date("2024-04-29")),
                (Period::Month, date("2024-05-01")),
            ]
        );
        let heart_rates = coarse(&fold);
        let heart_rates: Vec<_> = heart_rates
            .iter()
            .filter(|row| row.2 == "heart_rate")
            .collect();
        assert_eq!(heart_rates.len(), 2);
    }

    #[test]
    fn a_series_that_vanished_from_the_day_leaves_the_coarser_rows() {
        let mut stored = day_rows(
            "2024-05-01",
            &[row(1, "steps", 100.0, "2024-05-01T08:00:00Z", 0)],
        );
        let gone = [
            row(2, "heart_rate", 60.0, "2024-05-02T08:00:00Z", 0),
            row(3, "steps", 5.0, "2024-05-02T08:00:00Z", 0),
        ];
        stored.extend(day_rows("2024-05-02", &gone));
        let fold = fold_group::<Vitals>(date("2024-05-02"), &[], stored, &FoldRules::default());
        assert_eq!(
            coarse(&fold),
            [
                (Period::Week, "2024-04-29T00:00:00Z".to_owned(), "steps", 1),
                (Period::Month, "2024-05-01T00:00:00Z".to_owned(), "steps", 1),
            ]
        );
        assert_eq!(fold.aggregates.len(), 2);
    }

    #[test]
    fn an_empty_group_folds_to_nothing() {
        let fold = fold_group::<Vitals>(date("2024-05-02"), &[], Vec::new(), &FoldRules::default());
        assert!(fold.aggregates.is_empty() && fold.rejected.is_empty());
        let other_day = day_rows(
            "2024-05-01",
            &[row(1, "steps", 1.0, "2024-05-01T08:00:00Z", 0)],
        );
        let fold = fold_group::<Vitals>(date("2024-05-02"), &[], other_day, &FoldRules::default());
        assert!(
            fold.aggregates
                .iter()
                .all(|row| row.key.period.is_coarser_than_day())
        );
    }

    #[test]
    fn a_period_begins_where_its_earliest_day_was() {
        // Monday in Auckland, Thursday in Honolulu.
        let stored = day_rows(
            "2024-04-29",
            &[row(1, "steps", 1.0, "2024-04-28T20:00:00Z", 720)],
        );
        let rows = [row(2, "steps", 2.0, "2024-05-02T20:00:00Z", -600)];
        let fold = fold_group::<Vitals>(date("2024-05-02"), &rows, stored, &FoldRules::default());
        assert_eq!(
            coarse(&fold),
            [
                (Period::Week, "2024-04-28T12:00:00Z".to_owned(), "steps", 2),
                (Period::Month, "2024-05-01T10:00:00Z".to_owned(), "steps", 1),
            ]
        );
    }

    #[test]
    fn the_order_of_stored_rows_does_not_matter() {
        let days = ["2024-05-01", "2024-05-03", "2024-05-04"];
        let mut stored: Vec<_> = days
            .iter()
            .zip([0.1, 1e16, -0.0])
            .flat_map(|(day, value)| {
                day_rows(
                    day,
                    &[row(
                        1,
                        "steps",
                        value / 1e12,
                        &format!("{day}T08:00:00Z"),
                        0,
                    )],
                )
            })
            .collect();
        let rows = [row(2, "steps", 0.3, "2024-05-02T08:00:00Z", 0)];
        let sorted = fold_group::<Vitals>(
            date("2024-05-02"),
            &rows,
            stored.clone(),
            &FoldRules::default(),
        );
        stored.reverse();
        let reversed =
            fold_group::<Vitals>(date("2024-05-02"), &rows, stored, &FoldRules::default());
        assert_eq!(format!("{sorted:?}"), format!("{reversed:?}"));
    }
}
