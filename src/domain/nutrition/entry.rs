//! Raw rows made comparable: each becomes an entry of a series in the series'
//! unit, or is rejected.

use std::borrow::Cow;
use std::collections::HashMap;

use super::registry::{self, Named, Nutrient};
use super::{NO_MEAL, NutritionEntry};
use crate::domain::memo::Memo;
use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::text::{clean, quoted, truncate};
use crate::domain::units::{self, Conversion};
use crate::domain::{RawRow, loinc};

/// How much of a meal's name tells it from others.
const MAX_MEAL_CHARS: usize = 64;

/// One unit of everything that an amount of food is given in: mass, volume,
/// energy, substance, charge, effect, and numbers of servings or percents.
const AMOUNTS: [&str; 7] = ["g", "L", "kcal", "mol", "eq", "[IU]", "1"];

/// What aggregates are kept apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Series {
    pub(super) nutrient: Cow<'static, str>,
    pub(super) unit: Cow<'static, str>,
}

/// Index into [`Readings::series`].
pub(super) type SeriesId = usize;

/// Index into [`Readings::meals`].
pub(super) type MealId = usize;

/// How rows with one pair of nutrient and unit are to be read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) series: SeriesId,
    /// What limits the amount; none in a unit that the registry knows no limit
    /// in, and for a LOINC code outside it.
    limit: Option<&'static Nutrient>,
    /// The reason why the unit will not do, otherwise.
    conversion: Result<Conversion, String>,
}

/// The readings of a group. Rows repeat few pairs, so that names are looked
/// up and units parsed once each.
#[derive(Default)]
pub(super) struct Readings<'r> {
    by_nutrient_and_unit: Memo<(&'r str, Option<&'r str>), Result<Reading, String>>,
    series_ids: HashMap<Series, SeriesId>,
    pub(super) series: Vec<Series>,
    by_meal: Memo<Option<&'r str>, MealId>,
    meal_ids: HashMap<Cow<'r, str>, MealId>,
    pub(super) meals: Vec<Cow<'r, str>>,
}

impl<'r> Readings<'r> {
    /// The reading of a row, or the reason why no nutrient is meant.
    pub(super) fn of(&mut self, entry: &'r NutritionEntry) -> Result<&Reading, String> {
        let (name, unit) = (entry.nutrient.as_str(), entry.unit.as_deref());
        let (series_ids, all_series) = (&mut self.series_ids, &mut self.series);
        self.by_nutrient_and_unit
            .get_or_insert_with((name, unit), || {
                let (series, limit, conversion) = resolve(name.trim(), unit)?;
                let next = all_series.len();
                let series = *series_ids.entry(series).or_insert_with_key(|series| {
                    all_series.push(series.clone());
                    next
                });
                Ok(Reading {
                    series,
                    limit,
                    conversion,
                })
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The meal that a row belongs to.
    pub(super) fn meal(&mut self, reported: Option<&'r str>) -> MealId {
        let (ids, meals) = (&mut self.meal_ids, &mut self.meals);
        *self.by_meal.get_or_insert_with(reported, || {
            let next = meals.len();
            *ids.entry(meal(reported)).or_insert_with_key(|name| {
                meals.push(name.clone());
                next
            })
        })
    }
}

type Resolved = (
    Series,
    Option<&'static Nutrient>,
    Result<Conversion, String>,
);

fn resolve(name: &str, unit: Option<&str>) -> Result<Resolved, String> {
    if let Some(named) = registry::named(name) {
        return Ok(of_registered(named, unit));
    }
    if !loinc::is_well_formed(name) {
        let name = quoted(name);
        return Err(format!(
            "nutrient_unknown: {name} is no nutrient and no LOINC code"
        ));
    }
    let series = Series {
        nutrient: Cow::Owned(name.to_owned()),
        unit: units::code_or_text(unit),
    };
    Ok((series, None, Ok(Conversion::Identity)))
}

fn of_registered(named: Named<'_>, unit: Option<&str>) -> Resolved {
    let nutrient = named.nutrient;
    let in_unit = |unit| Series {
        nutrient: Cow::Borrowed(nutrient.name),
        unit,
    };
    let canonical = |conversion| {
        let series = in_unit(Cow::Borrowed(nutrient.unit));
        (series, Some(nutrient), conversion)
    };
    let own = unit.map(str::trim).filter(|unit| !unit.is_empty());
    let Some(unit) = own.or(named.unit) else {
        return canonical(Err(format!("unit_missing: {} needs a unit", nutrient.name)));
    };
    let code_of = |unit: &str| units::normalize_for(unit, |code| nutrient.conversion(code));
    let Some(code) = code_of(unit) else {
        let unit = quoted(unit);
        return canonical(Err(format!("unit_unknown: {unit} is no unit")));
    };
    if let Some(in_name) = named
        .unit
        .filter(|in_name| code_of(in_name).as_ref() != Some(&code))
    {
        return canonical(Err(format!(
            "unit_ambiguous: the nutrient's name says {}, the unit {}",
            quoted(in_name),
            quoted(unit)
        )));
    }
    if let Some(conversion) = nutrient.conversion(&code) {
        return canonical(Ok(conversion));
    }
    // Vitamins in international units, say: a series of its own, because a
    // factor would depend on what the row does not tell.
    let is_amount = |amount: &&str| Conversion::new(&code, amount, None).is_ok();
    if AMOUNTS.iter().any(is_amount) {
        return (in_unit(code), None, Ok(Conversion::Identity));
    }
    canonical(Err(format!(
        "unit_inconvertible: {} is measured in {}, not {}",
        nutrient.name,
        nutrient.unit,
        quoted(unit)
    )))
}

/// The row's amount in the unit of its series, or the rule that it breaks.
pub(super) fn amount(row: &RawRow<NutritionEntry>, reading: &Reading) -> Result<f64, String> {
    if !(-MAX_OFFSET_MINUTES..=MAX_OFFSET_MINUTES).contains(&row.utc_offset_minutes) {
        return Err("offset_invalid: local time is within 14 hours of UTC".to_owned());
    }
    let Some(amount) = row.payload.amount else {
        return Err("value_missing: the row has no amount".to_owned());
    };
    if !amount.is_finite() {
        return Err("value_not_finite: the amount is no finite number".to_owned());
    }
    let conversion = reading.conversion.as_ref().map_err(Clone::clone)?;
    let amount = conversion.apply(amount).unwrap_or(f64::INFINITY);
    match reading.limit {
        Some(nutrient) if !nutrient.is_plausible(amount) => {
            let Nutrient {
                name, unit, max, ..
            } = nutrient;
            Err(format!(
                "value_implausible: {name} lies between 0 and {max} {unit}"
            ))
        }
        None if !(0.0..=MAX_SUMMAND).contains(&amount) => {
            Err("value_implausible: the amount is negative or too large to be summed".to_owned())
        }
        // Plus zero makes zero of minus zero, which `jsonb` does not know.
        _ => Ok(amount + 0.0),
    }
}

/// The meal's name as a key: `Breakfast ` and `breakfast` are one meal.
fn meal(reported: Option<&str>) -> Cow<'_, str> {
    let name = clean(reported.unwrap_or_default());
    if name.is_empty() {
        return Cow::Borrowed(NO_MEAL);
    }
    let is_short = name.chars().nth(MAX_MEAL_CHARS).is_none();
    if is_short && !name.chars().any(char::is_uppercase) {
        return name;
    }
    Cow::Owned(truncate(&name.to_lowercase(), MAX_MEAL_CHARS).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        nutrient: &str,
        amount: Option<f64>,
        unit: Option<&str>,
    ) -> (Option<Series>, Result<f64, String>) {
        let row = RawRow {
            id: 1,
            utc_offset_minutes: 0,
            source: "app".to_owned(),
            device: None,
            note: None,
            payload: NutritionEntry {
                nutrient: nutrient.to_owned(),
                amount,
                unit: unit.map(str::to_owned),
                meal: None,
                eaten_at: chrono::DateTime::UNIX_EPOCH,
            },
        };
        let mut readings = Readings::default();
        let (series, amount) = match readings.of(&row.payload) {
            Ok(reading) => (Some(reading.series), super::amount(&row, reading)),
            Err(reason) => (None, Err(reason)),
        };
        (series.map(|id| readings.series[id].clone()), amount)
    }

    #[test]
    fn rows_become_amounts_in_the_unit_of_their_series() {
        for (nutrient, amount, unit, series, series_unit, canonical) in [
            ("energy", 836.8, "kJ", "energy", "kcal", 200.0),
            ("Calories", 200.0, "Cal", "energy", "kcal", 200.0),
            (
                "9052-2",
                1.5,
                "MJ",
                "energy",
                "kcal",
                358.508_604_206_500_96,
            ),
            ("carbs", 2.0, "oz", "carbohydrates", "g", 56.699_046_25),
            ("sodium", 1.2, "g", "sodium", "mg", 1200.0),
            ("sodium", 10.0, "mmol", "sodium", "mg", 229.9),
            ("vitamin_d", 0.01, "mg", "vitamin_d", "ug", 10.0),
            (
                "HKQuantityTypeIdentifierDietaryWater",
                0.25,
                "L",
                "water",
                "mL",
                250.0,
            ),
            (
                "HKQuantityTypeIdentifierDietarySelenium",
                55.0,
                "mcg",
                "selenium",
                "ug",
                55.0,
            ),
            ("protein", -0.0, "g", "protein", "g", 0.0),
            ("vitamin_d", 400.0, "IU", "vitamin_d", "ug", 10.0),
            ("Vitamin D (IU)", 400.0, "", "vitamin_d", "ug", 10.0),
            ("vitamin_a", 900.0, "mcg RAE", "vitamin_a", "ug", 900.0),
            ("Iron (mg)", 18.0, "mg", "iron", "mg", 18.0),
            ("Energy", 500.0, "calories", "energy", "kcal", 500.0),
            (
                "Energy",
                500.0,
                "KJ",
                "energy",
                "kcal",
                119.502_868_068_833_65,
            ),
            // Not convertible: a series of its own, never mixed.
            ("vitamin_e", 400.0, "IU", "vitamin_e", "[IU]", 400.0),
            ("Water (g)", 400.0, "g", "water", "g", 400.0),
            ("folate", 400.0, "mcg DFE", "folate", "ug{DFE}", 400.0),
            ("Vitamin A", 3000.0, "iu", "vitamin_a", "[IU]", 3000.0),
            ("iron", 45.0, "%", "iron", "%", 45.0),
            ("alcohol", 2.0, "{drink}", "alcohol", "{drink}", 2.0),
            ("fat", 90.0, "kcal", "fat_total", "kcal", 90.0),
            // Outside the registry.
            ("72514-3", 3.0, "{score}", "72514-3", "{score}", 3.0),
        ] {
            let (found, read) = read(nutrient, Some(amount), Some(unit));
            let found = found.unwrap();
            assert_eq!((&*found.nutrient, &*found.unit), (series, series_unit));
            let read = read.unwrap();
            assert_eq!(
                read.to_bits(),
                f64::to_bits(canonical),
                "{nutrient}: {read}"
            );
        }
    }

    #[test]
    fn a_row_that_breaks_a_rule_is_refused_and_the_reason_hides_the_value() {
        for (nutrient, amount, unit, rule, has_series) in [
            ("broccoli", Some(61.5), Some("g"), "nutrient_unknown", false),
            ("salt", Some(61.5), Some("g"), "nutrient_unknown", false),
            ("", Some(61.5), Some("g"), "nutrient_unknown", false),
            ("8867-5", Some(61.5), Some("g"), "nutrient_unknown", false),
            ("protein", Some(61.5), None, "unit_missing", true),
            ("protein", Some(61.5), Some(" "), "unit_missing", true),
            ("protein", Some(61.5), Some("handful"), "unit_unknown", true),
            (
                "protein",
                Some(61.5),
                Some("mm[Hg]"),
                "unit_inconvertible",
                true,
            ),
            (
                "protein",
                Some(61.5),
                Some("g/d"),
                "unit_inconvertible",
                true,
            ),
            ("protein", None, Some("g"), "value_missing", true),
            (
                "protein",
                Some(f64::NAN),
                Some("g"),
                "value_not_finite",
                true,
            ),
            (
                "iron",
                Some(f64::INFINITY),
                Some("%"),
                "value_not_finite",
                true,
            ),
            ("protein", Some(-61.5), Some("g"), "value_implausible", true),
            ("protein", Some(61.5), Some("kg"), "value_implausible", true),
            (
                "protein",
                Some(1e308),
                Some("kg"),
                "value_implausible",
                true,
            ),
            ("Iron (mg)", Some(61.5), Some("ug"), "unit_ambiguous", true),
            (
                "vitamin_a",
                Some(-61.5),
                Some("IU"),
                "value_implausible",
                true,
            ),
            ("72514-3", Some(1e300), None, "value_implausible", true),
        ] {
            let (series, read) = read(nutrient, amount, unit);
            let reason = read.expect_err(nutrient);
            let (found, text) = reason.split_once(": ").unwrap();
            assert_eq!(found, rule, "{nutrient} {unit:?}");
            assert!(!text.is_empty() && !reason.contains("61.5"), "{reason}");
            assert_eq!(series.is_some(), has_series);
        }
    }

    #[test]
    fn meals_are_one_however_they_are_written() {
        for (reported, name) in [
            (None, "unspecified"),
            (Some(" \u{200b} "), "unspecified"),
            (Some("Breakfast "), "breakfast"),
            (Some("SECOND  breakfast"), "second breakfast"),
            (Some("Früh\u{ad}stück"), "frühstück"),
            (Some("间食"), "间食"),
        ] {
            assert_eq!(meal(reported), name);
        }
        let endless = "É".repeat(900);
        assert_eq!(meal(Some(&endless)), "é".repeat(MAX_MEAL_CHARS));
    }
}
