//! One `NutritionIntake` of R5 and the rows it gives.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::coding::Concept;
use super::node::Node;
use super::observation::{note, number, source};
use super::subject::{Or, occurrence, subject};
use super::value;
use super::version::version;
use crate::import::item::{Intake, Item, Parsed, Subject};

/// Reads the nutrients of what was consumed: a row for each
/// `ingredientLabel`. Consumed items alone name foods and no nutrients.
///
/// With `user` every row is that user's, whatever the subject.
pub(super) fn items(map: &Map<String, Value>, user: Option<i64>) -> Result<Vec<Item>, String> {
    let node = Node::resource(map);
    let labels = node.list("ingredientLabel")?;
    let status = node.text("status")?.unwrap_or_default();
    let subject = match user {
        Some(user) => Ok(Subject::User(user)),
        None => subject(node)?,
    };
    let version = version(node, "NutritionIntake", user, subject.as_ref().ok())?;
    let is_error = status == "entered-in-error";
    let version = version.map(|version| {
        if is_error {
            version.retracting()
        } else {
            version
        }
    });
    let mut items: Vec<Item> = version.map(Item::Version).into_iter().collect();
    if is_error || matches!(status.as_str(), "not-done" | "preparation") {
        let nameless = if is_error && items.is_empty() {
            " without id"
        } else {
            ""
        };
        items.push(Item::Skipped(format!("status {status}{nameless}").into()));
        return Ok(items);
    }
    let common = match common(node, subject)? {
        Ok(common) => common,
        Err(reason) => {
            items.push(Item::Skipped(reason));
            return Ok(items);
        }
    };
    if labels.is_empty() {
        items.push(Item::Skipped("no nutrients".into()));
        return Ok(items);
    }
    let mut seen = HashMap::new();
    for label in labels {
        let mut item = match intake(label)? {
            Ok(intake) => Item::Nutrition(common.clone().with(intake)),
            Err(reason) => Item::Skipped(reason),
        };
        number(&mut item, &mut seen);
        items.push(item);
    }
    Ok(items)
}

/// A row that lacks only its nutrient.
fn common(node: Node<'_>, subject: Or<Subject>) -> Result<Or<Parsed<()>>, String> {
    let subject = match subject {
        Ok(subject) => subject,
        Err(reason) => return Ok(Err(reason)),
    };
    let (start, end) = match occurrence(node)? {
        Ok(times) => times,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(Ok(Parsed {
        subject,
        start,
        end,
        offset_minutes: None,
        source: source(node)?,
        source_id: node.text("id")?,
        device: None,
        note: note(node)?,
        payload: (),
    }))
}

fn intake(label: Node<'_>) -> Result<Or<Intake>, String> {
    let concept = match label.object("nutrient")? {
        Some(nutrient) => Concept::of(nutrient, "concept")?,
        None => Concept::default(),
    };
    let Some(nutrient) = concept.nutrient() else {
        return Ok(Err("no code".into()));
    };
    let Some(quantity) = label.object("amount")? else {
        return Ok(Err("no value".into()));
    };
    Ok(
        value::quantity(quantity, "no value")?.map(|(amount, unit)| Intake {
            nutrient: nutrient.to_owned(),
            amount: Some(amount),
            unit,
            meal: None,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTAKE: &str = r#"{"resourceType":"NutritionIntake","id":"n1","status":"completed",
        "subject":{"reference":"Patient/p"},WHEN
        "consumedItem":[{"type":{"text":"food"},"nutritionProduct":{"concept":{"text":"soup"}}}],
        "ingredientLabel":[
          {"nutrient":{"concept":{"coding":[{"system":"http://loinc.org","code":"9052-2"}]}},
           "amount":{"value":420.5,"unit":"kcal","system":"http://unitsofmeasure.org","code":"kcal"}},
          {"nutrient":{"concept":{"coding":[{"system":"http://snomed.info/sct","code":"88878007",
             "display":"Protein"}]}},"amount":{"value":12,"unit":"g"}},
          {"nutrient":{"concept":{"text":"Protein"}},"amount":{"value":3,"unit":"g"}},
          {"nutrient":{"concept":{"text":"Protein"}},"amount":{"value":4,"unit":"g","comparator":"<"}},
          {"nutrient":{"reference":{"reference":"Substance/s"}},"amount":{"value":1,"unit":"g"}},
          {"nutrient":{"concept":{"text":"Love"}}}]}"#;

    fn read(text: &str) -> Vec<Item> {
        let mut items = items(&serde_json::from_str(text).unwrap(), None).unwrap();
        items.retain(|item| !matches!(item, Item::Version(_)));
        items
    }

    fn reason(text: &str) -> String {
        match &read(text)[..] {
            [Item::Skipped(reason)] => reason.clone().into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_nutrient_is_a_row() {
        for when in [
            r#""occurrenceDateTime":"2024-05-06T12:30:00+02:00","#,
            r#""occurrencePeriod":{"start":"2024-05-06T12:30:00+02:00"},"#,
        ] {
            let items = read(&INTAKE.replace("WHEN", when));
            let shown: Vec<_> = items
                .iter()
                .map(|item| match item {
                    Item::Nutrition(row) => {
                        let id = row.source_id.as_deref().unwrap();
                        let Intake {
                            nutrient, amount, ..
                        } = &row.payload;
                        format!("{id} {nutrient} {}", amount.unwrap())
                    }
                    Item::Skipped(reason) => reason.clone().into_owned(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(
                shown,
                [
                    "n1 9052-2 420.5",
                    "n1 Protein 12",
                    "n1#2 Protein 3",
                    "a bound, which is no amount",
                    "no code",
                    "no value"
                ]
            );
        }
    }

    #[test]
    fn says_why_an_intake_gives_no_row() {
        for status in ["not-done", "preparation"] {
            let text = format!(r#"{{"status":"{status}"}}"#);
            assert_eq!(reason(&text), format!("status {status}"));
        }
        assert_eq!(
            reason(r#"{"status":"entered-in-error"}"#),
            "status entered-in-error without id"
        );
        assert_eq!(reason("{}"), "no subject");
        assert_eq!(reason(&INTAKE.replace("WHEN", "")), "no time");
        let food = r#"{"subject":{"reference":"Patient/p"},"occurrenceDateTime":"2024-05-06"}"#;
        assert_eq!(reason(food), "no nutrients");
    }
}
