//! The fold of a day's samples, and of days into coarser periods.

use chrono::{DateTime, NaiveDate, Utc};

use super::accumulator::Accumulator;
use super::merge::{Kept, contribute};
use super::registry::Kind;
use super::sample::{Sample, Samples};
use super::source::SourceSet;
use super::{VitalMeasure, VitalSample};
use crate::domain::bounds::Listed;
use crate::domain::period::local_midnight;
use crate::domain::{Aggregate, AggregateKey, DayFold, FoldRules, Period, RawRow, Rejection};

/// Rows in (time, id) order to hour and day rows.
///
/// In three steps: rows become samples in canonical units, overlaps of samples
/// are resolved, and what is left of them goes to the hours it lies in.
pub(super) fn fold_day(
    date: NaiveDate,
    rows: &[RawRow<VitalSample>],
    rules: &FoldRules,
) -> DayFold<VitalMeasure> {
    let mut samples = Samples::of(rows, rules);
    let mut days: Vec<_> = samples
        .series
        .iter()
        .map(|series| SeriesDay::new(series.kind))
        .collect();
    for sample in &samples.accepted {
        days[sample.series].count(sample);
    }
    contribute(&samples, rules, |series, sample, kept| {
        days[series].add(sample, kept);
    });

    let mut rejected = Vec::with_capacity(samples.refused.len());
    for refused in std::mem::take(&mut samples.refused) {
        if let Some(series) = refused.series {
            days[series].refuse(refused.hour);
        }
        rejected.push(Rejection {
            row_id: refused.row_id,
            reason: refused.reason,
        });
    }
    rejected.sort_by_key(|rejection| rejection.row_id);
    DayFold {
        aggregates: finish(date, &samples, &days),
        rejected,
    }
}

/// Day rows of one series, in date order and not empty, to a coarser row.
pub(super) fn fold_days(days: &[&Aggregate<VitalMeasure>]) -> VitalMeasure {
    let [earliest, later @ ..] = days else {
        panic!("a coarser period is folded from at least one day");
    };
    let mut accumulator = Accumulator::of_day(earliest);
    for day in later {
        accumulator.add_day(day);
    }
    let sources = Listed::of(days.iter().map(|day| &*day.measure.sources));
    let hours = days.iter().filter_map(|day| day.measure.hours_covered);
    VitalMeasure {
        hours_covered: hours.reduce(|sum, hours| sum + hours),
        // At most 366 days.
        days_covered: i64::try_from(days.len()).ok(),
        ..accumulator.finish(sources.finish())
    }
}

/// What samples amount to, and where they are from.
struct Span {
    accumulator: Accumulator,
    sources: SourceSet,
}

impl Span {
    fn new(kind: Kind) -> Self {
        Self {
            accumulator: Accumulator::new(kind),
            sources: SourceSet::default(),
        }
    }

    fn add(&mut self, amount: f64, sample: &Sample) {
        self.accumulator.add(amount);
        self.sources.insert(sample.source);
    }

    fn finish(&self, names: &[&str]) -> VitalMeasure {
        self.accumulator.finish(self.sources.names(names))
    }
}

/// One series' day while it grows.
struct SeriesDay {
    kind: Kind,
    day: Span,
    /// With the second since the epoch at which the local hour began, in order.
    hours: Vec<(i64, Span)>,
    /// Start, id and offset of the earliest sample: where the person was at
    /// its start says when the day began. None as long as there is no sample.
    earliest: Option<(i64, i64, i32)>,
    /// Beginnings of local hours that samples reach into beyond the hour that
    /// they are counted in, not yet distinct.
    touched: Vec<i64>,
}

impl SeriesDay {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            day: Span::new(kind),
            hours: Vec::new(),
            earliest: None,
            touched: Vec::new(),
        }
    }

    /// Every accepted row counts in the day of the series that it names, also
    /// where another source leaves nothing of it.
    fn count(&mut self, sample: &Sample) {
        self.begin(sample);
        sample.count_in(&mut self.day.accumulator);
    }

    fn begin(&mut self, sample: &Sample) {
        let (start, id) = (sample.stretch.start, sample.id);
        if self
            .earliest
            .is_none_or(|earliest| (start, id) < (earliest.0, earliest.1))
        {
            self.earliest = Some((start, id, sample.utc_offset_minutes));
        }
    }

    fn add(&mut self, sample: &Sample, kept: Kept<'_>) {
        self.begin(sample);
        if sample.comparator.is_some() {
            self.day.sources.insert(sample.source);
            let hour = self.hour(sample.hour());
            sample.count_in(&mut hour.accumulator);
            hour.sources.insert(sample.source);
            self.touch_later_hours(sample);
            return;
        }
        self.day.add(kept.amount(sample), sample);
        if self.kind == Kind::Discrete {
            // A state is not spread over its sample's time.
            self.add_to_hour(sample.hour(), sample.value, sample);
            self.touch_later_hours(sample);
        } else {
            kept.by_hour(sample, |hour, amount| {
                self.add_to_hour(hour, amount, sample);
            });
        }
    }

    fn touch_later_hours(&mut self, sample: &Sample) {
        if sample.stretch.length() > 0 {
            self.touched.extend(sample.hours().skip(1));
        }
    }

    fn add_to_hour(&mut self, start: i64, amount: f64, sample: &Sample) {
        let hour = self.hour(start);
        hour.accumulator.count(sample.value);
        hour.add(amount, sample);
    }

    /// In the order of samples it is the last one or comes after it, but for
    /// what reaches over several hours.
    fn hour(&mut self, start: i64) -> &mut Span {
        let later = self.hours.iter().rev().take_while(|hour| hour.0 > start);
        let place = self.hours.len() - later.count();
        let is_there = place > 0 && self.hours[place - 1].0 == start;
        if is_there {
            return &mut self.hours[place - 1].1;
        }
        self.hours.insert(place, (start, Span::new(self.kind)));
        &mut self.hours[place].1
    }

    fn refuse(&mut self, hour: Option<i64>) {
        self.day.accumulator.rejected_count += 1;
        let hours = &mut self.hours;
        let place = hour.and_then(|hour| hours.binary_search_by_key(&hour, |hour| hour.0).ok());
        if let Some(place) = place {
            hours[place].1.accumulator.rejected_count += 1;
        }
    }

    fn hours_covered(&self) -> usize {
        let counted = self.hours.iter().map(|hour| hour.0);
        let mut hours: Vec<_> = counted.chain(self.touched.iter().copied()).collect();
        hours.sort_unstable();
        hours.dedup();
        hours.len()
    }
}

/// The rows of all series, sorted by key.
fn finish(
    date: NaiveDate,
    samples: &Samples<'_>,
    days: &[SeriesDay],
) -> Vec<Aggregate<VitalMeasure>> {
    let mut all: Vec<_> = samples.series.iter().zip(days).collect();
    all.sort_by_key(|(series, _)| (&series.name, &series.unit));
    let key = |period, period_start, place: usize| {
        let (series, _) = all[place];
        AggregateKey {
            period,
            local_date: date,
            period_start,
            series: series.name.clone().into_owned(),
            unit: series.unit.clone().into_owned(),
        }
    };
    // Beginnings are sorted with the place of their series, which is quicker
    // than sorting rows by their keys.
    let mut hours = Vec::new();
    let mut whole = Vec::new();
    for (place, (_, day)) in all.iter().enumerate() {
        hours.extend(day.hours.iter().map(|(start, hour)| (*start, place, hour)));
        let start = |(_, _, offset)| (local_midnight(date, offset), place);
        whole.extend(day.earliest.map(start));
    }
    hours.sort_unstable_by_key(|(start, place, _)| (*start, *place));
    whole.sort_unstable();

    let mut rows = Vec::with_capacity(hours.len() + whole.len());
    for (start, place, hour) in hours {
        // Safety: the hour in which a representable instant lies.
        let start = DateTime::from_timestamp(start, 0).unwrap_or(DateTime::<Utc>::MIN_UTC);
        rows.push(Aggregate {
            key: key(Period::Hour, start, place),
            measure: hour.finish(&samples.sources),
        });
    }
    for (start, place) in whole {
        let day = all[place].1;
        rows.push(Aggregate {
            key: key(Period::Day, start, place),
            measure: VitalMeasure {
                hours_covered: i64::try_from(day.hours_covered()).ok(),
                ..day.day.finish(&samples.sources)
            },
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();

    fn row(
        id: i64,
        metric: &str,
        (value, unit): (f64, &str),
        (started_at, ended_at): (&str, &str),
        utc_offset_minutes: i32,
        source: &str,
    ) -> RawRow<VitalSample> {
        RawRow {
            id,
            utc_offset_minutes,
            source: source.to_owned(),
            device: None,
            note: None,
            payload: VitalSample {
                metric: metric.to_owned(),
                value: Some(value),
                comparator: None,
                unit: Some(unit.to_owned()),
                started_at: at(started_at),
                ended_at: at(ended_at),
            },
        }
    }

    fn instant(id: i64, metric: &str, value: (f64, &str), time: &str) -> RawRow<VitalSample> {
        let time = format!("2024-03-31T{time}Z");
        row(id, metric, value, (&time, &time), 0, "watch")
    }

    /// Period, start, series, unit, count, total, mean, min, max, first, last, hours.
    fn lines(fold: &DayFold<VitalMeasure>) -> Vec<String> {
        fold.aggregates
            .iter()
            .map(|Aggregate { key, measure: m }| {
                let number = |stated: Option<f64>, sign: &Option<String>| {
                    let number = stated.map(|number| number.to_string());
                    [sign.clone(), number]
                        .into_iter()
                        .flatten()
                        .collect::<String>()
                };
                format!(
                    "{} {} {} {} n={} total={:?} mean={} {}..{} {}>{} hours={:?} rejected={}",
                    key.period,
                    key.period_start.format("%d %H:%M"),
                    key.series,
                    key.unit,
                    m.count,
                    m.total,
                    number(m.mean, &None),
                    number(m.min, &m.min_comparator),
                    number(m.max, &m.max_comparator),
                    number(m.first, &m.first_comparator),
                    number(m.last, &m.last_comparator),
                    m.hours_covered,
                    m.rejected_count,
                )
            })
            .collect()
    }

    #[test]
    fn samples_fold_to_hours_and_a_day() {
        let rows = [
            instant(1, "heart_rate", (60.0, "bpm"), "08:10:00"),
            instant(2, "8867-4", (70.0, "/min"), "08:50:00"),
            instant(3, "heart_rate", (50.0, "bpm"), "23:59:59"),
            instant(
                4,
                "HKQuantityTypeIdentifierStepCount",
                (0.1, "count"),
                "08:00:00",
            ),
            instant(5, "steps", (0.2, "count"), "09:00:00"),
        ];
        let fold = fold_day(DATE, &rows, &FoldRules::default());
        assert_eq!(
            lines(&fold),
            [
                "hour 31 08:00 heart_rate /min n=2 total=None mean=65 60..70 60>70 hours=None rejected=0",
                "hour 31 08:00 steps {count} n=1 total=Some(0.1) mean=0.1 0.1..0.1 0.1>0.1 hours=None rejected=0",
                "hour 31 09:00 steps {count} n=1 total=Some(0.2) mean=0.2 0.2..0.2 0.2>0.2 hours=None rejected=0",
                "hour 31 23:00 heart_rate /min n=1 total=None mean=50 50..50 50>50 hours=None rejected=0",
                "day 31 00:00 heart_rate /min n=3 total=None mean=60 50..70 60>50 hours=Some(2) rejected=0",
                "day 31 00:00 steps {count} n=2 total=Some(0.30000000000000004) mean=0.15000000000000002 0.1..0.2 0.1>0.2 hours=Some(2) rejected=0",
            ]
        );
        assert!(fold.aggregates.iter().all(|row| row.key.local_date == DATE));
        assert!(fold.aggregates.is_sorted_by_key(|row| row.key.clone()));
    }

    #[test]
    fn rejected_rows_count_where_their_series_has_rows() {
        let rows = [
            instant(9, "heart_rate", (60.0, "bpm"), "08:10:00"),
            instant(3, "heart_rate", (6000.0, "bpm"), "08:20:00"),
            instant(7, "heart_rate", (60.0, "kg"), "11:20:00"),
            instant(5, "blood_glucose", (60.0, "kg"), "12:00:00"),
            instant(4, "aura", (60.0, "kg"), "12:00:00"),
        ];
        let fold = fold_day(DATE, &rows, &FoldRules::default());
        assert_eq!(
            lines(&fold),
            [
                "hour 31 08:00 heart_rate /min n=1 total=None mean=60 60..60 60>60 hours=None rejected=1",
                "day 31 00:00 heart_rate /min n=1 total=None mean=60 60..60 60>60 hours=Some(1) rejected=2",
            ]
        );
        let ids: Vec<_> = fold
            .rejected
            .iter()
            .map(|rejection| rejection.row_id)
            .collect();
        assert_eq!(ids, [3, 4, 5, 7]);
    }

    #[test]
    fn hours_are_local_and_a_repeated_hour_is_two() {
        // Clocks go from +02:00 to +01:00: 02:30 comes twice. And Kathmandu.
        let time = |time| (time, time);
        let rows = [
            row(
                1,
                "heart_rate",
                (60.0, "bpm"),
                time("2024-10-26T22:10:00Z"),
                120,
                "a",
            ),
            row(
                2,
                "heart_rate",
                (61.0, "bpm"),
                time("2024-10-27T00:30:00Z"),
                120,
                "a",
            ),
            row(
                3,
                "heart_rate",
                (62.0, "bpm"),
                time("2024-10-27T01:30:00Z"),
                60,
                "a",
            ),
            row(
                4,
                "steps",
                (10.0, "count"),
                time("2024-10-27T10:10:00Z"),
                345,
                "a",
            ),
            row(
                5,
                "steps",
                (10.0, "count"),
                time("2024-10-27T10:20:00Z"),
                345,
                "a",
            ),
        ];
        let starts: Vec<_> = fold_day("2024-10-27".parse().unwrap(), &rows, &FoldRules::default())
            .aggregates
            .iter()
            .map(|row| {
                row.key
                    .period_start
                    .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            })
            .collect();
        assert_eq!(
            starts,
            [
                "2024-10-26T22:00:00Z",
                "2024-10-27T00:00:00Z",
                "2024-10-27T01:00:00Z",
                "2024-10-27T09:15:00Z",
                "2024-10-27T10:15:00Z",
                "2024-10-26T18:15:00Z",
                "2024-10-26T22:00:00Z",
            ]
        );
    }

    #[test]
    fn an_interval_is_spread_over_the_hours_that_it_covers() {
        let mut night = row(
            1,
            "sleep",
            (0.0, ""),
            ("2024-03-30T22:30:00Z", "2024-03-31T06:00:00Z"),
            0,
            "ring",
        );
        night.payload.value = None;
        night.payload.unit = None;
        let mut nap = night.clone();
        nap.id = 2;
        nap.source = "  ".to_owned();
        nap.payload.started_at = at("2024-03-31T05:50:00Z");
        nap.payload.ended_at = at("2024-03-31T06:10:00Z");
        let fold = fold_day(DATE, &[night, nap], &FoldRules::default());
        let day = &fold.aggregates.last().unwrap().measure;
        assert_eq!((day.total, day.hours_covered), (Some(460.0), Some(9)));
        assert_eq!(day.sources, ["ring"]);
        let totals: Vec<_> = fold
            .aggregates
            .iter()
            .filter_map(|row| row.measure.total)
            .collect();
        assert_eq!(
            totals,
            [30.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 10.0, 460.0]
        );
    }

    #[test]
    fn units_outside_the_registry_are_series_of_their_own() {
        let rows = [
            instant(1, "10230-1", (55.0, "%"), "08:00:00"),
            instant(2, "10230-1", (0.6, "fraction"), "09:00:00"),
            instant(3, "10230-1", (0.6, ""), "10:00:00"),
        ];
        let fold = fold_day(DATE, &rows, &FoldRules::default());
        let days = fold
            .aggregates
            .iter()
            .filter(|row| row.key.period == Period::Day);
        let units: Vec<_> = days.map(|row| row.key.unit.as_str()).collect();
        assert_eq!(units, ["", "%", "fraction"]);
    }

    #[test]
    fn days_fold_to_a_coarser_period() {
        let day = |date: &str, values: &[f64], source: &str| {
            let time = format!("{date}T08:00:00Z");
            let rows: Vec<_> = values
                .iter()
                .map(|value| row(1, "steps", (*value, "count"), (&time, &time), 0, source))
                .collect();
            fold_day(date.parse().unwrap(), &rows, &FoldRules::default())
                .aggregates
                .pop()
                .unwrap()
        };
        let monday = day("2024-03-25", &[100.0, 300.0, -1.0], "phone");
        let friday = day("2024-03-29", &[50.0], "watch");
        let week = fold_days(&[&monday, &friday]);
        assert_eq!(
            week,
            VitalMeasure {
                count: 3,
                below_count: 0,
                above_count: 0,
                total: Some(450.0),
                value_sum: 450.0,
                mean: Some(150.0),
                min: Some(50.0),
                max: Some(300.0),
                first: Some(100.0),
                last: Some(50.0),
                min_comparator: None,
                max_comparator: None,
                first_comparator: None,
                last_comparator: None,
                hours_covered: Some(2),
                days_covered: Some(2),
                sources: vec!["phone".to_owned(), "watch".to_owned()],
                rejected_count: 1,
            }
        );
    }

    #[test]
    fn no_rows_fold_to_nothing() {
        let fold = fold_day(DATE, &[], &FoldRules::default());
        assert!(fold.aggregates.is_empty() && fold.rejected.is_empty());
    }

    fn any_row() -> impl Strategy<Value = RawRow<VitalSample>> {
        let metric = prop::sample::select(vec![
            "heart_rate",
            "8867-4",
            "HKQuantityTypeIdentifierOxygenSaturation",
            "steps",
            "sleep",
            "sleep_deep",
            "sleep_awake",
            "10230-1",
            "nonsense",
        ]);
        let unit = prop::sample::select(vec!["", "bpm", "/min", "%", "min", "count", "furlong"]);
        let value = prop_oneof![
            Just(None),
            Just(Some(f64::NAN)),
            (-10.0..400.0f64).prop_map(Some),
            any::<f64>().prop_map(Some),
        ];
        let offset = prop_oneof![-900..900i32, Just(0), Just(345)];
        let times = (1_711_800_000..1_711_990_000i64, -60..90_000i64);
        (0..1000i64, metric, unit, value, offset, times).prop_map(
            |(id, metric, unit, value, utc_offset_minutes, (start, length))| RawRow {
                id,
                utc_offset_minutes,
                source: format!("source {}", id % 3),
                device: (id % 5 == 0).then(|| "watch".to_owned()),
                note: (id % 7 == 0).then(|| "user entered".to_owned()),
                payload: VitalSample {
                    metric: metric.to_owned(),
                    value,
                    comparator: None,
                    unit: Some(unit.to_owned()).filter(|unit| !unit.is_empty()),
                    started_at: DateTime::from_timestamp(start, 0).unwrap(),
                    ended_at: DateTime::from_timestamp(start + length, 0).unwrap(),
                },
            },
        )
    }

    fn count(rows: &[Aggregate<VitalMeasure>], period: Period) -> i64 {
        let of_period = rows.iter().filter(|row| row.key.period == period);
        of_period.map(|row| row.measure.count).sum()
    }

    proptest! {
        #[test]
        fn the_same_rows_give_the_same_bits(rows in prop::collection::vec(any_row(), 0..40)) {
            let (once, again) = (fold_day(DATE, &rows, &FoldRules::default()), fold_day(DATE, &rows.clone(), &FoldRules::default()));
            prop_assert_eq!(format!("{once:?}"), format!("{again:?}"));
        }

        #[test]
        fn every_row_is_counted_once(rows in prop::collection::vec(any_row(), 0..40)) {
            let fold = fold_day(DATE, &rows, &FoldRules::default());
            let all = i64::try_from(rows.len() - fold.rejected.len()).unwrap();
            prop_assert_eq!(count(&fold.aggregates, Period::Day), all);
            for row in &fold.aggregates {
                let m = &row.measure;
                prop_assert!(m.min <= m.max && m.value_sum.is_finite() && m.mean.is_some_and(f64::is_finite));
                prop_assert!(m.hours_covered.is_none_or(|hours| hours >= i64::from(!m.sources.is_empty())));
            }
        }

        #[test]
        fn a_week_counts_what_its_days_count(
            days in prop::collection::vec(prop::collection::vec(0.0..5000.0f64, 1..9), 1..7)
        ) {
            let days: Vec<_> = days
                .iter()
                .map(|values| {
                    let rows: Vec<_> = values
                        .iter()
                        .map(|value| instant(1, "steps", (*value, "count"), "08:00:00"))
                        .collect();
                    fold_day(DATE, &rows, &FoldRules::default()).aggregates.pop().unwrap()
                })
                .collect();
            let week = fold_days(&days.iter().collect::<Vec<_>>());
            prop_assert_eq!(week.count, count(&days, Period::Day));
            let total: f64 = days.iter().filter_map(|day| day.measure.total).sum();
            prop_assert!((week.total.unwrap() - total).abs() < 1e-6);
        }
    }
}
