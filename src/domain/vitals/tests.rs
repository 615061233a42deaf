//! Days on which samples overlap, worked out by hand.

use chrono::{DateTime, NaiveDate};

use super::{VitalMeasure, VitalSample, Vitals};
use crate::domain::{DayFold, Fold, FoldRules, Period, RawRow};

const DATE: NaiveDate = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();

/// Times are of the day, or of the evening before where they are 18:00 or
/// later and the metric is one of sleep.
fn row(
    id: i64,
    metric: &str,
    value: Option<f64>,
    (start, end): (&str, &str),
    source: &str,
) -> RawRow<VitalSample> {
    let at = |time: &str| {
        let day = if metric.starts_with("sleep") && time >= "18:00" {
            "2024-03-30"
        } else {
            "2024-03-31"
        };
        format!("{day}T{time}:00Z").parse::<DateTime<_>>().unwrap()
    };
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
                .filter(|_| metric.starts_with("sleep")),
            started_at: at(start),
            ended_at: at(end),
        },
    }
}

fn steps(id: i64, value: f64, times: (&str, &str), source: &str) -> RawRow<VitalSample> {
    row(id, "steps", Some(value), times, source)
}

fn time(id: i64, metric: &str, times: (&str, &str), source: &str) -> RawRow<VitalSample> {
    row(id, metric, None, times, source)
}

fn fold(rows: &[RawRow<VitalSample>], rules: &FoldRules) -> DayFold<VitalMeasure> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (row.payload.started_at, row.id));
    Vitals::fold_day(DATE, &rows, rules)
}

/// Series, start, total and count.
fn totals(fold: &DayFold<VitalMeasure>, period: Period) -> Vec<(&str, String, f64, i64)> {
    fold.aggregates
        .iter()
        .filter(|row| row.key.period == period)
        .map(|row| {
            let start = row.key.period_start.format("%H:%M").to_string();
            (
                row.key.series.as_str(),
                start,
                row.measure.total.unwrap(),
                row.measure.count,
            )
        })
        .collect()
}

fn days(rows: &[RawRow<VitalSample>]) -> Vec<(String, f64, i64)> {
    totals(&fold(rows, &FoldRules::default()), Period::Day)
        .into_iter()
        .map(|(series, _, total, count)| (series.to_owned(), total, count))
        .collect()
}

fn steps_of(rows: &[RawRow<VitalSample>]) -> f64 {
    fold(rows, &FoldRules::default())
        .aggregates
        .last()
        .and_then(|day| day.measure.total)
        .unwrap()
}

/// The example of `docs/overlap.md`.
#[test]
fn a_walk_with_watch_and_phone_counts_once() {
    let rows = [
        steps(1, 1200.0, ("08:30", "10:30"), "Ada's iPhone"),
        steps(2, 700.0, ("09:00", "09:45"), "Ada's Watch"),
        steps(3, 90.0, ("10:10", "10:20"), "Ring"),
        steps(4, 50.0, ("11:00", "11:10"), "Ring"),
    ];
    let merged = fold(&rows, &FoldRules::default());
    assert_eq!(
        totals(&merged, Period::Hour),
        [
            ("steps", "08:00".to_owned(), 300.0, 1),
            ("steps", "09:00".to_owned(), 850.0, 2),
            ("steps", "10:00".to_owned(), 300.0, 1),
            ("steps", "11:00".to_owned(), 50.0, 1),
        ]
    );
    let day = &merged.aggregates.last().unwrap().measure;
    assert_eq!((day.total, day.count), (Some(1500.0), 4));
    assert_eq!(
        (day.mean, day.min, day.max),
        (Some(375.0), Some(50.0), Some(1200.0))
    );
    assert_eq!((day.first, day.last), (Some(1200.0), Some(50.0)));
    assert_eq!(day.hours_covered, Some(4));
    assert_eq!(day.sources, ["Ada's Watch", "Ada's iPhone", "Ring"]);

    let summed = FoldRules {
        sum_overlaps: ["steps".to_owned()].into(),
        ..FoldRules::default()
    };
    assert_eq!(
        totals(&fold(&rows, &summed), Period::Day),
        [("steps", "00:00".to_owned(), 2040.0, 4)]
    );
}

#[test]
fn instants_give_way_to_what_another_source_tells() {
    let watch = steps(1, 600.0, ("09:00", "10:00"), "watch");
    for (instant, source, total) in [
        ("09:00", "phone", 600.0),
        ("09:30", "phone", 600.0),
        ("10:00", "phone", 607.0),
        ("08:59", "phone", 607.0),
        ("09:30", "watch", 607.0),
    ] {
        let rows = [watch.clone(), steps(2, 7.0, (instant, instant), source)];
        assert_eq!(steps_of(&rows), total, "{instant} {source}");
    }
    let lower = [
        steps(1, 600.0, ("09:00", "10:00"), "phone"),
        steps(2, 7.0, ("09:30", "09:30"), "watch"),
    ];
    assert_eq!(steps_of(&lower), 607.0);
}

#[test]
fn what_a_person_enters_neither_gives_way_nor_displaces() {
    let mut entry = steps(2, 5000.0, ("08:00", "12:00"), "watch");
    entry.note = Some("user entered".to_owned());
    let mut rows = vec![steps(1, 600.0, ("09:00", "10:00"), "phone"), entry];
    assert_eq!(steps_of(&rows), 5600.0);
    rows[1].note = Some("user entered a number".to_owned());
    assert_eq!(steps_of(&rows), 5000.0);
}

#[test]
fn a_sample_that_crosses_midnight_stays_with_its_date() {
    let mut late = steps(1, 90.0, ("23:30", "23:30"), "watch");
    late.payload.ended_at = "2024-04-01T01:00:00Z".parse().unwrap();
    let fold = fold(&[late], &FoldRules::default());
    assert!(fold.aggregates.iter().all(|row| row.key.local_date == DATE));
    let hours: Vec<_> = totals(&fold, Period::Hour)
        .into_iter()
        .map(|(_, start, total, _)| (start, total))
        .collect();
    assert_eq!(
        hours,
        [("23:00".to_owned(), 30.0), ("00:00".to_owned(), 60.0)]
    );
}

#[test]
fn a_sample_is_taken_to_end_with_its_48th_hour() {
    let mut endless = steps(1, 4750.0, ("00:30", "00:30"), "watch");
    endless.payload.ended_at = "9999-01-01T00:00:00Z".parse().unwrap();
    let fold = fold(&[endless], &FoldRules::default());
    let hours = totals(&fold, Period::Hour);
    assert_eq!(hours.len(), 48);
    assert_eq!((hours[0].2, hours[1].2), (50.0, 100.0));
    assert_eq!(totals(&fold, Period::Day)[0].2, 4750.0);
}

#[test]
fn a_night_by_watch_and_phone_counts_once() {
    // The watch tells stages, the phone only that its owner slept; the phone
    // was laid down before and picked up after.
    let rows = [
        time(1, "sleep", ("22:00", "07:00"), "phone"),
        time(2, "sleep_core", ("22:30", "02:00"), "watch"),
        time(3, "sleep_deep", ("02:00", "03:00"), "watch"),
        time(4, "sleep_awake", ("03:00", "03:10"), "watch"),
        time(5, "sleep_rem", ("03:10", "06:30"), "watch"),
        time(6, "sleep_core", ("22:00", "07:00"), "ring"),
        time(7, "sleep_awake", ("02:30", "02:40"), "ring"),
        time(8, "sleep_in_bed", ("21:50", "07:05"), "phone"),
        time(9, "sleep_in_bed", ("22:00", "07:00"), "watch"),
    ];
    assert_eq!(
        days(&rows),
        [
            ("sleep".to_owned(), 540.0, 1),
            ("sleep_awake".to_owned(), 10.0, 2),
            ("sleep_core".to_owned(), 210.0, 2),
            ("sleep_deep".to_owned(), 60.0, 1),
            ("sleep_in_bed".to_owned(), 555.0, 2),
            ("sleep_rem".to_owned(), 200.0, 1),
        ]
    );
}

#[test]
fn stages_alone_make_a_night() {
    let rows = [
        time(1, "sleep_core", ("23:00", "02:00"), "watch"),
        time(2, "sleep_deep", ("02:00", "03:30"), "watch"),
    ];
    let fold = fold(&rows, &FoldRules::default());
    let night = fold
        .aggregates
        .iter()
        .find(|row| row.key.period == Period::Day && row.key.series == "sleep")
        .unwrap();
    let m = &night.measure;
    assert_eq!(
        (m.count, m.total, m.hours_covered),
        (0, Some(270.0), Some(5))
    );
    assert_eq!([m.mean, m.min, m.max, m.first, m.last], [Some(270.0); 5]);
    assert_eq!(m.sources, ["watch"]);
    // Hours count the stages that they are made of.
    let hours = totals(&fold, Period::Hour);
    let sleep: Vec<_> = hours.iter().filter(|hour| hour.0 == "sleep").collect();
    assert!(sleep.iter().all(|hour| hour.3 == 1));
    assert_eq!(sleep.len(), 5);

    // Two such nights: the mean of a week is a night's.
    let week = Vitals::fold_days(&[night, night]);
    assert_eq!(
        (week.count, week.total, week.mean),
        (0, Some(540.0), Some(270.0))
    );
}

#[test]
fn stages_that_another_source_displaces_still_count_as_rows() {
    let rows = [
        time(1, "sleep", ("22:00", "06:00"), "watch"),
        time(2, "sleep_deep", ("23:00", "01:00"), "phone"),
    ];
    let fold = fold(&rows, &FoldRules::default());
    let deep = &fold.aggregates.last().unwrap();
    assert_eq!(deep.key.series, "sleep_deep");
    let m = &deep.measure;
    assert_eq!((m.count, m.total, m.mean), (1, Some(0.0), Some(0.0)));
    assert_eq!((m.min, m.hours_covered), (Some(120.0), Some(0)));
    assert!(m.sources.is_empty());
}

#[test]
fn stages_within_a_total_are_parts_of_it() {
    // A clinic's report: the night and its stages, all over the same time or
    // all at the moment of waking.
    for times in [("22:00", "07:00"), ("07:00", "07:00")] {
        let report = |id, metric: &str, minutes| row(id, metric, Some(minutes), times, "clinic");
        let rows = [
            report(1, "sleep_core", 270.0),
            report(2, "sleep_deep", 80.0),
            report(3, "sleep_rem", 100.0),
            report(4, "sleep", 450.0),
        ];
        assert_eq!(
            days(&rows),
            [
                ("sleep".to_owned(), 450.0, 1),
                ("sleep_core".to_owned(), 270.0, 1),
                ("sleep_deep".to_owned(), 80.0, 1),
                ("sleep_rem".to_owned(), 100.0, 1),
            ]
        );
    }
}
