//! One Observation, R4 or STU3, and the rows it gives.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::coding::{Belongs, Concept, belongs};
use super::node::Node;
use super::subject::{Or, effective, subject};
use super::value;
use crate::import::item::{Item, Lab, Parsed, Retraction, Subject, Vital, label};

/// Reads an Observation: one row for its value and one for each component.
///
/// With `user` every row is that user's, whatever the subject.
pub(super) fn items(map: &Map<String, Value>, user: Option<i64>) -> Result<Vec<Item>, String> {
    let node = Node::resource(map);
    let components = node.list("component")?;
    let status = node.text("status")?.unwrap_or_default();
    if matches!(status.as_str(), "entered-in-error" | "cancelled") {
        let mut items = vec![Item::Skipped(format!("status {status}").into())];
        items.extend(retraction(node, user)?.map(Item::Retracted));
        return Ok(items);
    }
    let frame = match frame(node, &components, user)? {
        Ok(frame) => frame,
        Err(reason) => return Ok(vec![Item::Skipped(reason)]),
    };
    let mut items = Vec::with_capacity(1 + components.len());
    // A panel that only holds components has nothing of its own to leave out.
    if components.is_empty() || value::is_present(node)? {
        items.push(frame.item(node)?);
    }
    for component in components {
        items.push(frame.item(component)?);
    }
    Ok(items)
}

/// What all rows of an observation share.
struct Frame {
    domain: Belongs,
    /// A row that lacks only what differs from component to component.
    common: Parsed<()>,
}

fn whose(node: Node<'_>, user: Option<i64>) -> Result<Or<Subject>, String> {
    match user {
        Some(user) => Ok(Ok(Subject::User(user))),
        None => subject(node),
    }
}

/// What an observation that is no longer valid takes back: it may have been
/// imported when it was. None without the names that it would be found by.
fn retraction(node: Node<'_>, user: Option<i64>) -> Result<Option<Retraction>, String> {
    let (subject, source_id) = (whose(node, user)?, node.text("id")?);
    let (Ok(subject), Some(source_id)) = (subject, source_id) else {
        return Ok(None);
    };
    Ok(Some(Retraction {
        subject,
        source: source(node)?,
        source_id,
    }))
}

fn frame(node: Node<'_>, components: &[Node<'_>], user: Option<i64>) -> Result<Or<Frame>, String> {
    let subject = match whose(node, user)? {
        Ok(subject) => subject,
        Err(reason) => return Ok(Err(reason)),
    };
    let (mut vital_sign, mut lab_result) = (false, false);
    for named in std::iter::once(&node).chain(components) {
        let concept = Concept::of(*named, "code")?;
        vital_sign |= concept.is_vital_sign();
        lab_result |= concept.is_lab_result();
    }
    let domain = match belongs(node, vital_sign, lab_result)? {
        Belongs::Nowhere(reason) => return Ok(Err(reason.into())),
        domain => domain,
    };
    let (start, end) = match effective(node)? {
        Ok(times) => times,
        Err(reason) => return Ok(Err(reason)),
    };
    let common = Parsed {
        subject,
        start,
        end,
        offset_minutes: None,
        source: source(node)?,
        source_id: node.text("id")?,
        device: device(node)?,
        note: note(node)?,
        payload: (),
    };
    Ok(Ok(Frame { domain, common }))
}

impl Frame {
    fn item(&self, node: Node<'_>) -> Result<Item, String> {
        let row = match &self.domain {
            Belongs::Vitals => vital(node)?.map(|vital| Item::Vital(self.row(vital))),
            Belongs::Labs(category) => {
                lab(node, category.clone())?.map(|lab| Item::Lab(self.row(lab)))
            }
            Belongs::Nowhere(reason) => Err(Cow::Owned(reason.clone())),
        };
        Ok(row.unwrap_or_else(Item::Skipped))
    }

    fn row<P>(&self, payload: P) -> Parsed<P> {
        self.common.clone().with(payload)
    }
}

fn vital(node: Node<'_>) -> Result<Or<Vital>, String> {
    let concept = Concept::of(node, "code")?;
    let metric = concept.metric();
    let measured = match value::vital(node, metric.unwrap_or_default())? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(match metric {
        None => Err("no code".into()),
        Some(metric) => Ok(Vital {
            metric: metric.to_owned(),
            value: measured.value,
            comparator: measured.comparator,
            unit: measured.unit,
        }),
    })
}

fn lab(node: Node<'_>, category: Option<String>) -> Result<Or<Lab>, String> {
    let concept = Concept::of(node, "code")?;
    let (value, unit) = match value::lab(node)? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(name) = concept.name() else {
        return Ok(Err("no code".into()));
    };
    Ok(Ok(Lab {
        code: concept.loinc().map(str::to_owned),
        name: name.to_owned(),
        category,
        value: Some(value),
        unit,
        reference_range: value::reference_range(node)?,
        interpretation: value::interpretation(node)?,
    }))
}

/// `meta.source` without its fragment, which some servers set anew for every
/// request, so that a corrected observation is still the same row.
pub(super) fn source(node: Node<'_>) -> Result<String, String> {
    let source = match node.object("meta")? {
        Some(meta) => meta.text("source")?.unwrap_or_default(),
        None => String::new(),
    };
    let source = source.split('#').next().unwrap_or_default();
    Ok(if source.is_empty() { "fhir" } else { source }.to_owned())
}

fn device(node: Node<'_>) -> Result<Option<String>, String> {
    match node.object("device")? {
        Some(device) => Ok(device.text("display")?.or(device.text("reference")?)),
        None => Ok(None),
    }
}

/// The first note of R4, or the comment of STU3.
pub(super) fn note(node: Node<'_>) -> Result<Option<String>, String> {
    match node.list("note")?.first() {
        Some(note) => note.text("text"),
        None => node.text("comment"),
    }
}

/// The reason for leaving out a resource of another type.
pub(super) fn other_resource(kind: &str) -> Item {
    Item::Skipped(Cow::Owned(format!("resource {}", label(kind))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::time::{Time, When, parse};

    fn read(text: &str) -> Result<Vec<Item>, String> {
        items(&serde_json::from_str(text).unwrap(), None)
    }

    fn reasons(text: &str) -> Vec<String> {
        let items = read(text).unwrap();
        items
            .into_iter()
            .map(|item| match item {
                Item::Skipped(reason) => reason.into_owned(),
                Item::Retracted(row) => format!("retracted {}", row.source_id),
                Item::Vital(row) => format!("row {}", row.payload.metric),
                Item::Lab(row) => format!("row {}", row.payload.name),
                Item::Nutrition(row) => format!("row {}", row.payload.nutrient),
            })
            .collect()
    }

    fn day(text: &str) -> When {
        match parse(text) {
            Ok(Time::At(when)) => when,
            _ => panic!("a time"),
        }
    }

    #[test]
    fn a_laboratory_result_keeps_what_the_report_says() {
        let items = read(
            r#"{"id":"o1","status":"final","meta":{"source":"urn:lab#k2J"},
                "category":{"coding":[{"code":"laboratory","display":"Laboratory"}]},
                "code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}],"text":"Potassium"},
                "subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-05-06",
                "valueQuantity":{"value":5.40,"unit":"mmol/L"},"interpretation":{"coding":[{"code":"H"}]},
                "referenceRange":[{"low":{"value":3.5},"high":{"value":5.0}}],
                "device":{"display":"Analyser"},"comment":"repeated"}"#,
        );
        let expected = Item::Lab(Parsed {
            subject: Subject::Reference("p".into()),
            start: day("2024-05-06"),
            end: None,
            offset_minutes: None,
            source: "urn:lab".into(),
            source_id: Some("o1".into()),
            device: Some("Analyser".into()),
            note: Some("repeated".into()),
            payload: Lab {
                code: Some("2823-3".into()),
                name: "Potassium".into(),
                category: Some("Laboratory".into()),
                value: Some("5.40".into()),
                unit: Some("mmol/L".into()),
                reference_range: Some("3.5-5.0".into()),
                interpretation: Some("H".into()),
            },
        });
        assert_eq!(items.unwrap(), [expected]);
    }

    const PANEL: &str = r#"{"id":"o2","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
        "subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-05-06T10:00:00Z",VALUE
        "component":[
          {"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120}},
          {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"dataAbsentReason":{}}]}"#;

    #[test]
    fn components_are_rows_of_their_own_even_without_a_category() {
        assert_eq!(
            reasons(&PANEL.replace("VALUE", "")),
            ["row 8480-6", "data absent"]
        );
        let both = PANEL.replace("VALUE", r#""valueInteger":93,"#);
        assert_eq!(reasons(&both), ["row 85354-9", "row 8480-6", "data absent"]);
    }

    #[test]
    fn says_why_an_observation_gives_no_row() {
        let one = |text: &str| reasons(text).concat();
        assert_eq!(one(r#"{"status":"cancelled"}"#), "status cancelled");
        assert_eq!(one("{}"), "no subject");
        let rest = r#""subject":{"reference":"Patient/p"},"category":[{"coding":[{"code":"vital-signs"}]}]"#;
        assert_eq!(one(&format!("{{{rest}}}")), "no time");
        let rest = format!(r#"{rest},"effectiveDateTime":"2024-05-06""#);
        assert_eq!(one(&format!("{{{rest}}}")), "no value");
        assert_eq!(one(&format!(r#"{{{rest},"valueInteger":1}}"#)), "no code");
    }

    #[test]
    fn the_user_of_the_caller_takes_every_row() {
        let text = r#"{"code":{"text":"pulse"},"category":[{"text":"vital-signs"}],
            "subject":{"reference":"Group/g"},"effectiveDateTime":"2024-05-06","valueInteger":60}"#;
        let items = items(&serde_json::from_str(text).unwrap(), Some(7)).unwrap();
        assert!(matches!(&items[..], [Item::Vital(row)] if row.subject == Subject::User(7)));
    }
}
