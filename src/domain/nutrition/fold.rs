//! The fold of a day's entries, and of days into coarser periods.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::entry::{self, MealId, Readings};
use super::tally::Tally;
use super::{NutritionEntry, NutritionMeasure};
use crate::domain::bounds::named;
use crate::domain::period::local_midnight;
use crate::domain::sum::Sum;
use crate::domain::{Aggregate, AggregateKey, DayFold, Period, RawRow, Rejection};

/// One series' day while it grows.
struct Day<'r> {
    /// Where the person was at the first entry: it says when the day began.
    utc_offset_minutes: i32,
    tally: Tally<'r>,
    meals: BTreeMap<MealId, Sum>,
}

/// Rows in (time, id) order to day rows.
pub(super) fn fold_day(
    date: NaiveDate,
    rows: &[RawRow<NutritionEntry>],
) -> DayFold<NutritionMeasure> {
    let mut readings = Readings::default();
    // Of each series: what was accepted, and how many entries were not.
    let mut days: Vec<(Option<Day<'_>>, i64)> = Vec::new();
    let mut rejected = Vec::new();
    for row in rows {
        let read = readings.of(&row.payload).and_then(|reading| {
            // Series are numbered as they are first seen.
            if reading.series == days.len() {
                days.push((None, 0));
            }
            let amount =
                entry::amount(row, reading).inspect_err(|_| days[reading.series].1 += 1)?;
            Ok((reading.series, amount))
        });
        match read {
            Ok((series, amount)) => {
                let day = days[series].0.get_or_insert_with(|| Day {
                    utc_offset_minutes: row.utc_offset_minutes,
                    tally: Tally::starting_with(amount),
                    meals: BTreeMap::new(),
                });
                day.tally.add_entry(amount, &row.source);
                let meal = readings.meal(row.payload.meal.as_deref());
                day.meals.entry(meal).or_default().add(amount);
            }
            Err(reason) => rejected.push(Rejection {
                row_id: row.id,
                reason,
            }),
        }
    }
    rejected.sort_by_key(|rejection| rejection.row_id);

    let Readings { series, meals, .. } = readings;
    let days = series.into_iter().zip(days);
    let aggregates = days.filter_map(|(series, (day, refused))| {
        let mut day = day?;
        day.tally.rejected_count = refused;
        let by_name = |(id, sum): (MealId, Sum)| (meals[id].to_string(), sum);
        Some(Aggregate {
            key: AggregateKey {
                period: Period::Day,
                local_date: date,
                period_start: local_midnight(date, day.utc_offset_minutes),
                series: series.nutrient.into_owned(),
                unit: series.unit.into_owned(),
            },
            measure: day
                .tally
                .finish(totals(day.meals.into_iter().map(by_name).collect())),
        })
    });
    let mut aggregates: Vec<_> = aggregates.collect();
    aggregates.sort_by(|a, b| a.key.cmp(&b.key));
    DayFold {
        aggregates,
        rejected,
    }
}

/// Day rows of one series, in date order and not empty, to a coarser row.
pub(super) fn fold_days(days: &[&Aggregate<NutritionMeasure>]) -> NutritionMeasure {
    let first = days.first().map_or(0.0, |day| day.measure.first);
    let mut tally = Tally::starting_with(first);
    let mut meals: BTreeMap<&str, Sum> = BTreeMap::new();
    for day in days {
        tally.add_day(&day.measure);
        for (meal, total) in &day.measure.meals {
            meals.entry(meal).or_default().add(*total);
        }
    }
    let by_name = |(name, sum): (&str, Sum)| (name.to_owned(), sum);
    NutritionMeasure {
        // At most 31 days.
        days_covered: i64::try_from(days.len()).ok(),
        ..tally.finish(totals(meals.into_iter().map(by_name).collect()))
    }
}

fn totals(meals: BTreeMap<String, Sum>) -> BTreeMap<String, f64> {
    let bounded = named(meals, |sum, other| sum.add(other.total()));
    let totals = bounded.into_iter().map(|(meal, sum)| (meal, sum.total()));
    totals.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::nutrition::Nutrition;
    use crate::domain::sum::Sum;
    use crate::domain::{FoldRules, group};

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();

    fn row(id: i64, nutrient: &str, amount: f64, unit: &str, meal: &str) -> RawRow<NutritionEntry> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        RawRow {
            id,
            utc_offset_minutes: -480,
            source: "diary".to_owned(),
            device: None,
            note: None,
            payload: NutritionEntry {
                nutrient: nutrient.to_owned(),
                amount: Some(amount),
                unit: some(unit),
                meal: some(meal),
                eaten_at: chrono::DateTime::UNIX_EPOCH,
            },
        }
    }

    fn meals<const N: usize>(meals: [(&str, f64); N]) -> BTreeMap<String, f64> {
        meals.map(|(meal, total)| (meal.to_owned(), total)).into()
    }

    #[test]
    fn entries_of_one_nutrient_and_unit_are_one_row() {
        let mut from_app = row(3, "9052-2", 100.0, "kcal", "");
        from_app.source = "app".to_owned();
        let rows = [
            row(1, "energy", 300.5, "kcal", "Breakfast"),
            row(2, "Calories", 836.8, "kJ", " breakfast "),
            from_app,
            // The same again, from another app or eaten twice: summed as given.
            row(4, "energy", 300.5, "kcal", "Breakfast"),
            row(5, "energy", 1e9, "kcal", "dinner"),
        ];
        let fold = fold_day(DATE, &rows);
        let [day] = &fold.aggregates[..] else {
            panic!("{fold:?}")
        };
        let start = day.key.period_start.to_rfc3339();
        assert_eq!(start, "2024-03-31T08:00:00+00:00");
        assert_eq!(
            day.measure,
            NutritionMeasure {
                count: 4,
                total: 901.0,
                value_sum: 901.0,
                mean: 225.25,
                min: 100.0,
                max: 300.5,
                first: 300.5,
                last: 300.5,
                meals: meals([("breakfast", 801.0), ("unspecified", 100.0)]),
                days_covered: None,
                sources: vec!["app".to_owned(), "diary".to_owned()],
                rejected_count: 1,
            }
        );
    }

    #[test]
    fn units_that_do_not_convert_are_never_mixed() {
        let rows = [
            row(1, "vitamin_a", 10.0, "ug", ""),
            row(2, "vitamin_a", 400.0, "IU", ""),
            row(3, "vitamin_a", 0.01, "mg", ""),
            row(4, "sodium", 400.0, "mg", ""),
            row(5, "salt", 1.0, "g", ""),
        ];
        let fold = fold_day(DATE, &rows);
        let found: Vec<_> = fold
            .aggregates
            .iter()
            .map(|row| (&*row.key.series, &*row.key.unit, row.measure.total))
            .collect();
        assert_eq!(
            found,
            [
                ("sodium", "mg", 400.0),
                ("vitamin_a", "[IU]", 400.0),
                ("vitamin_a", "ug", 20.0),
            ]
        );
        assert_eq!(fold.rejected.len(), 1);
        assert!(fold.rejected[0].reason.starts_with("nutrient_unknown: "));
    }

    #[test]
    fn rows_that_break_a_rule_are_rejected_in_order() {
        let mut far_east = row(3, "protein", 10.0, "g", "");
        far_east.utc_offset_minutes = 841;
        let rows = [
            row(9, "protein", f64::NAN, "g", ""),
            far_east,
            row(4, "protein", 10.0, "g", ""),
            row(2, "protein", 10.0, "furlong", ""),
        ];
        let fold = fold_day(DATE, &rows);
        let rules = fold.rejected.iter().map(|rejection| {
            let rule = rejection.reason.split(':').next().unwrap();
            (rejection.row_id, rule)
        });
        let expected = [
            (2, "unit_unknown"),
            (3, "offset_invalid"),
            (9, "value_not_finite"),
        ];
        assert_eq!(rules.collect::<Vec<_>>(), expected);
        assert_eq!(fold.aggregates[0].measure.rejected_count, 3);
    }

    #[test]
    fn days_fold_to_a_coarser_period() {
        let day = |rows: &[_]| fold_day(DATE, rows).aggregates.remove(0);
        let first = day(&[
            row(1, "protein", 30.0, "g", "lunch"),
            row(2, "protein", 50.0, "g", "dinner"),
            row(3, "protein", -1.0, "g", "dinner"),
        ]);
        let second = day(&[row(4, "protein", 10.0, "g", "lunch")]);
        assert_eq!(
            fold_days(&[&first, &second]),
            NutritionMeasure {
                count: 3,
                total: 90.0,
                value_sum: 90.0,
                mean: 30.0,
                min: 10.0,
                max: 50.0,
                first: 30.0,
                last: 10.0,
                meals: meals([("dinner", 50.0), ("lunch", 40.0)]),
                days_covered: Some(2),
                sources: vec!["diary".to_owned()],
                rejected_count: 1,
            }
        );
    }

    /// Grams of each unit that [`any_row`] makes, and whether it is a mass.
    const UNITS: [(&str, Option<f64>); 5] = [
        ("g", Some(1.0)),
        ("kg", Some(1000.0)),
        ("[IU]", None),
        ("", None),
        ("mm[Hg]", None),
    ];

    fn any_row() -> impl Strategy<Value = RawRow<NutritionEntry>> {
        (
            1..100i64,
            prop::sample::select(vec!["protein", "fiber", "Fibre", "salt"]),
            prop::sample::select(vec![0.0, 0.125, 0.25, 1.0, 1.5, 3.0, -1.0, 1e9, f64::NAN]),
            prop::sample::select(UNITS.map(|(unit, _)| unit).to_vec()),
            prop::sample::select(vec!["", "Lunch", "lunch", "dinner"]),
            prop::sample::select(vec!["a", "b", " "]),
        )
            .prop_map(|(id, nutrient, amount, unit, meal, source)| {
                let mut row = row(id, nutrient, amount, unit, meal);
                row.source = source.to_owned();
                row
            })
    }

    /// Amounts and meals of one nutrient in grams, worked out in the plainest
    /// way: which rows count, and how much each is.
    fn naive<'r>(
        rows: &'r [RawRow<NutritionEntry>],
        names: &[&str],
        limit: f64,
    ) -> Vec<(f64, String, &'r str)> {
        let mut entries = Vec::new();
        for row in rows {
            let entry = &row.payload;
            let unit = entry.unit.as_deref().unwrap_or("");
            let known = UNITS.iter().find(|(name, _)| *name == unit);
            let (Some((_, Some(grams))), Some(amount)) = (known, entry.amount) else {
                continue;
            };
            let grams = amount * grams;
            if names.contains(&&*entry.nutrient) && (0.0..=limit).contains(&grams) {
                let meal = entry.meal.as_deref().unwrap_or("unspecified");
                entries.push((grams, meal.to_lowercase(), row.source.as_str()));
            }
        }
        entries
    }

    fn check(
        measure: &NutritionMeasure,
        entries: &[(f64, String, &str)],
    ) -> Result<(), TestCaseError> {
        let amounts: Vec<f64> = entries.iter().map(|entry| entry.0).collect();
        let total: f64 = amounts.iter().sum();
        prop_assert_eq!(measure.count as usize, entries.len());
        prop_assert_eq!(measure.total, total);
        prop_assert_eq!(measure.value_sum, total);
        prop_assert_eq!(measure.mean, total / amounts.len() as f64);
        prop_assert_eq!(
            measure.min,
            amounts.iter().copied().fold(f64::MAX, f64::min)
        );
        prop_assert_eq!(measure.max, amounts.iter().copied().fold(0.0, f64::max));
        prop_assert_eq!(Some(&measure.first), amounts.first());
        prop_assert_eq!(Some(&measure.last), amounts.last());
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.1).collect();
        prop_assert_eq!(measure.meals.keys().collect::<BTreeSet<_>>(), names);
        for (meal, total) in &measure.meals {
            let of_meal = entries.iter().filter(|entry| entry.1 == *meal);
            prop_assert_eq!(*total, of_meal.map(|entry| entry.0).sum::<f64>());
        }
        let sources: BTreeSet<_> = entries.iter().map(|entry| entry.2).collect();
        let sources: Vec<_> = sources
            .into_iter()
            .filter(|source| *source != " ")
            .collect();
        prop_assert_eq!(&measure.sources, &sources);
        Ok(())
    }

    proptest! {
        // The amounts are sums of eighths, so that sums are exact in any order.
        #[test]
        fn a_naive_fold_finds_the_same(rows in prop::collection::vec(any_row(), 0..40)) {
            let fold = fold_day(DATE, &rows);
            for (series, names, limit) in [
                ("protein", &["protein"][..], 2000.0),
                ("fiber", &["fiber", "Fibre"], 1000.0),
            ] {
                let is_found = |row: &&Aggregate<_>| row.key.series == series && row.key.unit == "g";
                let found = fold.aggregates.iter().find(is_found);
                let entries = naive(&rows, names, limit);
                prop_assert_eq!(found.is_some(), !entries.is_empty());
                if let Some(found) = found {
                    check(&found.measure, &entries)?;
                }
            }
            let counted: i64 = fold.aggregates.iter().map(|row| row.measure.count).sum();
            prop_assert_eq!(counted as usize + fold.rejected.len(), rows.len());
        }

        #[test]
        fn a_naive_fold_of_two_days_finds_the_same(
            monday in prop::collection::vec(any_row(), 1..20),
            tuesday in prop::collection::vec(any_row(), 1..20),
        ) {
            let rules = FoldRules::default();
            let [first, second] = [1, 2].map(|day| NaiveDate::from_ymd_opt(2024, 4, day).unwrap());
            let mut days = fold_day(first, &monday).aggregates;
            let group = group::fold_group::<Nutrition>(second, &tuesday, days.clone(), &rules);
            days.extend(group.aggregates.iter().cloned());
            let of = |rows| naive(rows, &["protein"], 2000.0);
            let entries: Vec<_> = [of(&monday), of(&tuesday)].concat();
            for period in [Period::Week, Period::Month] {
                let found = days.iter().find(|row| {
                    (row.key.period, &*row.key.series, &*row.key.unit) == (period, "protein", "g")
                });
                // A group writes the rows of the series that its day has.
                if !of(&tuesday).is_empty() {
                    check(&found.unwrap().measure, &entries)?;
                }
            }
        }

        #[test]
        fn the_same_rows_give_the_same_bits(rows in prop::collection::vec(any_row(), 0..40)) {
            let (once, again) = (fold_day(DATE, &rows), fold_day(DATE, &rows.clone()));
            prop_assert_eq!(format!("{once:?}"), format!("{again:?}"));
        }

        #[test]
        fn meals_sum_to_the_total(amounts in prop::collection::vec((0.0..900.0f64, "[a-c]?"), 1..60)) {
            let rows: Vec<_> = amounts
                .iter()
                .map(|(amount, meal)| row(1, "protein", *amount, "g", meal))
                .collect();
            let fold = fold_day(DATE, &rows);
            let measure = &fold.aggregates[0].measure;
            let of_meals: Sum = measure.meals.values().copied().collect();
            prop_assert!((of_meals.total() - measure.total).abs() <= measure.total * 1e-14);
        }
    }
}
