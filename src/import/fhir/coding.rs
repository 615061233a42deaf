//! Which code of an observation names it, and which domain it belongs to.

use super::node::Node;
use crate::domain::vitals::registry::{self, NamedBy};
use crate::domain::{labs, loinc, nutrition};
use crate::import::item::{label, non_empty};

/// Whether a LOINC code is that of a registered vital sign.
fn is_vital_sign(code: &str) -> bool {
    registry::lookup(code).is_some_and(|found| found.named_by == NamedBy::Loinc)
}

/// The codes and names of one `CodeableConcept`.
#[derive(Debug, Clone, Default)]
pub(super) struct Concept {
    codings: Vec<Coding>,
    pub(super) text: Option<String>,
}

#[derive(Debug, Clone)]
struct Coding {
    system: Option<String>,
    code: Option<String>,
    display: Option<String>,
}

impl Coding {
    fn is_loinc_system(&self) -> bool {
        let system = self.system.as_deref().unwrap_or_default();
        let host = system.split_once("://").map_or(system, |(_, host)| host);
        matches!(
            host.trim_end_matches('/').to_ascii_lowercase().as_str(),
            "loinc.org" | "www.loinc.org" | "loinc" | "urn:oid:2.16.840.1.113883.6.1"
        )
    }

    /// The code, if it is a LOINC code; local codes are declared as LOINC
    /// often enough that the system alone does not tell.
    fn loinc(&self) -> Option<&str> {
        let code = self.code.as_deref()?;
        (self.is_loinc_system() && loinc::is_well_formed(code)).then_some(code)
    }

    /// A registered vital sign, declared as LOINC or without any system.
    fn vital_sign(&self) -> Option<&str> {
        let code = self.code.as_deref()?;
        let loinc = self.system.is_none() || self.is_loinc_system();
        (loinc && is_vital_sign(code)).then_some(code)
    }
}

impl Concept {
    pub(super) fn read(node: Node<'_>) -> Result<Concept, String> {
        let codings = node.list("coding")?.into_iter().map(|coding| {
            Ok(Coding {
                system: coding.text("system")?,
                code: coding.text("code")?,
                display: coding.text("display")?,
            })
        });
        Ok(Concept {
            codings: codings.collect::<Result<_, String>>()?,
            text: node.text("text")?,
        })
    }

    /// The concept in a field; an empty one where the field is absent.
    pub(super) fn of(node: Node<'_>, field: &'static str) -> Result<Concept, String> {
        node.object(field)?
            .map_or_else(|| Ok(Concept::default()), Concept::read)
    }

    pub(super) fn is_vital_sign(&self) -> bool {
        self.codings
            .iter()
            .any(|coding| coding.vital_sign().is_some())
    }

    pub(super) fn is_lab_result(&self) -> bool {
        let mut codes = self.codings.iter().filter_map(Coding::loinc);
        codes.any(labs::is_registered)
    }

    /// The LOINC code: one of a registered vital sign before any other.
    pub(super) fn loinc(&self) -> Option<&str> {
        let vital = self.codings.iter().find_map(Coding::vital_sign);
        vital.or_else(|| self.codings.iter().find_map(Coding::loinc))
    }

    /// LOINC code, else the first code, else the text.
    pub(super) fn metric(&self) -> Option<&str> {
        self.loinc()
            .or_else(|| self.first_code())
            .or(self.text.as_deref())
    }

    /// A code, display or text that is that of a registered nutrient, else what
    /// names a metric: few vocabularies of nutrients are in use.
    pub(super) fn nutrient(&self) -> Option<&str> {
        let codes = self.codings.iter().filter_map(|c| c.code.as_deref());
        let displays = self.codings.iter().filter_map(|c| c.display.as_deref());
        codes
            .chain(displays)
            .chain(self.text.as_deref())
            .find(|name| nutrition::registry::lookup(name).is_some())
            .or_else(|| self.metric())
    }

    pub(super) fn first_code(&self) -> Option<&str> {
        self.codings
            .iter()
            .find_map(|coding| coding.code.as_deref())
    }

    /// Text, else a display, that of the LOINC code first, else a code.
    pub(super) fn name(&self) -> Option<&str> {
        let loinc = self
            .codings
            .iter()
            .filter(|coding| coding.loinc().is_some());
        let display = loinc
            .chain(&self.codings)
            .find_map(|coding| coding.display.as_deref());
        self.text
            .as_deref()
            .or(display)
            .or_else(|| self.first_code())
    }
}

/// Where an observation belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Belongs {
    Vitals,
    /// With the category's name.
    Labs(Option<String>),
    /// Nowhere, for this reason.
    Nowhere(String),
}

/// Finds the domain from the categories; without one, `vital_sign` decides.
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
        (None, Some(code)) => Belongs::Nowhere(format!("category {}", label(&code))),
        (None, None) if vital_sign => Belongs::Vitals,
        (None, None) if lab_result => Belongs::Labs(None),
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

    fn concept(value: Value) -> Concept {
        Concept::read(Node::resource(&map(value))).unwrap()
    }

    fn domain(category: Value) -> Belongs {
        let map = map(json!({"category": category}));
        belongs(Node::resource(&map), false, false).unwrap()
    }

    #[test]
    fn prefers_a_registered_vital_sign_then_loinc_then_the_first() {
        let both = concept(json!({"coding": [
            {"system": "http://acme.lab", "code": "BT"},
            {"system": "http://loinc.org", "code": "72514-3"},
            {"system": "http://loinc.org", "code": "8310-5", "display": "Body temperature"},
        ]}));
        assert_eq!(both.metric(), Some("8310-5"));
        assert_eq!(both.name(), Some("Body temperature"));
        let local = concept(json!({"coding": [
            {"system": "http://loinc.org", "code": "GLU-LOCAL"},
            {"system": "http://acme.lab", "code": "2345-7"},
        ], "text": "Glucose"}));
        assert_eq!(local.loinc(), None);
        assert_eq!(
            (local.metric(), local.name()),
            (Some("GLU-LOCAL"), Some("Glucose"))
        );
        let text = concept(json!({"text": "eye colour"}));
        assert_eq!(text.metric(), Some("eye colour"));
        assert_eq!(concept(json!({})).metric(), None);
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
