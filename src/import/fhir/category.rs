//! Which domain an observation belongs to.

use super::coding::Concept;
use super::node::Node;
use crate::import::item::{label, non_empty};

/// Where an observation belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Belongs {
    Vitals,
    /// With the category's name.
    Labs(Option<String>),
    /// Nowhere, for this reason.
    Nowhere(String),
}

/// Finds the domain from the categories. Unless that is laboratory, a
/// registered code outranks its category: `vital_sign` and `lab_result` say
/// what the codes are.
pub(super) fn belongs(
    observation: Node<'_>,
    vital_sign: bool,
    lab_result: bool,
) -> Result<Belongs, String> {
    let categories = observation.one_or_list("category")?;
    let categories: Vec<Concept> = categories
        .into_iter()
        .map(Concept::read)
        .collect::<Result<_, _>>()?;
    let mut lab = None;
    let mut other = None;
    for category in &categories {
        let codes = category.codings.iter().filter_map(|c| c.code.as_deref());
        let only_text = category
            .text
            .as_deref()
            .filter(|_| category.first_code().is_none());
        for code in codes.chain(only_text) {
            let plain: String = code
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            if plain.contains("vitalsign") {
                return Ok(Belongs::Vitals);
            } else if plain == "laboratory" || plain == "lab" {
                lab = lab.or(Some(category));
            } else {
                other = other.or_else(|| non_empty(code));
            }
        }
    }
    Ok(match (lab, other) {
        (Some(category), _) => Belongs::Labs(category.name().map(str::to_owned)),
        (None, _) if vital_sign => Belongs::Vitals,
        (None, _) if lab_result => Belongs::Labs(None),
        (None, Some(code)) => Belongs::Nowhere(format!("category {}", label(&code))),
        (None, None) => Belongs::Nowhere("no category".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn domain(category: Value) -> Belongs {
        let map = map(json!({"category": category}));
        belongs(Node::resource(&map), false, false).unwrap()
    }

    #[test]
    fn knows_categories_however_spelt() {
        let code = |code: &str| json!([{"coding": [{"code": code}]}]);
        for vital in [
            "vital-signs",
            "vital-sign",
            "Vital Signs",
            "VITAL_SIGNS",
            "vitalsigns",
        ] {
            assert_eq!(domain(code(vital)), Belongs::Vitals, "{vital}");
        }
        for lab in ["laboratory", "LAB"] {
            assert_eq!(domain(code(lab)), Belongs::Labs(Some(lab.into())));
        }
        assert_eq!(
            domain(code("survey")),
            Belongs::Nowhere("category survey".into())
        );
        assert_eq!(domain(json!([])), Belongs::Nowhere("no category".into()));
        assert_eq!(
            domain(json!({"text": "Laboratory"})),
            Belongs::Labs(Some("Laboratory".into()))
        );
        let two =
            json!([{"coding": [{"code": "procedure"}]}, {"coding": [{"code": "vital-signs"}]}]);
        assert_eq!(domain(two), Belongs::Vitals);
    }
}
