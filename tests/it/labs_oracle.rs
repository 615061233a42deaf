//! The labs fold, written a second time and as simply as can be, against the
//! real one over generated groups.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vitalfold::domain::group::fold_group;
use vitalfold::domain::labs::{LabMeasure, LabResult, Labs};
use vitalfold::domain::{Aggregate, FoldRules, Period, RawRow};

const GROUPS: usize = 10_000;

/// Most days of one person: the day under test and those beside it.
const DAYS: usize = 4;

/// What the naive fold reads of a row. All that parsing would yield is
/// written beside the text, so that nothing is parsed twice alike.
#[derive(Clone, Copy)]
struct Value {
    text: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number(f64),
    Below(f64),
    Above(f64),
    Word,
    Missing,
}

const VALUES: &[Value] = &[
    Value {
        text: "5.4",
        kind: Kind::Number(5.4),
    },
    Value {
        text: "0.1",
        kind: Kind::Number(0.1),
    },
    Value {
        text: " 99 ",
        kind: Kind::Number(99.0),
    },
    Value {
        text: "-3.25",
        kind: Kind::Number(-3.25),
    },
    Value {
        text: "140",
        kind: Kind::Number(140.0),
    },
    Value {
        text: "1e3",
        kind: Kind::Number(1000.0),
    },
    Value {
        text: "<0.5",
        kind: Kind::Below(0.5),
    },
    Value {
        text: ">200",
        kind: Kind::Above(200.0),
    },
    Value {
        text: "Positive",
        kind: Kind::Word,
    },
    Value {
        text: "Negative",
        kind: Kind::Word,
    },
    Value {
        text: "",
        kind: Kind::Missing,
    },
];

/// Code, unit as reported, unit of the series, factor from the one to the
/// other, and the unit's normal form. Factors by hand from molar masses.
const UNITS: &[(&str, &str, &str, f64, &str)] = &[
    ("2345-7", "mg/dL", "mg/dL", 1.0, "mg/dL"),
    ("2345-7", "mg/dl", "mg/dL", 1.0, "mg/dL"),
    ("2345-7", "mmol/L", "mg/dL", 18.0156, "mmol/L"),
    ("2345-7", "g/L", "mg/dL", 100.0, "g/L"),
    ("2345-7", "furlong", "furlong", 1.0, "furlong"),
    ("2345-7", "", "", 1.0, ""),
    ("2951-2", "mEq/L", "mmol/L", 1.0, "meq/L"),
    ("2000-8", "meq/L", "mmol/L", 0.5, "meq/L"),
    ("2000-8", "mg/dL", "mmol/L", 1.0 / 4.0078, "mg/dL"),
    ("1742-6", "IU/L", "U/L", 1.0, "[IU]/L"),
    ("1742-6", "U/L", "U/L", 1.0, "U/L"),
    ("4548-4", "%", "%", 1.0, "%"),
    ("4548-4", "mmol/mol", "mmol/mol", 1.0, "mmol/mol"),
    ("", "g/L", "g/L", 1.0, "g/L"),
    ("", "g/dL", "g/dL", 1.0, "g/dL"),
];

/// Text, low, high, and whether the ends are themselves outside.
type Range = (&'static str, Option<f64>, Option<f64>, bool);

const RANGES: &[Range] = &[
    ("", None, None, false),
    ("3.5-5.0", Some(3.5), Some(5.0), false),
    ("3,5-5,0", Some(3.5), Some(5.0), false),
    ("(70 – 99)", Some(70.0), Some(99.0), false),
    ("<200", None, Some(200.0), true),
    ("up to 5", None, Some(5.0), false),
    ("> 40", Some(40.0), None, true),
    ("0-0", None, None, false),
    ("Male: 13-17", None, None, false),
    ("Negative", None, None, false),
];

const FLAGS: &[(&str, &str)] = &[
    ("", ""),
    ("", ""),
    ("IND", ""),
    ("H", "high"),
    ("LL", "critical_low"),
    ("N", "normal"),
    ("A", "abnormal"),
];

#[derive(Clone, Copy)]
struct Row {
    value: Value,
    unit: usize,
    range: usize,
    flag: usize,
    source: &'static str,
}

fn row(random: &mut StdRng) -> Row {
    Row {
        value: VALUES[random.random_range(0..VALUES.len())],
        unit: random.random_range(0..UNITS.len()),
        range: random.random_range(0..RANGES.len()),
        flag: random.random_range(0..FLAGS.len()),
        source: ["lab a", "lab b"][random.random_range(0..2)],
    }
}

fn raw(id: usize, row: &Row) -> RawRow<LabResult> {
    let (code, unit, ..) = UNITS[row.unit];
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    RawRow {
        id: i64::try_from(id).unwrap(),
        utc_offset_minutes: 60,
        source: row.source.to_owned(),
        device: None,
        note: None,
        payload: LabResult {
            code: some(code),
            name: "Analyte".to_owned(),
            category: None,
            value: some(row.value.text),
            unit: some(unit),
            reference_range: some(RANGES[row.range].0),
            interpretation: some(FLAGS[row.flag].0),
            collected_at: DateTime::<Utc>::UNIX_EPOCH,
        },
    }
}

const SEVERITY: [&str; 7] = [
    "unknown",
    "normal",
    "low",
    "high",
    "abnormal",
    "critical_low",
    "critical_high",
];

/// The flag of a row: the reported one, else where its number lies.
fn flag(row: &Row) -> &'static str {
    let (text, low, high, is_open) = RANGES[row.range];
    let reported = FLAGS[row.flag].1;
    if !reported.is_empty() {
        return reported;
    }
    if row.value.kind == Kind::Word && text == "Negative" {
        let is_expected = row.value.text == "Negative";
        return if is_expected { "normal" } else { "abnormal" };
    }
    if low.is_none() && high.is_none() {
        return "unknown";
    }
    let place = |number: f64| match (low, high) {
        (Some(low), _) if number < low || (is_open && number == low) => "low",
        (_, Some(high)) if number > high || (is_open && number == high) => "high",
        _ => "normal",
    };
    match row.value.kind {
        Kind::Number(number) => place(number),
        // All that is below lies on one side only if it is too low already,
        // or if no low end can be passed.
        Kind::Below(bound) => match place(bound - 1e-9) {
            "low" => "low",
            "normal" if low.is_none() => "normal",
            _ => "unknown",
        },
        Kind::Above(bound) => match place(bound + 1e-9) {
            "high" => "high",
            "normal" if high.is_none() => "normal",
            _ => "unknown",
        },
        Kind::Word | Kind::Missing => "unknown",
    }
}

/// One series of one period, all of its rows in order.
fn naive(rows: &[&Row], days: Option<i64>) -> LabMeasure {
    let (code, _, unit, ..) = UNITS[rows[0].unit];
    let counted: Vec<&&Row> = rows
        .iter()
        .filter(|r| r.value.kind != Kind::Missing)
        .collect();
    let numbers: Vec<f64> = counted
        .iter()
        .filter_map(|row| match row.value.kind {
            Kind::Number(number) => Some(number * UNITS[row.unit].3),
            _ => None,
        })
        .collect();
    let mut text_values = BTreeMap::new();
    for row in &counted {
        let (_, _, _, factor, own) = UNITS[row.unit];
        let text = match row.value.kind {
            Kind::Number(_) | Kind::Missing => continue,
            Kind::Word => row.value.text.to_owned(),
            // Equivalents of one charge are moles: the number is the same.
            Kind::Below(_) | Kind::Above(_) if own == unit || factor == 1.0 => {
                row.value.text.to_owned()
            }
            Kind::Below(_) | Kind::Above(_) => format!("{} {own}", row.value.text),
        };
        *text_values.entry(text).or_insert(0) += 1;
    }
    let reference = counted
        .iter()
        .rev()
        .find(|row| RANGES[row.range].1.is_some() || RANGES[row.range].2.is_some())
        .map(|row| {
            let (_, low, high, _) = RANGES[row.range];
            let factor = UNITS[row.unit].3;
            (low.map(|low| low * factor), high.map(|high| high * factor))
        })
        .unwrap_or_default();
    let count = |is: fn(Kind) -> bool| counted.iter().filter(|row| is(row.value.kind)).count();
    let whole = |count: usize| i64::try_from(count).unwrap();
    let sum = (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>());
    let flags: Vec<&str> = counted.iter().map(|row| flag(row)).collect();
    let text = |row: Option<&&&Row>| row.unwrap().value.text.trim().to_owned();
    LabMeasure {
        code: (!code.is_empty()).then(|| code.to_owned()),
        name: "Analyte".to_owned(),
        count: whole(counted.len()),
        numeric_count: whole(numbers.len()),
        below_count: whole(count(|kind| matches!(kind, Kind::Below(_)))),
        above_count: whole(count(|kind| matches!(kind, Kind::Above(_)))),
        no_result_count: 0,
        value_sum: sum,
        mean: sum.map(|sum| sum / numbers.len() as f64),
        min: numbers.iter().copied().reduce(f64::min),
        max: numbers.iter().copied().reduce(f64::max),
        first: numbers.first().copied(),
        last: numbers.last().copied(),
        first_text: text(counted.first()),
        last_text: text(counted.last()),
        text_values,
        reference_low: reference.0,
        reference_high: reference.1,
        flag: (*flags.last().unwrap()).to_owned(),
        worst_flag: SEVERITY
            .into_iter()
            .rfind(|severity| flags.contains(severity))
            .unwrap()
            .to_owned(),
        days_covered: days,
        sources: counted
            .iter()
            .map(|row| row.source.to_owned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        rejected_count: whole(rows.len() - counted.len()),
    }
}

/// All rows of a period by series; series of which no row counts are none.
fn naive_period(days: &[&Vec<Row>], is_day: bool) -> BTreeMap<(String, String), LabMeasure> {
    let mut series: BTreeMap<(String, String), (Vec<&Row>, i64)> = BTreeMap::new();
    for day in days {
        let mut of_day: BTreeMap<(String, String), Vec<&Row>> = BTreeMap::new();
        for row in *day {
            let (code, _, unit, ..) = UNITS[row.unit];
            let code = if code.is_empty() { "analyte" } else { code };
            of_day
                .entry((code.to_owned(), unit.to_owned()))
                .or_default()
                .push(row);
        }
        // A day with refused rows only leaves no day row behind.
        of_day.retain(|_, rows| rows.iter().any(|row| row.value.kind != Kind::Missing));
        for (key, rows) in of_day {
            let (all, days) = series.entry(key).or_default();
            all.extend(rows);
            *days += 1;
        }
    }
    series
        .into_iter()
        .map(|(key, (rows, days))| (key, naive(&rows, (!is_day).then_some(days))))
        .collect()
}

/// Numbers to 1e-9 of `size`, the magnitude of what was added up.
fn is_close(a: Option<f64>, b: Option<f64>, size: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(size),
        (a, b) => a == b,
    }
}

/// `one` with the numbers of `other` where those are as good as equal.
fn agreed(one: &LabMeasure, other: &LabMeasure) -> LabMeasure {
    // Sums of both signs cancel: relative to the largest term, not the rest.
    let size = other
        .max
        .unwrap_or(0.0)
        .abs()
        .max(other.min.unwrap_or(0.0).abs());
    let either = |a, b, size| if is_close(a, b, size) { b } else { a };
    LabMeasure {
        value_sum: either(one.value_sum, other.value_sum, size),
        mean: either(one.mean, other.mean, size),
        min: either(one.min, other.min, 0.0),
        max: either(one.max, other.max, 0.0),
        first: either(one.first, other.first, 0.0),
        last: either(one.last, other.last, 0.0),
        reference_low: either(one.reference_low, other.reference_low, 0.0),
        reference_high: either(one.reference_high, other.reference_high, 0.0),
        ..one.clone()
    }
}

#[test]
fn a_naive_fold_agrees() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = std::env::var("LABS_SEED").map_or(now.as_secs(), |seed| seed.parse().unwrap());
    // Shown when the test fails.
    eprintln!("LABS_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for group in 0..GROUPS {
        check_group(&mut random, group);
    }
}

fn check_group(random: &mut StdRng, group: usize) {
    let mut days: BTreeMap<NaiveDate, Vec<Row>> = BTreeMap::new();
    for _ in 0..random.random_range(1..=DAYS) {
        let date = NaiveDate::from_yo_opt(2024, random.random_range(1..=366)).unwrap();
        let rows = random.random_range(1..12);
        days.insert(date, (0..rows).map(|_| row(random)).collect());
    }
    let (date, _) = days.iter().nth(random.random_range(0..days.len())).unwrap();
    let fold = |date: NaiveDate, stored| {
        let rows: Vec<_> = days[&date]
            .iter()
            .enumerate()
            .map(|(id, row)| raw(id, row))
            .collect();
        fold_group::<Labs>(date, &rows, stored, &FoldRules::default()).aggregates
    };
    let stored: Vec<Aggregate<LabMeasure>> = days
        .keys()
        .flat_map(|date| fold(*date, Vec::new()))
        .filter(|row| row.key.period == Period::Day)
        .collect();
    let folded = fold(*date, stored);
    for period in [Period::Day, Period::Month, Period::Quarter, Period::Year] {
        let is_within = |other: &NaiveDate| match period {
            Period::Day => other == date,
            Period::Month => other.month() == date.month(),
            Period::Quarter => other.month0() / 3 == date.month0() / 3,
            _ => true,
        };
        let within: Vec<_> = days
            .iter()
            .filter(|(d, _)| is_within(d))
            .map(|(_, r)| r)
            .collect();
        let expected = naive_period(&within, period == Period::Day);
        let got: BTreeMap<_, _> = folded
            .iter()
            .filter(|row| row.key.period == period)
            .map(|row| {
                let key = (row.key.series.clone(), row.key.unit.clone());
                let expected = expected.get(&key).unwrap_or(&row.measure);
                (key, agreed(&row.measure, expected))
            })
            .collect();
        assert_eq!(got, expected, "group {group}, {period:?}");
    }
}

/// The examples of `docs/labs.md`: code, unit, result, range; then the unit of
/// the series, number, range and flag.
#[test]
fn the_page_shows_what_is_folded() {
    let rows = crate::units::table("labs.md", "| code |");
    assert!(rows.len() > 15);
    for cells in rows {
        let [code, unit, value, range, expected @ ..] = &cells[..] else {
            panic!("{cells:?}")
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut row = raw(
            1,
            &Row {
                value: VALUES[0],
                unit: 0,
                range: 0,
                flag: 0,
                source: "lab",
            },
        );
        row.payload = LabResult {
            code: some(code),
            value: some(value),
            unit: some(unit),
            reference_range: some(range),
            ..row.payload
        };
        let date = NaiveDate::from_ymd_opt(2024, 5, 2).unwrap();
        let fold = fold_group::<Labs>(date, &[row], Vec::new(), &FoldRules::default());
        let day = &fold.aggregates[0];
        let number = |number: Option<f64>| number.map(|n| n.to_string()).unwrap_or_default();
        let texts: Vec<_> = day.measure.text_values.keys().cloned().collect();
        let result = match day.measure.last {
            Some(last) => last.to_string(),
            None => texts.join(", "),
        };
        let got = [
            day.key.unit.clone(),
            result,
            number(day.measure.reference_low),
            number(day.measure.reference_high),
            day.measure.flag.clone(),
        ];
        assert_eq!(&got[..], expected, "{cells:?}");
    }
}

/// The day of one result, or none where it is rejected.
fn day_of(value: &str, unit: &str, range: &str) -> Option<LabMeasure> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut row = raw(
        1,
        &Row {
            value: VALUES[0],
            unit: UNITS.len() - 1,
            range: 0,
            flag: 0,
            source: "lab",
        },
    );
    row.payload = LabResult {
        value: some(value),
        unit: some(unit),
        reference_range: some(range),
        ..row.payload
    };
    let date = NaiveDate::from_ymd_opt(2024, 5, 2).unwrap();
    let fold = fold_group::<Labs>(date, &[row], Vec::new(), &FoldRules::default());
    fold.aggregates.into_iter().next().map(|day| day.measure)
}

#[test]
fn the_page_shows_how_numbers_are_read() {
    let rows = crate::units::table("labs.md", "| written |");
    assert!(rows.len() > 40);
    for cells in rows {
        let [value, unit, range, expected] = &cells[..] else {
            panic!("{cells:?}")
        };
        let day = day_of(value, unit, range);
        let (comparator, bound) = match expected.find(|c: char| c.is_ascii_digit()) {
            Some(at) if expected.starts_with(['<', '>']) => expected.split_at(at),
            _ => ("", ""),
        };
        match (&**expected, day) {
            ("rejected", day) => assert_eq!(day, None, "{cells:?}"),
            ("no result", Some(day)) => {
                assert_eq!((day.count, day.no_result_count), (0, 1), "{cells:?}");
            }
            ("text", Some(day)) => {
                let counts = (
                    day.count,
                    day.numeric_count,
                    day.below_count + day.above_count,
                );
                assert_eq!(counts, (1, 0, 0), "{cells:?}");
            }
            (_, Some(day)) if !comparator.is_empty() => {
                let is_below = comparator.starts_with('<');
                assert_eq!(day.below_count, i64::from(is_below), "{cells:?}");
                assert_eq!(day.above_count, i64::from(!is_below), "{cells:?}");
                // The bound shows in the flag of ranges around it.
                let at = |range: &str| day_of(value, unit, range).unwrap().flag;
                let bound: f64 = bound.parse().unwrap();
                let beyond = if is_below { "low" } else { "high" };
                let outside = match is_below {
                    true => format!("{:.5}-9999.5", bound + 0.00005),
                    false => format!("0.00001-{:.5}", bound - 0.00005),
                };
                let open = match is_below {
                    true => format!("<= {bound:.5}"),
                    false => format!(">= {bound:.5}"),
                };
                assert_eq!(
                    (at(&outside), at(&open)),
                    (beyond.to_owned(), "normal".to_owned())
                );
            }
            (number, Some(day)) => {
                assert_eq!(
                    day.last.map(|n| n.to_string()).as_deref(),
                    Some(number),
                    "{cells:?}"
                );
            }
            (_, None) => panic!("rejected: {cells:?}"),
        }
    }
}

#[test]
fn the_page_shows_how_words_are_judged() {
    let rows = crate::units::table("labs.md", "| result in words |");
    assert!(rows.len() > 20);
    for cells in rows {
        let [value, range, expected] = &cells[..] else {
            panic!("{cells:?}")
        };
        let day = day_of(value, "", range).unwrap();
        assert_eq!(&day.flag, expected, "{cells:?}");
        assert_eq!(&day.worst_flag, expected, "{cells:?}");
    }
}
