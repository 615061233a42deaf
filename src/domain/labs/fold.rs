//! The fold of a day's results, and of days into coarser periods.

use chrono::NaiveDate;

use super::result::Reading;
use super::subject::Subjects;
use super::tally::Tally;
use super::{LabMeasure, LabResult, result};
use crate::domain::period::local_midnight;
use crate::domain::{Aggregate, AggregateKey, DayFold, Period, RawRow, Rejection};

/// Rows in (time, id) order to day rows.
pub(super) fn fold_day(date: NaiveDate, rows: &[RawRow<LabResult>]) -> DayFold<LabMeasure> {
    let mut subjects = Subjects::default();
    // Of each series.
    let mut days: Vec<Day<'_>> = Vec::new();
    let mut rejected = Vec::new();
    for row in rows {
        let flag = subjects.flag(&row.payload);
        let subject = subjects.of(&row.payload, result::unit(&row.payload));
        let reading = result::read(row, subject, flag);
        let reason = match (subject.series, reading) {
            (Some(series), reading) => {
                // Series are numbered as they are first seen.
                if series == days.len() {
                    days.push(Day::default());
                }
                let day = &mut days[series];
                match reading {
                    Ok(reading) => {
                        match reading {
                            Reading::Result(reported) => {
                                day.tally.add_result(&reported, subject, &row.source);
                            }
                            Reading::NoResult => day.tally.add_no_result(subject, &row.source),
                        }
                        day.utc_offset_minutes.get_or_insert(row.utc_offset_minutes);
                        continue;
                    }
                    Err(reason) => {
                        day.tally.rejected_count += 1;
                        reason
                    }
                }
            }
            (None, _) => "analyte_missing: the row has neither code nor name".to_owned(),
        };
        rejected.push(Rejection {
            row_id: row.id,
            reason,
        });
    }
    rejected.sort_by_key(|rejection| rejection.row_id);

    let aggregates = subjects.series.into_iter().zip(days);
    let mut aggregates: Vec<_> = aggregates
        .filter_map(|(series, day)| {
            Some(Aggregate {
                key: AggregateKey {
                    period: Period::Day,
                    local_date: date,
                    period_start: local_midnight(date, day.utc_offset_minutes?),
                    series: series.analyte,
                    unit: series.unit.into_owned(),
                },
                measure: day.tally.finish(),
            })
        })
        .collect();
    aggregates.sort_by(|a, b| a.key.cmp(&b.key));
    DayFold {
        aggregates,
        rejected,
    }
}

/// Day rows of one series, in date order and not empty, to a coarser row.
pub(super) fn fold_days(days: &[&Aggregate<LabMeasure>]) -> LabMeasure {
    let mut tally = Tally::default();
    for day in days {
        tally.add_day(&day.measure);
    }
    LabMeasure {
        // At most 366 days.
        days_covered: i64::try_from(days.iter().filter(|day| day.measure.count > 0).count()).ok(),
        ..tally.finish()
    }
}

/// One series' day while it grows.
#[derive(Default)]
struct Day<'r> {
    /// Where the person was at the first result: it says when the day began.
    /// None as long as there is no result.
    utc_offset_minutes: Option<i32>,
    tally: Tally<'r>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::labs::Flag;

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();

    /// Code, name, value, unit, range, interpretation; '' for none.
    fn row(id: i64, fields: [&str; 6]) -> RawRow<LabResult> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let [code, name, value, unit, reference_range, interpretation] = fields;
        RawRow {
            id,
            utc_offset_minutes: -480,
            source: "lab".to_owned(),
            device: None,
            note: None,
            payload: LabResult {
                code: some(code),
                name: name.to_owned(),
                category: None,
                value: some(value),
                unit: some(unit),
                reference_range: some(reference_range),
                interpretation: some(interpretation),
                collected_at: DateTime::<Utc>::UNIX_EPOCH,
            },
        }
    }

    fn keys(fold: &DayFold<LabMeasure>) -> Vec<(&str, &str, i64)> {
        let rows = fold.aggregates.iter();
        rows.map(|row| {
            (
                row.key.series.as_str(),
                row.key.unit.as_str(),
                row.measure.count,
            )
        })
        .collect()
    }

    #[test]
    fn results_of_one_analyte_and_unit_are_one_row() {
        let rows = [
            row(1, ["2339-0", "Glucose", "95", "mg/dL", "70-99", ""]),
            row(2, ["2339-0", "Glucose", "<20", "mg/dl", "70-99", ""]),
            row(
                3,
                [
                    "2339-0",
                    " Glucose [Mass/\u{200b}volume] ",
                    "105",
                    "MG/DL",
                    "",
                    "HH",
                ],
            ),
            row(4, ["2339-0", "", ">600", "mg/dL", "70-110", ""]),
            row(5, ["2339-0", "Glucose", "hemolyzed", "mg/dL", "", ""]),
        ];
        let fold = fold_day(DATE, &rows);
        let [day] = &fold.aggregates[..] else {
            panic!("{fold:?}")
        };
        assert_eq!(
            day.key.period_start.to_rfc3339(),
            "2024-03-31T08:00:00+00:00"
        );
        assert_eq!(
            day.measure,
            LabMeasure {
                code: Some("2339-0".to_owned()),
                name: "Glucose".to_owned(),
                count: 4,
                numeric_count: 2,
                below_count: 1,
                above_count: 1,
                no_result_count: 1,
                value_sum: Some(200.0),
                mean: Some(100.0),
                min: Some(95.0),
                max: Some(105.0),
                first: Some(95.0),
                last: Some(105.0),
                first_text: "95".to_owned(),
                last_text: ">600".to_owned(),
                text_values: BTreeMap::from(["<20", ">600"].map(|text| (text.to_owned(), 1))),
                reference_low: Some(70.0),
                reference_high: Some(110.0),
                flag: "high".to_owned(),
                worst_flag: "critical_high".to_owned(),
                days_covered: None,
                sources: vec!["lab".to_owned()],
                rejected_count: 0,
            }
        );
    }

    #[test]
    fn series_are_kept_apart_by_code_or_name_and_unit() {
        let rows = [
            row(1, ["1742-6", "ALT", "20", "U/L", "", ""]),
            row(2, ["1742-6", "ALT", "21", "IU/L", "", ""]),
            row(3, ["", "Total  Bilirubin", "1", "mg/dL", "", ""]),
            row(4, ["  ", "total bilirubin\u{feff}", "2", "mg/dl", "", ""]),
            row(5, ["", "Color", "yellow", "", "", ""]),
            row(6, ["", "Color", "yellow", "NO UNITS", "", ""]),
            row(7, ["", "Urobilinogen", "0.2", "EU/DL SEMI", "", ""]),
            row(8, ["26515-7", "Platelets", "200", "K/uL", "", ""]),
            row(9, ["26515-7", "Platelets", "210", "10*3/uL", "", ""]),
        ];
        assert_eq!(
            keys(&fold_day(DATE, &rows)),
            [
                ("1742-6", "U/L", 2),
                ("26515-7", "10*3/uL", 2),
                ("color", "", 2),
                ("total bilirubin", "mg/dL", 2),
                ("urobilinogen", "EU/DL SEMI", 1),
            ]
        );
    }

    #[test]
    fn the_unit_behind_a_number_is_that_of_its_series() {
        let rows = [
            row(1, ["", "Glucose", "5.4 mmol/L", "", "3.9-5.5", ""]),
            row(2, ["", "Glucose", "5.6 mmol/l H", "mmol/L", "3.9-5.5", ""]),
            row(3, ["", "Glucose", "97 mg/dL", "-", "", ""]),
            row(4, ["", "Glucose", "97", "", "", ""]),
            row(5, ["", "Glucose", "97 mg/dL", "mmol/L", "", ""]),
            row(6, ["", "Glucose", "1,234", "mg/dL", "", ""]),
        ];
        let fold = fold_day(DATE, &rows);
        assert_eq!(
            keys(&fold),
            [
                ("glucose", "", 1),
                ("glucose", "mg/dL", 1),
                ("glucose", "mmol/L", 2)
            ]
        );
        assert_eq!(fold.aggregates[2].measure.flag, "high");
        let reasons: Vec<_> = fold
            .rejected
            .iter()
            .map(|rejected| &*rejected.reason)
            .collect();
        assert!(reasons[0].starts_with("unit_conflict: "));
        assert!(reasons[1].starts_with("value_ambiguous: "));
        assert!(!reasons.concat().contains("234"));
    }

    #[test]
    fn rows_that_break_a_rule_are_rejected() {
        let mut far_east = row(5, ["2339-0", "Glucose", "77.25", "mg/dL", "", ""]);
        far_east.utc_offset_minutes = -841;
        let rows = [
            row(6, ["2339-0", "Glucose", "1e999", "mg/dL", "", ""]),
            far_east,
            row(4, ["2339-0", "Glucose", "95", "mg/dL", "", ""]),
            row(3, ["", " \u{200b} ", "77.25", "mg/dL", "", ""]),
            row(2, ["2339-0", "Glucose", " ", "mg/dL", "", ""]),
            row(1, ["718-7", "Hemoglobin", "", "g/dL", "", ""]),
        ];
        let fold = fold_day(DATE, &rows);
        let reasons: Vec<_> = fold
            .rejected
            .iter()
            .map(|rejection| {
                (
                    rejection.row_id,
                    rejection.reason.split(':').next().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            reasons,
            [
                (1, "value_missing"),
                (2, "value_missing"),
                (3, "analyte_missing"),
                (5, "offset_invalid"),
                (6, "value_not_finite"),
            ]
        );
        assert!(!format!("{:?}", fold.rejected).contains("77.25"));
        assert_eq!(fold.aggregates.len(), 1);
        assert_eq!(fold.aggregates[0].measure.rejected_count, 3);
    }

    fn day(date: &str, rows: &[RawRow<LabResult>]) -> Aggregate<LabMeasure> {
        let mut fold = fold_day(date.parse().unwrap(), rows);
        assert_eq!(fold.aggregates.len(), 1);
        fold.aggregates.remove(0)
    }

    #[test]
    fn days_fold_to_a_coarser_period() {
        let first = day(
            "2024-01-10",
            &[
                row(1, ["2339-0", "Glucose", "Trace", "mg/dL", "", ""]),
                row(2, ["2339-0", "Glucose", "120", "mg/dL", "70-99", ""]),
            ],
        );
        let second = day(
            "2024-02-10",
            &[
                row(3, ["2339-0", "Glucose", "90", "mg/dL", "70-105", ""]),
                row(4, ["2339-0", "Glucose", "", "mg/dL", "", ""]),
            ],
        );
        let third = day(
            "2024-03-10",
            &[row(5, ["2339-0", "Glukose", "Trace", "mg/dL", "", ""])],
        );
        let without = day(
            "2024-03-11",
            &[row(
                6,
                ["2339-0", "Glukose", "clotted", "mg/dL", "70-99", "A"],
            )],
        );
        assert_eq!(without.measure.count, 0);
        assert_eq!(without.measure.flag, "unknown");
        let quarter = fold_days(&[&first, &second, &third, &without]);
        assert_eq!(
            quarter,
            LabMeasure {
                code: Some("2339-0".to_owned()),
                name: "Glukose".to_owned(),
                count: 4,
                numeric_count: 2,
                below_count: 0,
                above_count: 0,
                no_result_count: 1,
                value_sum: Some(210.0),
                mean: Some(105.0),
                min: Some(90.0),
                max: Some(120.0),
                first: Some(120.0),
                last: Some(90.0),
                first_text: "Trace".to_owned(),
                last_text: "Trace".to_owned(),
                text_values: BTreeMap::from([("Trace".to_owned(), 2)]),
                reference_low: Some(70.0),
                reference_high: Some(105.0),
                // Of the latest result, about which nothing is known.
                flag: "unknown".to_owned(),
                worst_flag: "high".to_owned(),
                days_covered: Some(3),
                sources: vec!["lab".to_owned()],
                rejected_count: 1,
            }
        );
    }

    fn any_row() -> impl Strategy<Value = RawRow<LabResult>> {
        let field = |values: &[&'static str]| prop::sample::select(values.to_vec());
        (
            0..100i64,
            field(&["", "2339-0", "718-7"]),
            field(&["", "Glucose", "glucose "]),
            field(&[
                "",
                "5.4",
                "<0.5",
                "> 200",
                "1e999",
                "Positive",
                "1:80",
                "-3e280",
                "0.1",
                "QNS",
                "1,234",
                "5.4 mg/dL",
                "4,1 H",
            ]),
            field(&["", "mg/dL", "mg/dl", "?"]),
            field(&["", "0-0", "3-5", "<200", "Negative"]),
            field(&["", "H", "N", "IND"]),
        )
            .prop_map(|(id, code, name, value, unit, range, flag)| {
                row(id, [code, name, value, unit, range, flag])
            })
    }

    proptest! {
        #[test]
        fn the_same_rows_give_the_same_bits(rows in prop::collection::vec(any_row(), 0..40)) {
            let (once, again) = (fold_day(DATE, &rows), fold_day(DATE, &rows.clone()));
            prop_assert_eq!(format!("{once:?}"), format!("{again:?}"));
        }

        #[test]
        fn every_row_is_counted_once(rows in prop::collection::vec(any_row(), 0..40)) {
            let fold = fold_day(DATE, &rows);
            let counted = fold.aggregates.iter().map(|row| &row.measure);
            let counted: i64 = counted.map(|m| m.count + m.no_result_count).sum();
            let rejected = i64::try_from(fold.rejected.len()).unwrap();
            prop_assert_eq!(counted + rejected, i64::try_from(rows.len()).unwrap());
            for Aggregate { measure: m, .. } in &fold.aggregates {
                let texts: i64 = m.text_values.values().sum();
                prop_assert_eq!(m.numeric_count + texts, m.count);
                prop_assert!(Flag::from_name(&m.flag) <= Flag::from_name(&m.worst_flag));
            }
        }

        #[test]
        fn a_month_counts_what_its_days_count(
            days in prop::collection::vec(prop::collection::vec(any_row(), 1..9), 1..9)
        ) {
            let folds: Vec<_> = days.iter().map(|rows| fold_day(DATE, rows)).collect();
            let days: Vec<_> = folds.iter().filter_map(|fold| fold.aggregates.first()).collect();
            if !days.is_empty() {
                let month = fold_days(&days);
                let sum = |of: fn(&LabMeasure) -> i64| -> i64 { days.iter().map(|day| of(&day.measure)).sum() };
                prop_assert_eq!(month.count, sum(|m| m.count));
                prop_assert_eq!(month.numeric_count, sum(|m| m.numeric_count));
                prop_assert_eq!(month.rejected_count, sum(|m| m.rejected_count));
            }
        }
    }
}
