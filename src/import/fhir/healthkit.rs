//! `HealthKit` types whose value is a category, read like the same types of an
//! Apple export.

use std::borrow::Cow;

use super::coding::Concept;
use super::node::Node;
use super::subject::Or;
use crate::domain::vitals::registry::{self, Kind};
use crate::import::apple_health::{SLEEP, STAND_HOUR, sleep, stand_hour};
use crate::import::item::{Vital, label};

/// Reads a sample of a category type; none where `kind` is a quantity.
pub(super) fn category(kind: &str, node: Node<'_>) -> Result<Option<Or<Vital>>, String> {
    if kind == SLEEP {
        let values = values(node)?;
        let metric = values.iter().find_map(|value| sleep(value));
        let metric = metric.ok_or(Cow::Borrowed("unknown sleep value"));
        return Ok(Some(metric.map(duration)));
    }
    if kind == STAND_HOUR {
        let values = values(node)?;
        let read = values.iter().map(|value| stand_hour(value));
        let unknown = || Err("unknown stand hour value".into());
        return Ok(Some(read.reduce(Result::or).unwrap_or_else(unknown)));
    }
    let is_duration =
        registry::lookup(kind).is_some_and(|found| found.metric.kind == Kind::Duration);
    if kind.starts_with("HKCategoryTypeIdentifier") {
        return Ok(Some(if is_duration {
            Ok(duration(kind))
        } else {
            Err(label(kind).into())
        }));
    }
    Ok(None)
}

/// What `HealthKit` counts, as its exports to FHIR name the unit: UCUM writes
/// such words in braces, and they carry no factor.
const COUNTED: &[&str] = &[
    "beverages",
    "effort",
    "falls",
    "flights",
    "inhalations",
    "puffs",
    "pushes",
    "steps",
    "strokes",
    "wheelchair pushes",
];

/// The unit of a quantity type.
pub(super) fn unit(unit: Option<String>) -> Option<String> {
    unit.map(|unit| match COUNTED.contains(&unit.as_str()) {
        true => format!("{{{}}}", unit.replace(' ', "_")),
        false => unit,
    })
}

/// A sample that is as long as its period.
fn duration(metric: &str) -> Vital {
    Vital {
        metric: metric.to_owned(),
        value: None,
        comparator: None,
        unit: None,
    }
}

/// The codes, displays and texts of a value, in the form of an Apple export.
fn values(node: Node<'_>) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    let concept = Concept::of(node, "valueCodeableConcept")?;
    values.extend(concept.words().map(str::to_owned));
    values.extend(node.text("valueString")?);
    values.extend(node.text("valueCode")?);
    values.extend(node.number("valueInteger")?.map(|n| n.as_str().to_owned()));
    if let Some(quantity) = node.object("valueQuantity")? {
        values.extend(quantity.number("value")?.map(|n| n.as_str().to_owned()));
    }
    for value in &mut values {
        value.retain(|c| !matches!(c, ' ' | '_' | '-'));
    }
    Ok(values)
}
