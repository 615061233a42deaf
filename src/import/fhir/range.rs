//! Which reference range of a result may flag it.

use super::coding::Concept;
use super::node::Node;
use super::person::{AgeUnit, Person, sex};
use super::value::unit;
use crate::import::time::When;

/// Words beside the limits of a range that say nothing of whom or what it is
/// for. Any other word may name a group, a purpose or a time of the day, in
/// whatever language.
const PLAIN: &str = " a above al and als as at below between bis de desde entre equal expected \
    from greater grösser größer hasta higher interval intervall intervalle intervalo is kleiner \
    less limit limits lower more no norm normal normalbereich normale normales normali normalwert \
    normalwerte normwert normwerte not of or over rango range ref reference referencia referenz \
    referenzbereich riferimento référence than the to unter under up upper valeurs valor valore \
    valores valori value values von within à über ";

/// Pieces of units, which are left where the text spells one otherwise than
/// the limits. `m` and `f` are none of them: they are men and women.
const UNITS: &str = " cells cmm cu cumm dl e eu fl g gm hg hpf hr index iu k kg kpa kpl ku l lpf \
    mcg mcl mcmol meq mg micromol million min miu miuml ml mm mmhg mmol mol mosm ng nmol percent \
    pg pmol ratio sec thou thousand u ug uiu uiuml ul umol units x ";

/// The range that a result may be flagged by, as the fold reads it:
/// `3.5-5.0`, `3.9-5.6 mmol/L` where its unit is another than the result's,
/// `>=7`, `<200`, or words. None where no range is known to apply, or several
/// that apply disagree.
pub(super) fn reference_range(
    node: Node<'_>,
    result_unit: Option<&str>,
    person: Person,
    at: When,
) -> Result<Option<String>, String> {
    let mut found: Vec<Text> = Vec::new();
    for range in node.one_or_list("referenceRange")? {
        if applies(range, person, at)?
            && let Some(text) = text(range, result_unit)?
            && !found.contains(&text)
        {
            found.push(text);
        }
    }
    if found.len() > 1 {
        // One range reported in two units: the result's own is the one.
        found.retain(|text| !text.in_other_unit);
    }
    Ok(match <[Text; 1]>::try_from(found) {
        Ok([only]) => Some(only.text),
        Err(_) => None,
    })
}

#[derive(Debug, PartialEq)]
struct Text {
    text: String,
    in_other_unit: bool,
}

/// Whether a range is one of normal values and for this person.
fn applies(range: Node<'_>, person: Person, at: When) -> Result<bool, String> {
    // DSTU2 has `meaning`.
    for field in ["type", "meaning"] {
        let meaning = range.one_or_list(field)?;
        for meaning in meaning {
            let meaning = Concept::read(meaning)?;
            if meaning.words().next().is_some() && !is_normal(&meaning) {
                return Ok(false);
            }
        }
    }
    for population in range.one_or_list("appliesTo")? {
        let population = Concept::read(population)?;
        let wanted = sex(&population);
        if wanted.is_none() || wanted != person.sex {
            return Ok(false);
        }
    }
    let has_age = match range.object("age")? {
        Some(age) => is_of_age(age, person, at)?,
        None => true,
    };
    let has_ends = range.object("low")?.is_some() || range.object("high")?.is_some();
    let words = range.text("text")?.unwrap_or_default();
    // The words of a range that has no other limits are read by the fold.
    Ok(has_age && (!has_ends || is_plain(&words)))
}

fn is_normal(meaning: &Concept) -> bool {
    meaning.words().any(|word| {
        let word = word.trim().to_lowercase();
        matches!(
            word.as_str(),
            "normal" | "normal range" | "reference range" | "reference"
        )
    })
}

fn is_of_age(age: Node<'_>, person: Person, at: When) -> Result<bool, String> {
    let end = |field| -> Result<Result<Option<(f64, AgeUnit)>, ()>, String> {
        let Some(quantity) = age.object(field)? else {
            return Ok(Ok(None));
        };
        let Some(number) = quantity.number("value")? else {
            return Ok(Ok(None));
        };
        let named = quantity.text("code")?.or(quantity.text("unit")?);
        let named = named.as_deref().and_then(AgeUnit::read);
        let number = number.as_str().parse::<f64>().ok();
        Ok(number.zip(named).map(Some).ok_or(()))
    };
    let (Ok(low), Ok(high)) = (end("low")?, end("high")?) else {
        return Ok(false);
    };
    Ok((low.is_none() && high.is_none()) || person.has_age(low, high, at) == Some(true))
}

/// Whether the text beside the limits says no more than they do.
fn is_plain(text: &str) -> bool {
    let text = text.to_lowercase().replace(['µ', 'μ'], "u");
    let mut words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty());
    words.all(|word| {
        let word = format!(" {word} ");
        PLAIN.contains(&word) || UNITS.contains(&word)
    })
}

/// One end of a range.
struct End {
    /// `<`, `<=`, `>`, `>=` or nothing.
    comparator: String,
    digits: String,
    number: f64,
    unit: Option<String>,
}

fn end(range: Node<'_>, field: &'static str) -> Result<Option<End>, String> {
    let Some(quantity) = range.object(field)? else {
        return Ok(None);
    };
    let Some(number) = quantity.number("value")? else {
        return Ok(None);
    };
    Ok(Some(End {
        comparator: quantity.text("comparator")?.unwrap_or_default(),
        digits: number.as_str().to_owned(),
        number: number.as_str().parse().unwrap_or(f64::NAN),
        unit: unit(quantity)?,
    }))
}

/// The text of one range; none where it says nothing.
fn text(range: Node<'_>, result_unit: Option<&str>) -> Result<Option<Text>, String> {
    let (low, high) = (end(range, "low")?, end(range, "high")?);
    let Some(numbers) = numbers(low.as_ref(), high.as_ref()) else {
        if low.is_some() || high.is_some() {
            return Ok(None);
        }
        let words = match range.text("text")? {
            Some(words) => Some(words),
            // R5.
            None => Concept::of(range, "normalValue")?.name().map(str::to_owned),
        };
        return Ok(words.map(|text| Text {
            text,
            in_other_unit: false,
        }));
    };
    let mut units = [low, high].into_iter().flatten().filter_map(|end| end.unit);
    let own = units.next();
    if units
        .next()
        .is_some_and(|other| Some(&other) != own.as_ref())
    {
        return Ok(None);
    }
    Ok(Some(match own {
        Some(own) if Some(own.as_str()) != result_unit => Text {
            text: format!("{numbers} {own}"),
            in_other_unit: true,
        },
        _ => Text {
            text: numbers,
            in_other_unit: false,
        },
    }))
}

/// The ends as the fold reads them. None where they mean nothing: zero to
/// zero, swapped, or comparators that contradict their place.
fn numbers(low: Option<&End>, high: Option<&End>) -> Option<String> {
    let at_least = |end: &End| matches!(end.comparator.as_str(), "" | ">=");
    let at_most = |end: &End| matches!(end.comparator.as_str(), "" | "<=");
    match (low, high) {
        (Some(low), Some(high)) => {
            let is_meant = low.number <= high.number && !(low.number == 0.0 && high.number == 0.0);
            (is_meant && at_least(low) && at_most(high))
                .then(|| format!("{}-{}", low.digits, high.digits))
        }
        (Some(low), None) if at_least(low) => Some(format!(">={}", low.digits)),
        (Some(low), None) if low.comparator == ">" => Some(format!(">{}", low.digits)),
        (None, Some(high)) if at_most(high) => Some(format!("<={}", high.digits)),
        (None, Some(high)) if high.comparator == "<" => Some(format!("<{}", high.digits)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn of(ranges: &str, patient: Value) -> Option<String> {
        let text = format!("{{\"referenceRange\":{ranges}}}");
        let map: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let person = Person::read(Node::resource(patient.as_object().unwrap()));
        let at = When::Day("2026-03-02".parse().unwrap());
        reference_range(Node::resource(&map), Some("mg/dL"), person, at).unwrap()
    }

    #[test]
    fn only_a_range_that_is_known_to_apply_is_taken() {
        let gender = |code: &str| {
            format!(
                r#""appliesTo":[{{"coding":[{{"system":"http://hl7.org/fhir/administrative-gender","code":"{code}"}}]}}]"#
            )
        };
        let sexes = format!(
            r#"[{{"low":{{"value":13.5}},"high":{{"value":17.5}},{}}},{{"low":{{"value":12.0}},"high":{{"value":15.5}},{}}}]"#,
            gender("male"),
            gender("female")
        );
        let beside = |text: &str| {
            format!(r#"[{{"low":{{"value":1}},"high":{{"value":2}},"text":"{text}"}}]"#)
        };
        let woman = json!({"gender": "female", "birthDate": "1980-01-01"});
        let typed = |code: &str| {
            format!(
                r#"[{{"low":{{"value":1}},"high":{{"value":2}},"type":{{"coding":[{{"code":"{code}"}}]}}}}]"#
            )
        };
        let aged = r#"[{"low":{"value":7},"high":{"value":130},"age":{"low":{"value":10,"unit":"a"},"high":{"value":13,"unit":"a"}}},
            {"low":{"value":264},"high":{"value":916},"age":{"low":{"value":19,"unit":"a"}}}]"#;
        let cases: Vec<(String, Value, Option<&str>)> = vec![
            (r#"[{"low":{"value":3.50},"high":{"value":5}}]"#.into(), json!({}), Some("3.50-5")),
            (r#"{"low":{"value":3},"high":{"value":5}}"#.into(), json!({}), Some("3-5")),
            (r#"[{"low":{"value":7}}]"#.into(), json!({}), Some(">=7")),
            (r#"[{"high":{"value":7}}]"#.into(), json!({}), Some("<=7")),
            (r#"[{"high":{"value":200,"comparator":"<"}}]"#.into(), json!({}), Some("<200")),
            (r#"[{"low":{"value":40,"comparator":">"}}]"#.into(), json!({}), Some(">40")),
            (r#"[{"low":{"value":200,"comparator":"<"}}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":0},"high":{"value":0}}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":0},"high":{"value":0},"text":"Negative"}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":9},"high":{"value":5}}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":0},"high":{"value":0}},{"low":{"value":3},"high":{"value":5}}]"#.into(), json!({}), Some("3-5")),
            (r#"[{"text":"Negative"}]"#.into(), json!({}), Some("Negative")),
            (r#"[{"text":"3.5-5.0"}]"#.into(), json!({}), Some("3.5-5.0")),
            (r#"[{"normalValue":{"text":"Negative"}}]"#.into(), json!({}), Some("Negative")),
            // The range's own unit.
            (r#"[{"low":{"value":3.9,"unit":"mmol/L"},"high":{"value":5.6,"unit":"mmol/L"}}]"#.into(), json!({}), Some("3.9-5.6 mmol/L")),
            (r#"[{"low":{"value":3.9},"high":{"value":5.6,"system":"http://unitsofmeasure.org","code":"mmol/L"}}]"#.into(), json!({}), Some("3.9-5.6 mmol/L")),
            (r#"[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":99,"unit":"mg/dL"}}]"#.into(), json!({}), Some("70-99")),
            (r#"[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":5,"unit":"mmol/L"}}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":70,"unit":"mg/dL"},"high":{"value":99}},{"low":{"value":3.9,"unit":"mmol/L"},"high":{"value":5.5}}]"#.into(), json!({}), Some("70-99")),
            // Several.
            (r#"[{"low":{"value":1},"high":{"value":2}},{"low":{"value":1},"high":{"value":3}}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":1},"high":{"value":2}},{"low":{"value":1},"high":{"value":2}}]"#.into(), json!({}), Some("1-2")),
            (sexes.clone(), json!({}), None),
            (sexes.clone(), json!({"gender": "unknown"}), None),
            (sexes.clone(), woman.clone(), Some("12.0-15.5")),
            (sexes, json!({"gender": "male"}), Some("13.5-17.5")),
            (format!(r#"[{{"low":{{"value":1}},"high":{{"value":2}}}},{{"low":{{"value":3}},"high":{{"value":4}},{}}}]"#, gender("male")), json!({}), Some("1-2")),
            (format!(r#"[{{"low":{{"value":1}},"high":{{"value":2}}}},{{"low":{{"value":3}},"high":{{"value":4}},{}}}]"#, gender("male")), json!({"gender": "male"}), None),
            (r#"[{"low":{"value":1},"appliesTo":[{"text":"pregnant"}]}]"#.into(), woman.clone(), None),
            (aged.into(), json!({}), None),
            (aged.into(), woman.clone(), Some("264-916")),
            (aged.into(), json!({"birthDate": "2014"}), Some("7-130")),
            (r#"[{"low":{"value":1},"age":{"low":{"value":1,"unit":"dog years"}}}]"#.into(), woman, None),
            // Meanings.
            (typed("normal"), json!({}), Some("1-2")),
            (typed("critical"), json!({}), None),
            (typed("therapeutic"), json!({}), None),
            (typed("treatment"), json!({}), None),
            (typed("recommended"), json!({}), None),
            (typed("pre-puberty"), json!({}), None),
            (typed("follicular"), json!({}), None),
            (r#"[{"low":{"value":1},"meaning":{"coding":[{"code":"target"}]}}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":1},"type":{"text":"Normal Range"}}]"#.into(), json!({}), Some(">=1")),
            (r#"[{"low":{"value":2.5},"text":"toxic above 2.5"}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":1},"text":"Men: > 1"}]"#.into(), json!({}), None),
            (r#"[{"low":{"value":1},"high":{"value":2},"text":"1 - 2 mg/dL"}]"#.into(), json!({}), Some("1-2")),
            ("[]".into(), json!({}), None),
            (beside("M: 1-2"), json!({}), None),
            (beside("F"), json!({"gender": "female"}), None),
            (beside("Männer"), json!({}), None),
            (beside("Hombres: 1 - 2"), json!({}), None),
            (beside("Hommes 1-2 mg/dL"), json!({}), None),
            (beside("Adults 1-2"), json!({}), None),
            (beside("nüchtern"), json!({}), None),
            (beside("AM: 1-2 ug/dL"), json!({}), None),
            (beside("男性 1-2"), json!({}), None),
            (beside("1 - 2 mg/dL"), json!({}), Some("1-2")),
            (beside("1.0 to 2.0 x10E3/uL"), json!({}), Some("1-2")),
            (beside("1-2 K/µL"), json!({}), Some("1-2")),
            (beside("Normal range: 1–2"), json!({}), Some("1-2")),
            (beside("Referenzbereich 1 bis 2"), json!({}), Some("1-2")),
            (beside("(1-2)"), json!({}), Some("1-2")),
        ];
        for (ranges, patient, expected) in cases {
            assert_eq!(of(&ranges, patient).as_deref(), expected, "{ranges}");
        }
    }
}
