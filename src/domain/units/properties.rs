//! No change of case or white space changes a value by a factor, whatever the
//! measurement: rows are folded as the worker folds them.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Conversion, normalize};
use crate::domain::labs::{LabResult, Labs, registered_units};
use crate::domain::nutrition::{Nutrition, NutritionEntry, registry::nutrients};
use crate::domain::vitals::{VitalSample, Vitals, registry::metrics};
use crate::domain::{DayFold, Fold, FoldRules, Period, RawRow};

/// What is reported beside the units of the registries.
const REPORTED: &str = "mg/dL|g/L|g/dL|mmol/L|umol/L|nmol/L|pmol/L|uU/mL|mU/L|uIU/mL|mIU/L|IU/mL|K/uL|M/uL|10*9/L|\
    x10^3/uL|GI/L|TI/L|G/L|T/L|Tsd/µl|Mio/µl|MIL/uL|/uL|/cumm|ng/mL|pg/mL|ug/L|mcg/dL|ng/dL|mg%|gm%|mg/100ml|U/L|\
    IU/L|kU/L|ukat/L|mg|ug|mcg|g|gm|kcal|kJ|MJ|Cal|cal|calories|lb|LBS|oz|in|ft|mi|km|cm|mm|m|m/s|mL|L|fL|fmol|pg|\
    %|1|L/L|s|sec|min|h|ms|mmHg|kPa|C|F|bpm|beats/min|mm/h|mEq/L|mosm/kg|mL/min|L/min|mg/g|mg/mmol|MU/L|mU/mL";

/// The spellings of `unit` in other case and with other blanks.
fn variants(unit: &str) -> BTreeSet<String> {
    let chars: Vec<char> = unit.chars().collect();
    let letters: Vec<usize> = (0..chars.len())
        .filter(|i| chars[*i].is_alphabetic())
        .collect();
    let flipped = |which: &dyn Fn(usize) -> bool| -> String {
        let mut text = chars.clone();
        for (nth, at) in letters.iter().enumerate() {
            if which(nth) {
                let c = text[*at];
                let other = if c.is_uppercase() {
                    c.to_lowercase().next()
                } else {
                    c.to_uppercase().next()
                };
                text[*at] = other.unwrap_or(c);
            }
        }
        text.into_iter().collect()
    };
    let mut all = BTreeSet::from([unit.to_lowercase(), unit.to_uppercase()]);
    if letters.len() <= 5 {
        all.extend((0u32..1 << letters.len()).map(|bits| flipped(&|nth| bits >> nth & 1 == 1)));
    } else {
        for a in 0..letters.len() {
            all.extend((a..letters.len()).map(|b| flipped(&|nth| nth == a || nth == b)));
        }
    }
    for text in [unit.to_owned(), unit.to_uppercase(), unit.to_lowercase()] {
        for (at, _) in text.char_indices() {
            for blank in [" ", "\u{2009}"] {
                all.insert(format!("{}{blank}{}", &text[..at], &text[at..]));
            }
        }
        all.insert(format!(" {text} "));
        all.insert(text.replace(' ', ""));
    }
    all
}

fn row<P>(payload: P) -> RawRow<P> {
    RawRow {
        id: 1,
        utc_offset_minutes: 0,
        source: "device".to_owned(),
        device: None,
        note: None,
        payload,
    }
}

/// The unit and the value that a day's only row is folded to; none where it is
/// rejected.
fn folded<M>(fold: &DayFold<M>, value: impl Fn(&M) -> f64) -> Option<(String, f64)> {
    let is_day = |key: &crate::domain::AggregateKey| key.period == Period::Day;
    let day = fold.aggregates.iter().find(|row| is_day(&row.key))?;
    fold.rejected
        .is_empty()
        .then(|| (day.key.unit.clone(), value(&day.measure)))
}

/// Whether no variant of any unit folds to another amount than the unit.
fn check(canonical: &str, reported: f64, fold: impl Fn(&str) -> Option<(String, f64)>) {
    for unit in REPORTED.split('|').chain([canonical]) {
        let unit = unit.trim();
        // What is unknown already has no size to keep.
        let Some((of_unit, value)) = fold(unit).filter(|(of_unit, _)| normalize(of_unit).is_some())
        else {
            continue;
        };
        for variant in variants(unit) {
            let Some((of_variant, other)) = fold(&variant) else {
                continue;
            };
            // Millimolar is no length: what it measures differs, not its size.
            if ["mM", "uM", "nM"].contains(&variant.trim()) {
                continue;
            }
            if of_unit == of_variant {
                assert_eq!(value, other, "{variant:?} as {unit:?} in {canonical}");
                continue;
            }
            // A series apart: as reported, and of no size of the other.
            assert_eq!(other, reported, "{variant:?} as {unit:?} in {canonical}");
            if let (Some(a), Some(b)) = (normalize(&of_unit), normalize(&of_variant)) {
                let way = Conversion::new(&a, &b, None);
                assert!(way.is_err(), "{variant:?} as {unit:?}: {a} and {b}");
            }
        }
    }
}

const DATE: NaiveDate = NaiveDate::from_ymd_opt(2024, 5, 6).unwrap();

#[test]
fn vitals_keep_their_size() {
    let at = DATE.and_hms_opt(12, 0, 0).unwrap().and_utc();
    let mut seen = BTreeSet::new();
    for metric in metrics() {
        if !seen.insert((metric.unit, metric.molar_mass.is_some())) {
            continue;
        }
        let (low, high) = metric.plausible;
        // Of which as many sizes as possible are plausible.
        for value in [(low + high) / 2.0, low.max(0.5), 36.6] {
            check(metric.unit, value, |unit| {
                let rows = [row(VitalSample {
                    metric: metric.name.to_owned(),
                    value: Some(value),
                    unit: Some(unit.to_owned()),
                    comparator: None,
                    started_at: at,
                    ended_at: at,
                })];
                let fold = Vitals::fold_day(DATE, &rows, &FoldRules::default());
                folded(&fold, |measure| measure.value_sum)
            });
        }
    }
}

#[test]
fn labs_keep_their_size() {
    let mut seen = BTreeSet::new();
    let unregistered = [("99999-9", "")];
    for (code, canonical) in registered_units().chain(unregistered) {
        // One of each unit, whatever molar mass it has.
        if !seen.insert(canonical) {
            continue;
        }
        check(canonical, 7.0, |unit| {
            let rows = [row(LabResult {
                code: Some(code.to_owned()),
                name: String::new(),
                category: None,
                value: Some("7".to_owned()),
                unit: Some(unit.to_owned()),
                reference_range: None,
                interpretation: None,
                collected_at: DATE.and_hms_opt(12, 0, 0).unwrap().and_utc(),
            })];
            let fold = Labs::fold_day(DATE, &rows, &FoldRules::default());
            folded(&fold, |measure| measure.value_sum.unwrap())
        });
    }
}

#[test]
fn nutrition_keeps_its_size() {
    let mut seen = BTreeSet::new();
    for nutrient in nutrients() {
        if !seen.insert((nutrient.unit, nutrient.molar_mass.is_some())) {
            continue;
        }
        check(nutrient.unit, 1.0, |unit| {
            let rows = [row(NutritionEntry {
                nutrient: nutrient.name.to_owned(),
                amount: Some(1.0),
                unit: Some(unit.to_owned()),
                meal: None,
                eaten_at: DATE.and_hms_opt(12, 0, 0).unwrap().and_utc(),
            })];
            let fold = Nutrition::fold_day(DATE, &rows, &FoldRules::default());
            folded(&fold, |measure| measure.total)
        });
    }
}
