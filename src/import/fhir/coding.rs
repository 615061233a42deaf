//! Which code of an observation names it.

use super::node::Node;
use crate::domain::vitals::registry::{self, NamedBy};
use crate::domain::{labs, loinc, nutrition};
use crate::import::item::is_dietary;

/// Most characters of a local code with its system: the fold tells series
/// apart by no more.
const MAX_LOCAL_CODE: usize = 200;

/// Whether a LOINC code is that of a registered vital sign.
fn is_vital_sign(code: &str) -> bool {
    registry::lookup(code).is_some_and(|found| found.named_by == NamedBy::Loinc)
}

/// The codes and names of one `CodeableConcept`.
#[derive(Debug, Clone, Default)]
pub(super) struct Concept {
    pub(super) codings: Vec<Coding>,
    pub(super) text: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Coding {
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
    pub(super) display: Option<String>,
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
    /// often enough that the system alone does not decide. Without a system
    /// only a registered code is one.
    fn loinc(&self) -> Option<&str> {
        let code = self.code.as_deref()?;
        let declared = self.is_loinc_system();
        let registered =
            self.system.is_none() && (is_vital_sign(code) || labs::is_registered(code));
        ((declared || registered) && loinc::is_well_formed(code)).then_some(code)
    }

    /// The code of a registered vital sign, declared as LOINC or without any
    /// system.
    fn vital_sign(&self) -> Option<&str> {
        self.loinc().filter(|code| is_vital_sign(code))
    }

    fn analyte(&self) -> Option<&str> {
        self.loinc().filter(|code| labs::is_registered(code))
    }

    /// A `HealthKit` type, whatever system it is declared with: the names
    /// are used by nobody else.
    fn healthkit(&self) -> Option<&str> {
        const PREFIXES: [&str; 3] = [
            "HKQuantityTypeIdentifier",
            "HKCategoryTypeIdentifier",
            "HKCorrelationTypeIdentifier",
        ];
        let code = self.code.as_deref()?;
        let system = self.system.as_deref().unwrap_or_default();
        let is_type = PREFIXES.iter().any(|prefix| code.starts_with(prefix))
            || system.contains("developer.apple.com/documentation/healthkit");
        is_type.then_some(code)
    }
}

impl Concept {
    pub(super) fn read(node: Node<'_>) -> Result<Concept, String> {
        let codings = node.one_or_list("coding")?.into_iter().map(|coding| {
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
            || self.healthkit_metric().is_some()
    }

    pub(super) fn is_lab_result(&self) -> bool {
        self.codings.iter().any(|coding| coding.analyte().is_some())
    }

    /// The first `HealthKit` type.
    pub(super) fn healthkit(&self) -> Option<&str> {
        self.codings.iter().find_map(Coding::healthkit)
    }

    /// The `HealthKit` type of something that happened. Its components tell of
    /// it, such as the heart rate that an alarm is set to, and measure nothing.
    pub(super) fn healthkit_event(&self) -> Option<&str> {
        self.healthkit()
            .filter(|kind| kind.starts_with("HKCategoryTypeIdentifier"))
    }

    fn healthkit_metric(&self) -> Option<&str> {
        self.healthkit()
            .filter(|kind| registry::lookup(kind).is_some())
    }

    /// The `HealthKit` type of a nutrient.
    pub(super) fn dietary(&self) -> Option<&str> {
        self.healthkit().filter(|kind| is_dietary(kind))
    }

    /// The LOINC code of a result: one of a registered analyte before any
    /// other.
    pub(super) fn loinc(&self) -> Option<&str> {
        let analyte = self.codings.iter().find_map(Coding::analyte);
        analyte.or_else(|| self.codings.iter().find_map(Coding::loinc))
    }

    /// A registered `HealthKit` type, which says what the number is, else a
    /// registered vital sign, a LOINC code, the first code or the text.
    pub(super) fn metric(&self) -> Option<&str> {
        let vital = || self.codings.iter().find_map(Coding::vital_sign);
        self.healthkit_metric()
            .or_else(vital)
            .or_else(|| self.codings.iter().find_map(Coding::loinc))
            .or_else(|| self.first_code())
            .or(self.text.as_deref())
    }

    /// The name that releases without `HealthKit` types gave a vital sign.
    pub(super) fn former_metric(&self) -> Option<&str> {
        self.codings
            .iter()
            .find_map(Coding::vital_sign)
            .or_else(|| self.codings.iter().find_map(Coding::loinc))
            .or_else(|| self.first_code())
            .or(self.text.as_deref())
    }

    /// What a result is a series by: the LOINC code, else the first code as
    /// `system|code`, `|code` without a system. None without any code.
    ///
    /// # Errors
    /// The code is too long to be told from others.
    pub(super) fn result_code(&self) -> Result<Option<String>, &'static str> {
        if let Some(loinc) = self.loinc() {
            return Ok(Some(loinc.to_owned()));
        }
        let Some(coding) = self.codings.iter().find(|coding| coding.code.is_some()) else {
            return Ok(None);
        };
        let system = coding.system.as_deref().unwrap_or_default();
        let code = coding.code.as_deref().unwrap_or_default();
        let code = format!("{system}|{code}");
        if code.chars().count() > MAX_LOCAL_CODE {
            return Err("code and system are longer than 200 characters");
        }
        Ok(Some(code))
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

    /// Every code, display and text.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let codings = self
            .codings
            .iter()
            .flat_map(|coding| [coding.code.as_deref(), coding.display.as_deref()]);
        codings.chain([self.text.as_deref()]).flatten()
    }
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
            local.result_code(),
            Ok(Some("http://loinc.org|GLU-LOCAL".into()))
        );
        assert_eq!(
            (local.metric(), local.name()),
            (Some("GLU-LOCAL"), Some("Glucose"))
        );
        let text = concept(json!({"text": "eye colour"}));
        assert_eq!(text.metric(), Some("eye colour"));
        assert_eq!(concept(json!({})).metric(), None);
    }
}
