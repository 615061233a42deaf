//! What holds for the fold of any samples that overlap.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;

use super::{VitalMeasure, VitalSample, Vitals};
use crate::domain::sum::Sum;
use crate::domain::{Aggregate, DayFold, Fold, FoldRules, Period, RawRow};

const DATE: NaiveDate = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();
const MIDNIGHT: i64 = 1_711_843_200;

/// Rank 0, 1 and two of the last one.
const SOURCES: [&str; 4] = ["watch", "phone", "band", "ring"];

fn row(
    id: i64,
    metric: &str,
    value: Option<f64>,
    (start, length): (i64, i64),
    source: &str,
) -> RawRow<VitalSample> {
    let at = |seconds| DateTime::from_timestamp(MIDNIGHT + seconds, 0).unwrap();
    RawRow {
        id,
        utc_offset_minutes: 0,
        source: source.to_owned(),
        device: None,
        note: None,
        payload: VitalSample {
            metric: metric.to_owned(),
            value,
            comparator: None,
            unit: value
                .map(|_| "min".to_owned())
                .filter(|_| metric != "steps"),
            started_at: at(start),
            ended_at: at(start + length),
        },
    }
}

/// In (time, id) order, as a group is read.
fn fold(rows: &[RawRow<VitalSample>]) -> DayFold<VitalMeasure> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (row.payload.started_at, row.id));
    Vitals::fold_day(DATE, &rows, &FoldRules::default())
}

fn day<'f>(fold: &'f DayFold<VitalMeasure>, series: &str) -> Option<&'f VitalMeasure> {
    fold.aggregates
        .iter()
        .find(|row| row.key.period == Period::Day && row.key.series == series)
        .map(|row| &row.measure)
}

fn total(rows: &[RawRow<VitalSample>], series: &str) -> f64 {
    day(&fold(rows), series).map_or(0.0, |day| day.total.unwrap())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Starts and lengths that often meet, on a grid of five minutes or none.
fn any_time(shortest: i64) -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        (0..280i64, shortest..40i64).prop_map(|(start, length)| (start * 300, length * 300)),
        (0..86_000i64, shortest..12_000i64),
    ]
}

/// Samples of steps. Zero-length ones only where `shortest` is 0.
fn steps(shortest: i64) -> impl Strategy<Value = Vec<RawRow<VitalSample>>> {
    let sample = (any_time(shortest), 0.0..5000.0f64, 0..4usize);
    prop::collection::vec(sample, 1..14).prop_map(|samples| {
        (1..)
            .zip(samples)
            .map(|(id, (time, value, source))| row(id, "steps", Some(value), time, SOURCES[source]))
            .collect()
    })
}

/// Samples of time without values: each is its own length.
fn times(metrics: &'static [&'static str]) -> impl Strategy<Value = Vec<RawRow<VitalSample>>> {
    let sample = (any_time(1), prop::sample::select(metrics), 0..4usize);
    prop::collection::vec(sample, 1..14).prop_map(|samples| {
        (1..)
            .zip(samples)
            .map(|(id, (time, metric, source))| row(id, metric, None, time, SOURCES[source]))
            .collect()
    })
}

fn seconds(row: &RawRow<VitalSample>) -> (i64, i64) {
    let sample = &row.payload;
    (sample.started_at.timestamp(), sample.ended_at.timestamp())
}

/// The stretches between neighbouring edges, each with the rows that cover it.
fn pieces(rows: &[RawRow<VitalSample>]) -> Vec<(f64, Vec<&RawRow<VitalSample>>)> {
    let edges: BTreeSet<i64> = rows
        .iter()
        .map(seconds)
        .flat_map(|(start, end)| [start, end])
        .collect();
    edges
        .iter()
        .zip(edges.iter().skip(1))
        .map(|(&from, &to)| {
            let covering = rows
                .iter()
                .filter(|row| seconds(row).0 <= from && to <= seconds(row).1);
            ((to - from) as f64, covering.collect())
        })
        .collect()
}

/// Minutes that at least one row covers.
fn union(rows: &[RawRow<VitalSample>]) -> f64 {
    let pieces = pieces(rows).into_iter();
    let covered = pieces.filter(|(_, covering)| !covering.is_empty());
    covered.map(|(length, _)| length / 60.0).sum()
}

proptest! {
    #[test]
    fn neither_arrival_nor_ids_matter(
        (rows, shuffled) in steps(0).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    ) {
        prop_assert_eq!(format!("{:?}", fold(&rows)), format!("{:?}", fold(&shuffled)));

        // Ids decide only between samples of one source that start together.
        let starts: BTreeSet<_> = rows.iter().map(|row| (row.payload.started_at, &row.source)).collect();
        prop_assume!(starts.len() == rows.len());
        let mut renumbered = shuffled;
        for (id, row) in (100..).zip(&mut renumbered) {
            row.id = id;
        }
        let (before, after) = (fold(&rows), fold(&renumbered));
        prop_assert_eq!(before.aggregates.len(), after.aggregates.len());
        for (a, b) in before.aggregates.iter().zip(&after.aggregates) {
            prop_assert_eq!(&a.key, &b.key);
            prop_assert_eq!((a.measure.count, a.measure.hours_covered), (b.measure.count, b.measure.hours_covered));
            prop_assert_eq!(&a.measure.sources, &b.measure.sources);
            prop_assert!(close(a.measure.value_sum, b.measure.value_sum));
            prop_assert_eq!((a.measure.min, a.measure.max), (b.measure.min, b.measure.max));
        }
    }

    /// What the highest rank alone would give is there in full.
    #[test]
    fn the_highest_rank_loses_nothing(rows in steps(0)) {
        let rank = |row: &RawRow<VitalSample>| SOURCES.iter().position(|name| row.source == *name).unwrap().min(2);
        let highest = rows.iter().map(rank).min().unwrap();
        let alone: Vec<_> = rows.iter().filter(|row| rank(row) == highest).cloned().collect();
        prop_assert!(total(&rows, "steps") >= total(&alone, "steps") * (1.0 - 1e-9));
    }

    /// Every instant counts once at most: never more than if it always came
    /// from the densest of the samples that cover it, nor less than if it
    /// always came from the thinnest.
    #[test]
    fn every_instant_counts_once(rows in steps(1)) {
        let density = |row: &&RawRow<VitalSample>| {
            let (start, end) = seconds(row);
            row.payload.value.unwrap() / (end - start) as f64
        };
        let (mut least, mut most) = (0.0, 0.0);
        for (length, covering) in pieces(&rows) {
            let densities: Vec<_> = covering.iter().map(density).collect();
            if !densities.is_empty() {
                least += length * densities.iter().copied().fold(f64::INFINITY, f64::min);
                most += length * densities.iter().copied().fold(0.0, f64::max);
            }
        }
        let total = total(&rows, "steps");
        prop_assert!(least * (1.0 - 1e-9) <= total && total <= most * (1.0 + 1e-9));
    }

    #[test]
    fn time_is_the_union_of_its_samples(rows in times(&["exercise_time"])) {
        prop_assert!(close(total(&rows, "exercise_time"), union(&rows)));
    }

    #[test]
    fn samples_that_do_not_overlap_are_a_plain_sum(
        samples in prop::collection::vec((0..3000i64, 0..3000i64, 0.0..5000.0f64, 0..4usize), 1..20)
    ) {
        let mut end = 0;
        let mut rows = Vec::new();
        for (id, (gap, length, value, source)) in (1..).zip(samples) {
            // An instant where one sample ends and the next begins overlaps the next.
            let start = end + gap + 1;
            rows.push(row(id, "steps", Some(value), (start, length), SOURCES[source]));
            end = start + length;
        }
        let plain: Sum = rows.iter().filter_map(|row| row.payload.value).collect();
        prop_assert_eq!(total(&rows, "steps").to_bits(), plain.total().to_bits());
    }

    #[test]
    fn entries_by_hand_count_as_given(mut rows in steps(0), value in 0.0..5000.0f64) {
        let measured = total(&rows, "steps");
        let mut entry = row(999, "steps", Some(value), (0, 86_400), "watch");
        entry.note = Some("user entered".to_owned());
        rows.push(entry);
        prop_assert!(close(total(&rows, "steps"), measured + value));
    }

    #[test]
    fn hours_add_up_to_their_day(
        steps in steps(0),
        sleep in times(&["sleep", "sleep_core", "sleep_deep", "sleep_awake", "sleep_in_bed"])
    ) {
        let fold = fold(&[steps, sleep].concat());
        for row in fold.aggregates.iter().filter(|row| row.key.period == Period::Day) {
            let hours = fold.aggregates.iter().filter(|hour| {
                hour.key.period == Period::Hour && hour.key.series == row.key.series
            });
            let totals: Vec<_> = hours.map(|hour| hour.measure.total.unwrap()).collect();
            prop_assert!(close(totals.iter().sum(), row.measure.total.unwrap()));
            prop_assert_eq!(row.measure.hours_covered, i64::try_from(totals.len()).ok());
        }
    }

    #[test]
    fn a_night_is_slept_once(
        rows in times(&["sleep", "sleep_core", "sleep_deep", "sleep_rem", "sleep_awake"])
    ) {
        let asleep: Vec<_> = rows.iter().filter(|row| row.payload.metric != "sleep_awake").cloned().collect();
        let night = fold(&rows);
        prop_assert_eq!(day(&night, "sleep").is_some(), !asleep.is_empty());
        prop_assert!(close(total(&rows, "sleep"), union(&asleep)));
        // No stage has time that its night has not.
        for stage in ["sleep_core", "sleep_deep", "sleep_rem"] {
            prop_assert!(total(&rows, stage) <= union(&asleep) * (1.0 + 1e-9));
        }
        let counted: i64 = night
            .aggregates
            .iter()
            .filter(|row| row.key.period == Period::Day)
            .map(|row| row.measure.count)
            .sum();
        prop_assert_eq!(counted, i64::try_from(rows.len()).unwrap());
        prop_assert!(night.aggregates.iter().all(|row| row.measure.mean.is_some_and(f64::is_finite)));
    }

    /// Whatever days a week has, among them nights without a row named sleep.
    #[test]
    fn a_week_is_the_fold_of_its_days(
        nights in prop::collection::vec(times(&["sleep", "sleep_core", "sleep_deep"]), 1..7)
    ) {
        let days: Vec<Aggregate<VitalMeasure>> = nights
            .iter()
            .filter_map(|rows| {
                fold(rows).aggregates.into_iter().find(|row| {
                    row.key.period == Period::Day && row.key.series == "sleep"
                })
            })
            .collect();
        let week = Vitals::fold_days(&days.iter().collect::<Vec<_>>());
        let sum: Sum = days.iter().filter_map(|day| day.measure.total).collect();
        prop_assert_eq!(week.total.unwrap().to_bits(), sum.total().to_bits());
        prop_assert_eq!(week.count, days.iter().map(|day| day.measure.count).sum::<i64>());
        let weight: i64 = days.iter().map(|day| day.measure.count.max(1)).sum();
        prop_assert!(close(week.mean.unwrap(), sum.total() / weight as f64));
        prop_assert!(week.min <= week.max);
    }
}
