//! One `Record` of an Apple Health export and the item it gives.

use std::borrow::Cow;

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use crate::domain::vitals::registry::not_measured;
use crate::import::csv::number;
use crate::import::item::{Intake, Item, Parsed, Subject, Vital, is_dietary, label, non_empty};
use crate::import::time::{self, Time, When};

pub(in crate::import) const SLEEP: &str = "HKCategoryTypeIdentifierSleepAnalysis";
const MINDFUL: &str = "HKCategoryTypeIdentifierMindfulSession";
pub(in crate::import) const STAND_HOUR: &str = "HKCategoryTypeIdentifierAppleStandHour";

/// What a record says, or why it is left out.
pub(in crate::import) type Or<T> = Result<T, Cow<'static, str>>;

/// The domain of a record.
enum Found {
    Vital(Vital),
    Intake(Intake),
}

/// The attributes of a `Record` and what its `MetadataEntry` children say.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    kind: Option<String>,
    value: Option<String>,
    unit: Option<String>,
    source: Option<String>,
    device: Option<String>,
    start: Option<String>,
    end: Option<String>,
    user_entered: bool,
    meal: Option<String>,
    food: Option<String>,
    /// Where the person was; an export writes all its times in the zone that
    /// the phone is in when it is made.
    zone: Option<Tz>,
}

/// A device without the address that its description had in the memory of the
/// phone, as in `<<HKDevice: 0x283e0a1b0>, name:Apple Watch, …>`: it is another
/// one in each export, and would make every row a new one.
fn without_pointer(device: String) -> String {
    let rest = device.strip_prefix("<<HKDevice: 0x").and_then(|rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        rest.strip_prefix(">, ")
    });
    match rest {
        Some(rest) => rest.strip_suffix('>').unwrap_or(rest).to_owned(),
        None => device,
    }
}

impl Record {
    pub(super) fn attribute(&mut self, name: &str, value: String) {
        match name {
            "type" => self.kind = Some(value),
            "value" => self.value = Some(value),
            "unit" => self.unit = non_empty(&value),
            "sourceName" => self.source = non_empty(&value),
            "device" => self.device = non_empty(&value).map(without_pointer),
            "startDate" => self.start = Some(value),
            "endDate" => self.end = Some(value),
            _ => {}
        }
    }

    pub(super) fn metadata(&mut self, key: &str, value: &str) {
        match key {
            "HKWasUserEntered" => self.user_entered = value == "1",
            "HKFoodMeal" => self.meal = non_empty(value),
            "HKFoodType" => self.food = non_empty(value),
            "HKTimeZone" => self.zone = value.parse().ok(),
            _ => {}
        }
    }

    pub(super) fn item(self, user: i64) -> Result<Item, String> {
        let kind = self.kind.as_deref().unwrap_or_default();
        let found = if is_dietary(kind) {
            self.intake(kind)?.map(Found::Intake)
        } else {
            self.vital(kind)?.map(Found::Vital)
        };
        let found = match found {
            Ok(found) => found,
            Err(reason) => return Ok(Item::Skipped(reason)),
        };
        let start = self.time("startDate", self.start.as_deref())?;
        let Some(start) = start else {
            return Err("attribute `startDate` is missing".to_owned());
        };
        let entered = self.user_entered.then(|| "user entered".to_owned());
        let common = Parsed {
            subject: Subject::User(user),
            start,
            end: self.time("endDate", self.end.as_deref())?,
            offset_minutes: None,
            source: self.source.unwrap_or_else(|| "apple-health".to_owned()),
            source_id: None,
            device: self.device,
            // The food tells apart entries that a diary logged at once.
            note: self.food.or(entered),
            payload: (),
        };
        Ok(match found {
            Found::Vital(vital) => Item::Vital(common.with(vital)),
            Found::Intake(intake) => Item::Nutrition(common.with(intake)),
        })
    }

    fn vital(&self, kind: &str) -> Result<Or<Vital>, String> {
        let value = self.value.as_deref();
        if kind == SLEEP {
            return Ok(match sleep(value.unwrap_or_default()) {
                Some(metric) => Ok(Vital {
                    metric: metric.to_owned(),
                    value: None,
                    comparator: None,
                    unit: None,
                }),
                None => Err("unknown sleep value".into()),
            });
        }
        if kind == STAND_HOUR {
            return Ok(stand_hour(value.unwrap_or_default()));
        }
        // A session's value says nothing; its length counts.
        if kind == MINDFUL {
            return Ok(Ok(Vital {
                metric: MINDFUL.to_owned(),
                comparator: None,
                value: None,
                unit: None,
            }));
        }
        if let Some(why) = not_measured(kind) {
            return Ok(Err(format!("{kind}: {why}").into()));
        }
        if !kind.starts_with("HKQuantityTypeIdentifier") {
            let kind = if kind.is_empty() {
                "Record without type"
            } else {
                kind
            };
            return Ok(Err(label(kind).into()));
        }
        Ok(self.number()?.map(|value| Vital {
            metric: kind.to_owned(),
            value: Some(value),
            comparator: None,
            unit: self.unit.clone(),
        }))
    }

    fn intake(&self, kind: &str) -> Result<Or<Intake>, String> {
        Ok(self.number()?.map(|amount| Intake {
            nutrient: kind.to_owned(),
            amount: Some(amount),
            unit: self.unit.clone(),
            meal: self.meal.clone(),
        }))
    }

    fn number(&self) -> Result<Or<f64>, String> {
        let Some(text) = self.value.as_deref().and_then(non_empty) else {
            return Ok(Err("no value".into()));
        };
        let value = number(&text).ok_or("attribute `value` is not a plain number")?;
        Ok(Ok(value))
    }

    fn time(&self, name: &str, text: Option<&str>) -> Result<Option<When>, String> {
        let Some(text) = text else {
            return Ok(None);
        };
        match time::parse(text) {
            Ok(Time::At(When::Instant(instant))) => {
                let offset = match self.zone {
                    Some(zone) => zone.offset_from_utc_datetime(&instant.naive_utc()).fix(),
                    None => *instant.offset(),
                };
                Ok(Some(When::Instant(instant.with_timezone(&offset))))
            }
            Ok(Time::At(when)) => Ok(Some(when)),
            Ok(Time::Partial) => Err(format!("attribute `{name}` has no day")),
            Err(cause) => Err(format!("attribute `{name}` {cause}")),
        }
    }
}

/// The metric of a sleep interval; old exports number the values, and other
/// programs write them with a small first letter.
pub(in crate::import) fn sleep(value: &str) -> Option<&'static str> {
    let name = value.strip_prefix("HKCategoryValueSleepAnalysis");
    let name = name.unwrap_or(value).to_ascii_lowercase();
    Some(match name.as_str() {
        "inbed" | "0" => "sleep_in_bed",
        "asleep" | "asleepunspecified" | "1" => "sleep",
        "awake" | "2" => "sleep_awake",
        "asleepcore" | "3" => "sleep_core",
        "asleepdeep" | "4" => "sleep_deep",
        "asleeprem" | "5" => "sleep_rem",
        _ => return None,
    })
}

pub(in crate::import) fn stand_hour(value: &str) -> Or<Vital> {
    let name = value.strip_prefix("HKCategoryValueAppleStandHour");
    let name = name.unwrap_or(value).to_ascii_lowercase();
    match name.as_str() {
        "stood" | "0" => Ok(Vital {
            metric: STAND_HOUR.to_owned(),
            value: Some(1.0),
            comparator: None,
            unit: Some("count".to_owned()),
        }),
        "idle" | "1" => Err("idle stand hour".into()),
        _ => Err("unknown stand hour value".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::nutrition::registry::nutrients;
    use crate::domain::vitals::registry::{all_not_measured, lookup, metrics};

    fn record(kind: &str, value: &str) -> Record {
        Record {
            kind: Some(kind.into()),
            value: Some(value.into()),
            start: Some("2024-05-06 23:30:00 +0100".into()),
            ..Record::default()
        }
    }

    fn vital(kind: &str, value: &str) -> Vital {
        match record(kind, value).item(1) {
            Ok(Item::Vital(row)) => row.payload,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sleep_is_a_metric_per_value_without_a_value() {
        for (value, metric) in [
            ("HKCategoryValueSleepAnalysisInBed", "sleep_in_bed"),
            ("HKCategoryValueSleepAnalysisAsleep", "sleep"),
            ("HKCategoryValueSleepAnalysisAsleepREM", "sleep_rem"),
            ("2", "sleep_awake"),
        ] {
            let found = vital(SLEEP, value);
            assert_eq!((found.metric.as_str(), found.value), (metric, None));
        }
    }

    #[test]
    fn the_address_of_a_device_is_dropped() {
        let text = "<<HKDevice: 0x283e0a1b0>, name:Apple Watch, model:Watch>";
        assert_eq!(
            without_pointer(text.into()),
            "name:Apple Watch, model:Watch"
        );
        assert_eq!(without_pointer("Scale <2>".into()), "Scale <2>");
    }

    #[test]
    fn says_what_is_left_out() {
        for (kind, value, reason) in [
            ("HKQuantityTypeIdentifierDietaryWater", "", "no value"),
            (
                STAND_HOUR,
                "HKCategoryValueAppleStandHourIdle",
                "idle stand hour",
            ),
            (
                "HKCategoryTypeIdentifierHeadache",
                "1",
                "HKCategoryTypeIdentifierHeadache: a symptom has a severity and no amount",
            ),
            (
                "HKCategoryTypeIdentifierNewInIos99",
                "1",
                "HKCategoryTypeIdentifierNewInIos99",
            ),
            ("HKQuantityTypeIdentifierStepCount", "", "no value"),
            (SLEEP, "9", "unknown sleep value"),
        ] {
            let item = record(kind, value).item(1).unwrap();
            assert_eq!(item, Item::Skipped(reason.into()));
        }
        assert_eq!(vital(STAND_HOUR, "0").value, Some(1.0));
    }

    /// The record of a registered identifier, which of sleep is its value.
    fn record_of(identifier: &str) -> Record {
        match identifier {
            _ if identifier.starts_with("HKCategoryValueSleep") => record(SLEEP, identifier),
            STAND_HOUR => record(STAND_HOUR, "HKCategoryValueAppleStandHourStood"),
            MINDFUL => record(MINDFUL, "HKCategoryValueNotApplicable"),
            _ => record(identifier, "1"),
        }
    }

    #[test]
    fn the_registry_and_the_importer_agree() {
        for metric in metrics() {
            for identifier in metric.healthkit {
                let Ok(Item::Vital(row)) = record_of(identifier).item(1) else {
                    panic!("{identifier} is registered and not imported");
                };
                let found = lookup(&row.payload.metric).unwrap();
                assert_eq!(found.metric.name, metric.name, "{identifier}");
                assert!(not_measured(identifier).is_none(), "{identifier}");
            }
        }
        for identifier in nutrients().filter_map(|nutrient| nutrient.healthkit) {
            let item = record_of(identifier).item(1);
            assert!(matches!(item, Ok(Item::Nutrition(_))), "{identifier}");
        }
        for identifier in all_not_measured() {
            let Ok(Item::Skipped(reason)) = record(&identifier, "1").item(1) else {
                panic!("{identifier} is imported");
            };
            let why = not_measured(&identifier).unwrap();
            assert_eq!(reason, format!("{identifier}: {why}"));
        }
        // Whatever else the importer makes of a sample is registered.
        for value in ["0", "1", "2", "3", "4", "5"] {
            assert!(lookup(&vital(SLEEP, value).metric).is_some(), "{value}");
        }
        assert_eq!(vital(MINDFUL, "0").value, None);
    }

    #[test]
    fn dietary_records_are_nutrition() {
        let mut lunch = record("HKQuantityTypeIdentifierDietaryEnergyConsumed", "140");
        lunch.attribute("unit", "kcal".into());
        lunch.metadata("HKFoodMeal", "Lunch");
        lunch.metadata("HKFoodType", "Two eggs");
        lunch.metadata("HKWasUserEntered", "1");
        let Ok(Item::Nutrition(row)) = lunch.item(1) else {
            panic!("a row");
        };
        assert_eq!(row.note.as_deref(), Some("Two eggs"));
        assert_eq!(
            row.payload,
            Intake {
                nutrient: "HKQuantityTypeIdentifierDietaryEnergyConsumed".into(),
                amount: Some(140.0),
                unit: Some("kcal".into()),
                meal: Some("Lunch".into()),
            }
        );
    }

    #[test]
    fn the_zone_of_the_sample_comes_before_that_of_the_export() {
        let mut moved = record("HKQuantityTypeIdentifierHeartRate", "60");
        moved.metadata("HKTimeZone", "America/New_York");
        moved.metadata("HKWasUserEntered", "1");
        let Ok(Item::Vital(row)) = moved.item(1) else {
            panic!("a row");
        };
        let When::Instant(start) = row.start else {
            panic!("an instant");
        };
        assert_eq!(start.to_rfc3339(), "2024-05-06T18:30:00-04:00");
        assert_eq!(row.note.as_deref(), Some("user entered"));
    }

    #[test]
    fn names_the_attribute_that_is_wrong() {
        let error = |record: Record| record.item(1).unwrap_err();
        let steps = "HKQuantityTypeIdentifierStepCount";
        assert_eq!(
            error(record(steps, "many")),
            "attribute `value` is not a plain number"
        );
        let mut late = record(steps, "1");
        late.start = Some("2024-05-06 23:30:00 +1500".into());
        assert_eq!(
            error(late),
            "attribute `startDate` has an offset beyond ±14:00"
        );
        let mut never = record(steps, "1");
        never.start = None;
        assert_eq!(error(never), "attribute `startDate` is missing");
    }
}
