//! Load for tests and benchmarks: regular rows, the same for the same seed.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::domain::labs::{LabResult, Labs};
use crate::domain::nutrition::{Nutrition, NutritionEntry};
use crate::domain::vitals::{VitalSample, Vitals};
use crate::domain::{Fold, NewRow, UserId};

/// Rows of each of `users` on each of `days`.
#[derive(Debug, Clone)]
pub struct Load {
    pub first_user: UserId,
    pub users: u64,
    /// First local date.
    pub from: NaiveDate,
    pub days: u64,
    /// The first of a day's rows to make: other rows have other times.
    pub first_row: u64,
    /// Rows of one user on one day.
    pub rows: u64,
    /// Series that the rows are spread over.
    pub series: usize,
    pub seed: u64,
}

/// Where one row stands in a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub user_id: UserId,
    pub day: u64,
    pub row: u64,
}

/// Minutes east of UTC, where all of them live.
const OFFSET_MINUTES: i32 = 60;

/// Canonical name, lowest value, spread, unit, minutes.
const METRICS: &[(&str, f64, f64, &str, i64)] = &[
    ("heart_rate", 55.0, 70.0, "/min", 0),
    ("steps", 10.0, 500.0, "{steps}", 5),
    ("respiratory_rate", 12.0, 10.0, "/min", 0),
    ("oxygen_saturation", 92.0, 8.0, "%", 0),
    ("body_temperature", 36.0, 1.5, "Cel", 0),
    ("active_energy", 1.0, 30.0, "kcal", 5),
    ("systolic_blood_pressure", 105.0, 35.0, "mm[Hg]", 0),
    ("diastolic_blood_pressure", 65.0, 25.0, "mm[Hg]", 0),
];

/// LOINC code, name, lowest value, spread, unit, reference range.
const ANALYTES: &[(&str, &str, f64, f64, &str, &str)] = &[
    ("2339-0", "Glucose", 70.0, 60.0, "mg/dL", "70-99"),
    ("2093-3", "Cholesterol", 140.0, 100.0, "mg/dL", "<200"),
    ("2160-0", "Creatinine", 0.5, 0.9, "mg/dL", "0.6-1.3"),
    ("2951-2", "Sodium", 134.0, 12.0, "mmol/L", "136-145"),
    ("2823-3", "Potassium", 3.3, 2.0, "mmol/L", "3.5-5.1"),
    ("718-7", "Hemoglobin", 11.0, 6.0, "g/dL", "13.5-17.5"),
    ("4548-4", "Hemoglobin A1c", 4.8, 1.8, "%", "<5.7"),
    ("6690-2", "Leukocytes", 3.5, 8.0, "10*3/uL", "4.5-11"),
];

/// Nutrient, lowest value, spread, unit.
const NUTRIENTS: &[(&str, f64, f64, &str)] = &[
    ("energy", 80.0, 700.0, "kcal"),
    ("protein", 1.0, 40.0, "g"),
    ("carbohydrates", 2.0, 90.0, "g"),
    ("fat", 1.0, 35.0, "g"),
    ("fiber", 0.0, 12.0, "g"),
    ("sodium", 20.0, 900.0, "mg"),
];

impl Load {
    pub fn total(&self) -> u64 {
        self.users * self.days * self.rows
    }

    /// User by user, day by day.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let (first_user, days, first_row, rows) =
            (self.first_user, self.days, self.first_row, self.rows);
        (0..self.total()).map(move |number| Place {
            user_id: first_user.saturating_add_unsigned(number / (days * rows)),
            day: number / rows % days,
            row: first_row + number % rows,
        })
    }

    /// Each user and day in turn, as devices send them all day long.
    pub fn places_in_turn(&self) -> impl Iterator<Item = Place> + use<> {
        let (first_user, users, days) = (self.first_user, self.users, self.days);
        let first_row = self.first_row;
        (0..self.total()).map(move |number| Place {
            user_id: first_user.saturating_add_unsigned(number % users),
            day: number / users % days,
            row: first_row + number / (users * days),
        })
    }

    /// When a row begins: somewhere between 06:00 and 22:00.
    fn begins(&self, place: Place) -> DateTime<Utc> {
        let date = self.from + Days::new(place.day);
        let midnight = date.and_time(NaiveTime::MIN).and_utc();
        // A step that visits every second of 16 hours in some order; further
        // rows begin within those seconds.
        const SECONDS: u64 = 16 * 3600;
        let second = place.row * 7919 % SECONDS;
        midnight - TimeDelta::minutes(OFFSET_MINUTES.into())
            + TimeDelta::seconds(6 * 3600 + i64::try_from(second).unwrap_or(0))
            + TimeDelta::microseconds(i64::try_from(place.row / SECONDS).unwrap_or(0))
    }

    /// A number from 0 to 1 with three decimals that depends on the place and
    /// the seed alone.
    fn chance(&self, place: Place) -> f64 {
        let mut rng = StdRng::seed_from_u64(
            self.seed
                ^ place
                    .user_id
                    .unsigned_abs()
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ (place.day << 40)
                ^ place.row,
        );
        f64::from(rng.random_range(0..=1000_u32)) / 1000.0
    }

    fn series<'a, T>(&self, place: Place, all: &'a [T]) -> &'a T {
        let series = self.series.clamp(1, all.len());
        &all[usize::try_from(place.row).unwrap_or(0) % series]
    }
}

/// A domain that rows can be made for.
pub trait Synthetic: Fold {
    fn row(load: &Load, place: Place) -> NewRow<Self::Payload>;
}

fn row<P>(load: &Load, place: Place, source: &str, payload: P) -> NewRow<P> {
    NewRow {
        user_id: place.user_id,
        utc_offset_minutes: OFFSET_MINUTES,
        source: source.to_owned(),
        // With the time, which tells the day: generated again, it is the same row.
        source_id: Some(format!("{}-{}", load.seed, place.row)),
        device: None,
        note: None,
        payload,
    }
}

fn between(lowest: f64, spread: f64, chance: f64) -> f64 {
    ((lowest + spread * chance) * 10.0).round() / 10.0
}

impl Synthetic for Vitals {
    fn row(load: &Load, place: Place) -> NewRow<VitalSample> {
        let &(metric, lowest, spread, unit, minutes) = load.series(place, METRICS);
        let started_at = load.begins(place);
        row(
            load,
            place,
            "watch",
            VitalSample {
                metric: metric.to_owned(),
                value: Some(between(lowest, spread, load.chance(place))),
                comparator: None,
                unit: Some(unit.to_owned()),
                started_at,
                ended_at: started_at + TimeDelta::minutes(minutes),
            },
        )
    }
}

impl Synthetic for Labs {
    fn row(load: &Load, place: Place) -> NewRow<LabResult> {
        let &(code, name, lowest, spread, unit, range) = load.series(place, ANALYTES);
        row(
            load,
            place,
            "laboratory",
            LabResult {
                code: Some(code.to_owned()),
                name: name.to_owned(),
                category: None,
                value: Some(between(lowest, spread, load.chance(place)).to_string()),
                unit: Some(unit.to_owned()),
                reference_range: Some(range.to_owned()),
                interpretation: None,
                collected_at: load.begins(place),
            },
        )
    }
}

impl Synthetic for Nutrition {
    fn row(load: &Load, place: Place) -> NewRow<NutritionEntry> {
        let &(nutrient, lowest, spread, unit) = load.series(place, NUTRIENTS);
        row(
            load,
            place,
            "diary",
            NutritionEntry {
                nutrient: nutrient.to_owned(),
                amount: Some(between(lowest, spread, load.chance(place))),
                unit: Some(unit.to_owned()),
                meal: None,
                eaten_at: load.begins(place),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::Columns;

    fn load() -> Load {
        Load {
            first_user: 7,
            users: 3,
            from: NaiveDate::from_ymd_opt(2026, 1, 5).unwrap(),
            days: 4,
            first_row: 0,
            rows: 100,
            series: 6,
            seed: 1,
        }
    }

    #[test]
    fn both_orders_visit_the_same_places_once() {
        let key = |place: Place| (place.user_id, place.day, place.row);
        let (one, other): (HashSet<_>, HashSet<_>) = (
            load().places().map(key).collect(),
            load().places_in_turn().map(key).collect(),
        );
        assert_eq!(one.len(), 1200);
        assert_eq!(one, other);
    }

    #[test]
    fn every_domains_rows_are_accepted_and_on_their_day() {
        fn check<F: Synthetic>() {
            let load = load();
            let rows: Vec<_> = load
                .places()
                .take(100)
                .enumerate()
                .map(|(id, place)| {
                    let new = F::row(&load, place);
                    let again = F::row(&load, place).payload.into_values();
                    assert!(new.payload.clone().into_values().eq(again));
                    crate::domain::RawRow {
                        id: i64::try_from(id).unwrap(),
                        utc_offset_minutes: new.utc_offset_minutes,
                        source: new.source,
                        device: new.device,
                        note: new.note,
                        payload: new.payload,
                    }
                })
                .collect();
            let day = F::fold_day(load.from, &rows, &crate::domain::FoldRules::default());
            assert!(day.rejected.is_empty(), "{:?}", day.rejected);
            assert!(!day.aggregates.is_empty());
            assert!(day.aggregates.iter().all(|a| a.key.local_date == load.from));
        }
        check::<Vitals>();
        check::<Labs>();
        check::<Nutrition>();
    }

    #[test]
    fn no_two_rows_of_a_day_begin_together() {
        let load = Load {
            users: 1,
            days: 1,
            rows: 60_000,
            ..load()
        };
        let begins: HashSet<_> = load.places().map(|place| load.begins(place)).collect();
        assert_eq!(begins.len(), 60_000);
    }
}
