//! What an observation, or a component of one, found.

use super::coding::Concept;
use super::node::Node;
use super::subject::Or;
use crate::domain::number::Comparator;
use crate::domain::units;
use crate::import::bound::{self, Measured};
use crate::import::csv::number as plain_number;
use crate::import::item::label;

/// The `value[x]` field of a node: its name, if it has one.
fn value_field<'a>(node: Node<'a>) -> Result<Option<&'a str>, String> {
    let mut fields = node.keys().filter(|key| {
        let rest = key.strip_prefix("value");
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    });
    match (fields.next(), fields.next()) {
        (field, None) => Ok(field),
        (_, Some(_)) => Err("more than one `value[x]`".to_owned()),
    }
}

/// Whether there is a value at all.
pub(super) fn is_present(node: Node<'_>) -> Result<bool, String> {
    Ok(value_field(node)?.is_some())
}

fn absent(node: Node<'_>) -> Result<&'static str, String> {
    let reason = node.object("dataAbsentReason")?;
    Ok(reason.map_or("no value", |_| "data absent"))
}

/// A plain number or a bound.
fn of_text(metric: &str, text: &str) -> Option<Measured> {
    let number = plain_number(text).map(|number| Measured {
        value: Some(number),
        comparator: None,
        unit: None,
    });
    number.or_else(|| bound::of_text(metric, text))
}

/// What was measured of `metric`: a number or a bound.
pub(super) fn vital(node: Node<'_>, metric: &str) -> Result<Or<Measured>, String> {
    let Some(field) = value_field(node)? else {
        return Ok(Err(absent(node)?.into()));
    };
    let number = match field {
        "valueQuantity" => {
            let Some(quantity) = node.object("valueQuantity")? else {
                return Ok(Err(absent(node)?.into()));
            };
            return bounded(quantity, absent(node)?);
        }
        "valueInteger" => node.number("valueInteger")?,
        "valueDecimal" => node.number("valueDecimal")?,
        other => {
            let text = match other {
                "valueString" => node.text("valueString")?,
                "valueCodeableConcept" => {
                    let concept = Concept::of(node, "valueCodeableConcept")?;
                    concept.name().map(str::to_owned)
                }
                _ => None,
            };
            let found = text.and_then(|text| of_text(metric, &text));
            return Ok(found.ok_or_else(|| format!("{} is not a number", label(other)).into()));
        }
    };
    match number {
        Some(number) => Ok(Ok(Measured {
            value: Some(double(number, field)?),
            comparator: None,
            unit: None,
        })),
        None => Ok(Err(absent(node)?.into())),
    }
}

/// A quantity with or without a comparator; `absent` says why there is none.
fn bounded(quantity: Node<'_>, absent: &'static str) -> Result<Or<Measured>, String> {
    let comparator = match quantity.text("comparator")?.as_deref() {
        None => None,
        Some(DOSE) => return Ok(Err(NO_RESULT.into())),
        Some(sign) => Some(Comparator::of_sign(sign).ok_or_else(|| NO_COMPARATOR.to_owned())?),
    };
    let value = match quantity.number("value")? {
        Some(number) => Some(double(number, "value")?),
        None if comparator.is_some() => None,
        None => return Ok(Err(absent.into())),
    };
    Ok(Ok(Measured {
        value,
        comparator,
        unit: unit(quantity)?,
    }))
}

/// A quantity that is a plain number, and its unit; `absent` says why there is
/// none.
pub(super) fn quantity(
    quantity: Node<'_>,
    absent: &'static str,
) -> Result<Or<(f64, Option<String>)>, String> {
    if quantity.text("comparator")?.is_some() {
        return Ok(Err("a bound, which is no amount".into()));
    }
    match quantity.number("value")? {
        Some(number) => Ok(Ok((double(number, "value")?, unit(quantity)?))),
        None => Ok(Err(absent.into())),
    }
}

/// Too large for 64 bits is infinite here and rejected by the fold.
fn double(number: &serde_json::Number, field: &str) -> Result<f64, String> {
    let double = number.as_str().parse();
    double.map_err(|_| format!("`{field}` is not a number"))
}

/// A result as a laboratory reports it: any text, and its unit.
pub(super) fn lab(node: Node<'_>) -> Result<Or<(String, Option<String>)>, String> {
    let Some(field) = value_field(node)? else {
        return Ok(Err(absent(node)?.into()));
    };
    let found = match field {
        "valueQuantity" => match node.object("valueQuantity")? {
            Some(quantity) if quantity.text("comparator")?.as_deref() == Some(DOSE) => {
                return Ok(Err(NO_RESULT.into()));
            }
            Some(quantity) => (compared(quantity)?, unit(quantity)?),
            None => (None, None),
        },
        "valueString" => (node.text("valueString")?, None),
        "valueDateTime" => (node.text("valueDateTime")?, None),
        "valueTime" => (node.text("valueTime")?, None),
        "valueInteger" => (
            node.number("valueInteger")?.map(|n| n.as_str().to_owned()),
            None,
        ),
        "valueDecimal" => (
            node.number("valueDecimal")?.map(|n| n.as_str().to_owned()),
            None,
        ),
        "valueBoolean" => (node.boolean("valueBoolean")?.map(|b| b.to_string()), None),
        "valueCodeableConcept" => {
            let concept = Concept::of(node, "valueCodeableConcept")?;
            (concept.name().map(str::to_owned), None)
        }
        "valueRange" => match node.object("valueRange")? {
            Some(range) => (range_text(range)?, range_unit(range)?),
            None => (None, None),
        },
        "valueRatio" => (ratio(node)?, None),
        other => return Ok(Err(format!("{} is not a result", label(other)).into())),
    };
    Ok(match found {
        (Some(value), unit) => Ok((value, unit)),
        (None, _) => Err(absent(node)?.into()),
    })
}

/// The UCUM code, else the unit for people, else a code without a system. A
/// code of another system (SNOMED CT) is no unit, and keeps its system so that
/// it is not taken for one.
///
/// A unit for people that contradicts the UCUM code (`g/L`, coded `mg/L`)
/// leaves both, as `g/L|mg/L`: a text that no conversion reads, so that the
/// number stays apart.
pub(super) fn unit(quantity: Node<'_>) -> Result<Option<String>, String> {
    let system = quantity.text("system")?.unwrap_or_default();
    let (code, unit) = (quantity.text("code")?, quantity.text("unit")?);
    let is_ucum =
        system.contains("unitsofmeasure.org") || system.ends_with("2.16.840.1.113883.6.8");
    Ok(match (code, unit) {
        (Some(code), Some(unit)) if is_ucum && contradict(&code, &unit) => {
            Some(format!("{unit}|{code}"))
        }
        (Some(code), _) if is_ucum => Some(code),
        (_, Some(unit)) => Some(unit),
        (Some(code), None) if system.is_empty() => Some(code),
        (Some(code), None) => Some(format!("{system}|{code}")),
        (None, None) => None,
    })
}

/// Whether two units are both understood and differ by a factor, or in that
/// one is an amount of substance.
fn contradict(code: &str, unit: &str) -> bool {
    let (Some(code), Some(unit)) = (units::normalize(code), units::normalize(unit)) else {
        return false;
    };
    match units::convert(1.0, &unit, &code) {
        Ok(factor) => (factor - 1.0).abs() > 1e-9,
        Err(_) => code.contains("mol") != unit.contains("mol"),
    }
}

/// The comparator of a dose that reaches a total: nothing was measured.
const DOSE: &str = "ad";
const NO_RESULT: &str = "comparator ad";
const NO_COMPARATOR: &str = "`valueQuantity.comparator` is not one of <, <=, >=, >";

/// `5.40` or `<0.5`, the digits as they were written.
fn compared(quantity: Node<'_>) -> Result<Option<String>, String> {
    let comparator = quantity.text("comparator")?.unwrap_or_default();
    if !matches!(comparator.as_str(), "" | "<" | "<=" | ">" | ">=") {
        return Err(NO_COMPARATOR.to_owned());
    }
    let number = quantity.number("value")?;
    Ok(number.map(|number| format!("{comparator}{number}")))
}

fn range_text(range: Node<'_>) -> Result<Option<String>, String> {
    let bound = |field| -> Result<Option<&str>, String> {
        match range.object(field)? {
            Some(quantity) => Ok(quantity.number("value")?.map(|number| number.as_str())),
            None => Ok(None),
        }
    };
    Ok(match (bound("low")?, bound("high")?) {
        (Some(low), Some(high)) => Some(format!("{low}-{high}")),
        (Some(low), None) => Some(format!(">={low}")),
        (None, Some(high)) => Some(format!("<={high}")),
        (None, None) => None,
    })
}

fn range_unit(range: Node<'_>) -> Result<Option<String>, String> {
    for field in ["low", "high"] {
        if let Some(quantity) = range.object(field)?
            && let Some(unit) = unit(quantity)?
        {
            return Ok(Some(unit));
        }
    }
    Ok(None)
}

fn ratio(node: Node<'_>) -> Result<Option<String>, String> {
    let Some(ratio) = node.object("valueRatio")? else {
        return Ok(None);
    };
    let part = |field| -> Result<Option<String>, String> {
        ratio.object(field)?.map_or(Ok(None), compared)
    };
    let (numerator, denominator) = (part("numerator")?, part("denominator")?);
    Ok(numerator
        .zip(denominator)
        .map(|(above, below)| format!("{above}:{below}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    fn parse(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn lab_of(text: &str) -> Result<Or<(String, Option<String>)>, String> {
        lab(Node::resource(&parse(text)))
    }

    fn vital_of(text: &str) -> Result<Or<Measured>, String> {
        vital(Node::resource(&parse(text)), "15074-8")
    }

    #[test]
    fn labs_keep_the_digits_as_written() {
        for (json, value, unit) in [
            (
                r#"{"valueQuantity":{"value":5.40,"unit":"mmol/l","system":"http://unitsofmeasure.org","code":"mmol/L"}}"#,
                "5.40",
                Some("mmol/L"),
            ),
            (
                r#"{"valueQuantity":{"value":0.20,"comparator":"<","unit":"mg"}}"#,
                "<0.20",
                Some("mg"),
            ),
            (
                r#"{"valueQuantity":{"value":1,"system":"http://snomed.info/sct","code":"258","unit":"g"}}"#,
                "1",
                Some("g"),
            ),
            (
                r#"{"valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"","unit":"g"}}"#,
                "1",
                Some("g"),
            ),
            (r#"{"valueString":"clear, yellow"}"#, "clear, yellow", None),
            (r#"{"valueInteger":7}"#, "7", None),
            (r#"{"valueBoolean":true}"#, "true", None),
            (
                r#"{"valueCodeableConcept":{"coding":[{"code":"1","display":"Positive"}]}}"#,
                "Positive",
                None,
            ),
            (
                r#"{"valueRange":{"low":{"value":0,"unit":"/hpf"},"high":{"value":2}}}"#,
                "0-2",
                Some("/hpf"),
            ),
            (
                r#"{"valueRatio":{"numerator":{"value":1},"denominator":{"value":80}}}"#,
                "1:80",
                None,
            ),
            (r#"{"valueTime":"10:30:00"}"#, "10:30:00", None),
        ] {
            let expected = Ok(Ok((value.to_owned(), unit.map(str::to_owned))));
            assert_eq!(lab_of(json), expected, "{json}");
        }
    }

    #[test]
    fn says_why_there_is_no_value() {
        let reason = |json: &str| lab_of(json).unwrap().unwrap_err().into_owned();
        assert_eq!(reason("{}"), "no value");
        assert_eq!(reason(r#"{"dataAbsentReason":{}}"#), "data absent");
        assert_eq!(reason(r#"{"valueQuantity":{"unit":"g"}}"#), "no value");
        assert_eq!(
            reason(r#"{"valueSampledData":{}}"#),
            "valueSampledData is not a result"
        );
        let reason = |json: &str| vital_of(json).unwrap().unwrap_err().into_owned();
        assert_eq!(
            reason(r#"{"valueString":"high normal"}"#),
            "valueString is not a number"
        );
        assert_eq!(
            reason(r#"{"valueQuantity":{"value":1,"comparator":"ad"}}"#),
            "comparator ad"
        );
        let dose = lab_of(r#"{"valueQuantity":{"value":1,"comparator":"ad"}}"#);
        assert_eq!(dose.unwrap().unwrap_err(), "comparator ad");
        assert!(vital_of(r#"{"valueQuantity":{"value":1,"comparator":"~"}}"#).is_err());
        assert!(lab_of(r#"{"valueString":"a","valueInteger":1}"#).is_err());
        assert!(lab_of(r#"{"valueQuantity":{"value":1,"comparator":"~"}}"#).is_err());
        assert!(lab_of(r#"{"valueQuantity":[1]}"#).is_err());
    }

    #[test]
    fn bounds_of_vitals_are_kept() {
        use Comparator::{Above, AtLeast, AtMost, Below};
        for (json, comparator, value, unit) in [
            (
                r#"{"valueQuantity":{"value":40,"comparator":"<","unit":"mg/dL"}}"#,
                Below,
                Some(40.0),
                Some("mg/dL"),
            ),
            (
                r#"{"valueQuantity":{"value":22.2,"comparator":">=","code":"mmol/L"}}"#,
                AtLeast,
                Some(22.2),
                Some("mmol/L"),
            ),
            (
                r#"{"valueQuantity":{"value":2.2,"comparator":"<="}}"#,
                AtMost,
                Some(2.2),
                None,
            ),
            (
                r#"{"valueQuantity":{"comparator":">","unit":"mg/dL"}}"#,
                Above,
                None,
                Some("mg/dL"),
            ),
            (r#"{"valueString":"Low"}"#, Below, None, None),
            (
                r#"{"valueString":"> 600 mg/dL"}"#,
                Above,
                Some(600.0),
                Some("mg/dL"),
            ),
            (
                r#"{"valueCodeableConcept":{"coding":[{"code":"H","display":"High"}]}}"#,
                Above,
                None,
                None,
            ),
            (
                r#"{"valueCodeableConcept":{"text":"LO"}}"#,
                Below,
                None,
                None,
            ),
        ] {
            let expected = Measured {
                value,
                comparator: Some(comparator),
                unit: unit.map(str::to_owned),
            };
            assert_eq!(vital_of(json).unwrap().unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn vitals_are_numbers_however_large() {
        let value = |json: &str| vital_of(json).unwrap().unwrap().value.unwrap();
        assert_eq!(value(r#"{"valueQuantity":{"value":36.60}}"#), 36.6);
        assert_eq!(value(r#"{"valueInteger":44}"#), 44.0);
        assert_eq!(value(r#"{"valueQuantity":{"value":1e999}}"#), f64::INFINITY);
        assert_eq!(value(r#"{"valueQuantity":{"value":-1e-999}}"#), 0.0);
    }

    #[test]
    fn a_unit_is_certain_or_kept_as_reported() {
        let ucum = "http://unitsofmeasure.org";
        let snomed = "http://snomed.info/sct";
        for (system, code, given, expected) in [
            (ucum, "mmol/L", "mmol/l", "mmol/L"),
            (ucum, "mg/dL", "", "mg/dL"),
            (ucum, "", "mg/dL", "mg/dL"),
            (ucum, "mm[Hg]", "mmHg", "mm[Hg]"),
            (ucum, "/min", "beats/minute", "/min"),
            (ucum, "Cel", "°C", "Cel"),
            (ucum, "U/L", "IU/L", "U/L"),
            (ucum, "10*3/uL", "K/uL", "10*3/uL"),
            (ucum, "10*9/L", "10*3/uL", "10*9/L"),
            (ucum, "%", "percent", "%"),
            (ucum, "{count}", "steps", "{count}"),
            ("urn:oid:2.16.840.1.113883.6.8", "kg", "kg", "kg"),
            ("", "kg", "", "kg"),
            ("", "", "kg", "kg"),
            ("", "kg", "kilo", "kilo"),
            (snomed, "258", "g", "g"),
            (snomed, "258", "", "http://snomed.info/sct|258"),
            ("urn:lab:units", "mg", "", "urn:lab:units|mg"),
            // They contradict each other.
            (ucum, "mg/L", "g/L", "g/L|mg/L"),
            (ucum, "kg", "[lb_av]", "[lb_av]|kg"),
            (ucum, "[degF]", "Cel", "Cel|[degF]"),
            (ucum, "mg/dL", "mmol/L", "mmol/L|mg/dL"),
            (ucum, "mmol/mol", "%", "%|mmol/mol"),
        ] {
            let map = serde_json::json!({"system": system, "code": code, "unit": given});
            let found = unit(Node::resource(map.as_object().unwrap())).unwrap();
            assert_eq!(found.as_deref(), Some(expected), "{system} {code} {given}");
            if expected.contains('|') {
                assert_eq!(units::normalize(expected), None, "{expected}");
            }
        }
    }
}
