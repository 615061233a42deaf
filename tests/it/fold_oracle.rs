//! The fold of vitals against a second one, written apart from it and as
//! plainly as possible, on generated days.
//!
//! `naive` asks for every piece of time between two edges, and every row, who
//! of all rows counts there. `generate` makes the days: few rows each, and
//! every difficulty often.

mod generate;
mod naive;

use std::collections::BTreeMap;

use vitalfold::domain::vitals::{VitalMeasure, Vitals};
use vitalfold::domain::{DayFold, Fold, Period};

use generate::{Dice, Group};
use naive::{Expected, Key};

const GROUPS: u64 = 10_000;
/// Another one with `FOLD_ORACLE_SEED`, which also starts at a failed group.
const SEED: u64 = 20_240_331;

#[test]
fn generated_days_fold_as_the_naive_fold_has_it() {
    let seed = std::env::var("FOLD_ORACLE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(SEED);
    let mut overlapping = 0;
    for group_seed in seed..seed + GROUPS {
        let group = Group::roll(&mut Dice::new(group_seed));
        let fold = Vitals::fold_day(group.date, &group.rows, &group.rules);
        let (expected, rejected) = naive::fold_day(&group);
        if let Err(difference) = compare(&fold, &expected, &rejected) {
            panic!("{difference}; FOLD_ORACLE_SEED={group_seed}\n{group:#?}");
        }
        overlapping += u64::from(expected.iter().any(|((_, period, _), row)| {
            *period == Period::Day && row.value_sum < row.reported_sum * (1.0 - 1e-9)
        }));
    }
    assert!(
        overlapping > GROUPS / 5,
        "{overlapping} days had samples to merge"
    );
}

fn compare(
    fold: &DayFold<VitalMeasure>,
    expected: &BTreeMap<Key, Expected>,
    rejected: &[i64],
) -> Result<(), String> {
    let found: BTreeMap<Key, &VitalMeasure> = fold
        .aggregates
        .iter()
        .map(|row| {
            let start = row.key.period_start.timestamp();
            (
                (row.key.series.clone(), row.key.period, start),
                &row.measure,
            )
        })
        .collect();
    let ids: Vec<_> = fold.rejected.iter().map(|row| row.row_id).collect();
    if found.len() != fold.aggregates.len() || !found.keys().eq(expected.keys()) || ids != rejected
    {
        return Err(format!(
            "rows {:?}, not {:?}; rejected {ids:?}, not {rejected:?}",
            found.keys(),
            expected.keys()
        ));
    }
    for (key, measure) in found {
        let expected = &expected[&key];
        let m = measure;
        let floats = [
            (
                m.total.unwrap_or(f64::MAX),
                expected.total.unwrap_or(f64::MAX),
            ),
            (m.value_sum, expected.value_sum),
            (
                m.mean.unwrap_or(f64::MAX),
                expected.mean.unwrap_or(f64::MAX),
            ),
        ];
        let stated = [
            (m.min, &m.min_comparator, &expected.min),
            (m.max, &m.max_comparator, &expected.max),
            (m.first, &m.first_comparator, &expected.first),
            (m.last, &m.last_comparator, &expected.last),
        ];
        let same = floats.iter().all(|(a, b)| agree(*a, *b))
            && stated.iter().all(|(number, sign, expected)| {
                agree(number.unwrap_or(f64::MAX), expected.0.unwrap_or(f64::MAX))
                    && sign.as_deref().unwrap_or_default() == expected.1
            })
            && m.count == expected.count
            && (m.below_count, m.above_count) == (expected.below_count, expected.above_count)
            && m.hours_covered == expected.hours_covered
            && m.days_covered.is_none()
            && m.sources.iter().eq(&expected.sources)
            && m.rejected_count == expected.rejected_count;
        if !same {
            return Err(format!("{key:?}: {measure:?}, not {expected:?}"));
        }
    }
    Ok(())
}

fn agree(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}
