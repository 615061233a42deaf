//! One Observation, R5 to DSTU2, and the rows it gives.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::category::{Belongs, belongs};
use super::coding::Concept;
use super::interpretation::interpretation;
use super::node::Node;
use super::person::{People, Person};
use super::range::reference_range;
use super::subject::{Or, effective, person, subject};
use super::version::version;
use super::{healthkit, value};
use crate::domain::Domain;
use crate::import::item::{Intake, Item, Lab, Parsed, Subject, Vital, label};

/// Reads an Observation: its version, one row for its value and one for each
/// component.
///
/// With `user` every row is that user's, whatever the subject.
pub(super) fn items(
    map: &Map<String, Value>,
    user: Option<i64>,
    people: &People,
) -> Result<Vec<Item>, String> {
    let node = Node::resource(map);
    let components = node.list("component")?;
    let status = node.text("status")?.unwrap_or_default();
    let subject = whose(node, user)?;
    let mut version = version(node, "Observation", user, subject.as_ref().ok())?;
    if matches!(status.as_str(), "entered-in-error" | "cancelled") {
        let is_lost = version.is_none() && status == "entered-in-error";
        let nameless = if is_lost { " without id" } else { "" };
        let version = version.map(|version| Item::Version(version.retracting()));
        let skipped = Item::Skipped(format!("status {status}{nameless}").into());
        return Ok(version.into_iter().chain([skipped]).collect());
    }
    let mut rows = Vec::with_capacity(1 + components.len());
    match frame(node, &components, subject)? {
        Ok(frame) => {
            let person = person(node, people)?;
            // A panel that only holds components has nothing of its own to
            // leave out.
            if components.is_empty() || value::is_present(node)? {
                rows.push(frame.found(node, person)?);
            }
            let concept = Concept::of(node, "code")?;
            for component in components {
                rows.push(match concept.healthkit_event() {
                    Some(event) => Found::skipped(format!("detail of {}", label(event)).into()),
                    None => frame.found(component, person)?,
                });
            }
        }
        Err(reason) => rows.push(Found::skipped(reason)),
    }
    let mut seen = HashMap::new();
    let mut items = Vec::with_capacity(1 + rows.len());
    for Found { mut item, former } in rows {
        number(&mut item, &mut seen);
        if let (Some(version), Some(former)) = (&mut version, former) {
            version.formerly.push(former);
        }
        items.push(item);
    }
    if let Some(version) = version {
        items.insert(0, Item::Version(version));
    }
    Ok(items)
}

/// Gives rows that one resource repeats names of their own: the second of
/// one code corrects no first.
pub(super) fn number(item: &mut Item, seen: &mut HashMap<(Domain, String), usize>) {
    let (key, source_id) = match item {
        Item::Vital(row) => ((Domain::Vitals, &row.payload.metric), &mut row.source_id),
        Item::Lab(row) => {
            let key = row.payload.code.as_ref().unwrap_or(&row.payload.name);
            ((Domain::Labs, key), &mut row.source_id)
        }
        Item::Nutrition(row) => (
            (Domain::Nutrition, &row.payload.nutrient),
            &mut row.source_id,
        ),
        Item::Version(_) | Item::Skipped(_) => return,
    };
    let times = seen.entry((key.0, key.1.clone())).or_default();
    *times += 1;
    if *times > 1
        && let Some(id) = source_id
    {
        *id = format!("{id}#{times}");
    }
}

/// One row of an observation.
struct Found {
    item: Item,
    /// The key that an earlier release gave the row, where it was another.
    former: Option<(Domain, String)>,
}

impl Found {
    fn skipped(reason: Cow<'static, str>) -> Found {
        Found {
            item: Item::Skipped(reason),
            former: None,
        }
    }
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

fn frame(
    node: Node<'_>,
    components: &[Node<'_>],
    subject: Or<Subject>,
) -> Result<Or<Frame>, String> {
    let subject = match subject {
        Ok(subject) => subject,
        Err(reason) => return Ok(Err(reason)),
    };
    let (mut vital_sign, mut lab_result) = (false, false);
    for named in std::iter::once(&node).chain(components) {
        let concept = Concept::of(*named, "code")?;
        // What is no metric is left out by its own name.
        vital_sign |= concept.is_vital_sign() || concept.healthkit().is_some();
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
    fn found(&self, node: Node<'_>, person: Person) -> Result<Found, String> {
        let concept = Concept::of(node, "code")?;
        let found = match &self.domain {
            Belongs::Nowhere(reason) => Err(Cow::Owned(reason.clone())),
            Belongs::Labs(category) => self.lab(node, &concept, category.clone(), person)?,
            Belongs::Vitals => match concept.dietary() {
                Some(nutrient) => intake(node, nutrient)?.map(|intake| Found {
                    item: Item::Nutrition(self.row(intake)),
                    former: None,
                }),
                None => vital(node, &concept)?.map(|vital| self.vital(&concept, vital)),
            },
        };
        Ok(found.unwrap_or_else(Found::skipped))
    }

    fn vital(&self, concept: &Concept, vital: Vital) -> Found {
        let former = concept.former_metric();
        let former = former.filter(|former| *former != vital.metric);
        Found {
            former: former.map(|former| (Domain::Vitals, former.to_owned())),
            item: Item::Vital(self.row(vital)),
        }
    }

    fn lab(
        &self,
        node: Node<'_>,
        concept: &Concept,
        category: Option<String>,
        person: Person,
    ) -> Result<Or<Found>, String> {
        let (value, unit) = match value::lab(node)? {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(name) = concept.name() else {
            return Ok(Err("no code".into()));
        };
        let code = match concept.result_code() {
            Ok(code) => code,
            Err(reason) => return Ok(Err(reason.into())),
        };
        let was_named = code.as_deref().is_some_and(|code| code.contains('|'));
        let range = reference_range(node, unit.as_deref(), person, self.common.start)?;
        let lab = Lab {
            code,
            name: name.to_owned(),
            category,
            value: Some(value),
            unit,
            reference_range: range,
            interpretation: interpretation(node)?,
        };
        Ok(Ok(Found {
            former: was_named.then(|| (Domain::Labs, name.to_owned())),
            item: Item::Lab(self.row(lab)),
        }))
    }

    fn row<P>(&self, payload: P) -> Parsed<P> {
        self.common.clone().with(payload)
    }
}

fn vital(node: Node<'_>, concept: &Concept) -> Result<Or<Vital>, String> {
    if let Some(kind) = concept.healthkit()
        && let Some(found) = healthkit::category(kind, node)?
    {
        return Ok(found);
    }
    if let Some(kind) = concept.healthkit().filter(|_| !concept.is_vital_sign()) {
        return Ok(Err(label(kind).into()));
    }
    let metric = concept.metric();
    let mut measured = match value::vital(node, metric.unwrap_or_default())? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    if concept.healthkit().is_some() {
        measured.unit = healthkit::unit(measured.unit);
    }
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

fn intake(node: Node<'_>, nutrient: &str) -> Result<Or<Intake>, String> {
    let measured = match value::vital(node, nutrient)? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    if measured.comparator.is_some() {
        return Ok(Err("bound of an amount".into()));
    }
    Ok(Ok(Intake {
        nutrient: nutrient.to_owned(),
        amount: measured.value,
        unit: measured.unit,
        meal: None,
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
        let people = People::default();
        items(&serde_json::from_str(text).unwrap(), None, &people)
    }

    fn reasons(text: &str) -> Vec<String> {
        let items = read(text).unwrap();
        items
            .into_iter()
            .map(|item| match item {
                Item::Skipped(reason) => reason.into_owned(),
                Item::Version(version) => version.resource,
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
        assert_eq!(items.unwrap()[1..], [expected]);
    }

    const PANEL: &str = r#"{"id":"o2","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
        "subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-05-06T10:00:00Z",VALUE
        "component":[
          {"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120}},
          {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"dataAbsentReason":{}}]}"#;

    #[test]
    fn components_of_an_event_measure_nothing() {
        let event = |kind: &str| {
            PANEL.replace("VALUE", &format!(r#""valueString":"{kind}","#)).replace(
                r#""system":"http://loinc.org","code":"85354-9""#,
                &format!(r#""system":"http://developer.apple.com/documentation/healthkit","code":"{kind}""#),
            )
        };
        let alarm = "HKCategoryTypeIdentifierHighHeartRateEvent";
        let detail = format!("detail of {alarm}");
        assert_eq!(
            reasons(&event(alarm)),
            ["Observation/o2", alarm, &detail, &detail]
        );
        let pressure = event("HKCorrelationTypeIdentifierBloodPressure");
        assert!(reasons(&pressure).contains(&"row 8480-6".to_owned()));
    }

    #[test]
    fn components_are_rows_of_their_own_even_without_a_category() {
        assert_eq!(
            reasons(&PANEL.replace("VALUE", "")),
            ["Observation/o2", "row 8480-6", "data absent"]
        );
        let both = PANEL.replace("VALUE", r#""valueInteger":93,"#);
        assert_eq!(
            reasons(&both),
            ["Observation/o2", "row 85354-9", "row 8480-6", "data absent"]
        );
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

    /// What one observation of these codes, category and value becomes.
    fn becomes(codings: &str, category: &str, value: &str) -> String {
        let category = match category {
            "" => String::new(),
            code => format!(r#""category":[{{"coding":[{{"code":"{code}"}}]}}],"#),
        };
        let text = format!(
            r#"{{"code":{{"coding":[{codings}]}},{category}{value},
                "subject":{{"reference":"Patient/p"}},
                "effectivePeriod":{{"start":"2024-05-06T01:00:00Z","end":"2024-05-06T02:10:00Z"}}}}"#
        );
        let items = read(&text).unwrap();
        let shown = items.iter().map(|item| match item {
            Item::Vital(row) => {
                let Vital { metric, value, .. } = &row.payload;
                let value = value.map_or("-".to_owned(), |value| value.to_string());
                format!("vital {metric} {value}")
            }
            Item::Lab(row) => format!("lab {}", row.payload.code.as_deref().unwrap_or("-")),
            Item::Nutrition(row) => format!("nutrition {}", row.payload.nutrient),
            Item::Skipped(reason) => reason.clone().into_owned(),
            Item::Version(_) => panic!("it has no id"),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn codes_decide_before_categories() {
        let loinc = |code: &str| format!(r#"{{"system":"http://loinc.org","code":"{code}"}}"#);
        let hk = |code: &str| {
            format!(
                r#"{{"system":"http://developer.apple.com/documentation/healthkit","code":"{code}"}}"#
            )
        };
        let local = |system: &str, code: &str| {
            format!(r#"{{"system":"{system}","code":"{code}","display":"Glucose"}}"#)
        };
        let number = r#""valueQuantity":{"value":64,"unit":"/min"}"#;
        let words =
            |code: &str| format!(r#""valueCodeableConcept":{{"coding":[{{"code":"{code}"}}]}}"#);
        let sleep = hk("HKCategoryTypeIdentifierSleepAnalysis");
        for (codings, category, value, expected) in [
            (loinc("8867-4"), "vital-signs", number, "vital 8867-4 64"),
            (loinc("8867-4"), "exam", number, "vital 8867-4 64"),
            (
                loinc("41950-7"),
                "activity",
                r#""valueInteger":6120"#,
                "vital 41950-7 6120",
            ),
            (loinc("8867-4"), "survey", number, "vital 8867-4 64"),
            (loinc("8867-4"), "social-history", number, "vital 8867-4 64"),
            (loinc("8867-4"), "", number, "vital 8867-4 64"),
            (loinc("8867-4"), "laboratory", number, "lab 8867-4"),
            (loinc("2823-3"), "exam", number, "lab 2823-3"),
            (loinc("2823-3"), "", number, "lab 2823-3"),
            (
                loinc("72166-2"),
                "social-history",
                number,
                "category social-history",
            ),
            (
                loinc("8867-4"),
                "exam",
                r#""valueString":" 72 ""#,
                "vital 8867-4 72",
            ),
            (
                loinc("8867-4"),
                "exam",
                r#""valueString":"fast""#,
                "valueString is not a number",
            ),
            (
                loinc("8867-4"),
                "exam",
                r#""valueBoolean":true"#,
                "valueBoolean is not a number",
            ),
            (
                loinc("8867-4"),
                "exam",
                r#""valueRange":{}"#,
                "valueRange is not a number",
            ),
            (
                loinc("8867-4"),
                "exam",
                r#""valueRatio":{}"#,
                "valueRatio is not a number",
            ),
            (
                loinc("8867-4"),
                "exam",
                r#""valueSampledData":{}"#,
                "valueSampledData is not a number",
            ),
            // Codes without a system: registered ones are LOINC.
            (
                r#"{"code":"2823-3"}"#.into(),
                "laboratory",
                number,
                "lab 2823-3",
            ),
            (r#"{"code":"GLU"}"#.into(), "laboratory", number, "lab |GLU"),
            // Local codes with their system, declared as LOINC or not.
            (
                local("urn:lab", "GLU-B"),
                "laboratory",
                number,
                "lab urn:lab|GLU-B",
            ),
            (
                local("urn:lab", "GLU-U"),
                "laboratory",
                number,
                "lab urn:lab|GLU-U",
            ),
            (
                local("http://loinc.org", "2345-6"),
                "laboratory",
                number,
                "lab http://loinc.org|2345-6",
            ),
            (
                format!("{},{}", local("urn:lab", "K"), loinc("2823-3")),
                "laboratory",
                number,
                "lab 2823-3",
            ),
            (
                format!("{},{}", loinc("24326-1"), loinc("2823-3")),
                "laboratory",
                number,
                "lab 2823-3",
            ),
            // `HealthKit` types, with a LOINC code beside them or alone.
            (
                hk("HKQuantityTypeIdentifierHeartRate"),
                "",
                number,
                "vital HKQuantityTypeIdentifierHeartRate 64",
            ),
            (
                hk("HKQuantityTypeIdentifierDistanceWalkingRunning"),
                "activity",
                number,
                "vital HKQuantityTypeIdentifierDistanceWalkingRunning 64",
            ),
            (
                r#"{"code":"HKQuantityTypeIdentifierStepCount"}"#.into(),
                "",
                r#""valueInteger":7"#,
                "vital HKQuantityTypeIdentifierStepCount 7",
            ),
            (
                format!(
                    "{},{}",
                    loinc("59408-5"),
                    hk("HKQuantityTypeIdentifierOxygenSaturation")
                ),
                "",
                r#""valueQuantity":{"value":0.97,"unit":"%"}"#,
                "vital HKQuantityTypeIdentifierOxygenSaturation 0.97",
            ),
            (
                hk("HKQuantityTypeIdentifierDietaryProtein"),
                "",
                number,
                "nutrition HKQuantityTypeIdentifierDietaryProtein",
            ),
            (
                hk("HKQuantityTypeIdentifierDietaryProtein"),
                "vital-signs",
                number,
                "nutrition HKQuantityTypeIdentifierDietaryProtein",
            ),
            (
                hk("HKQuantityTypeIdentifierNoSuchThing"),
                "",
                number,
                "HKQuantityTypeIdentifierNoSuchThing",
            ),
            (
                hk("HKCategoryTypeIdentifierAcne"),
                "",
                &words("severe"),
                "HKCategoryTypeIdentifierAcne",
            ),
            (
                hk("HKCategoryTypeIdentifierMindfulSession"),
                "",
                r#""valueInteger":0"#,
                "vital HKCategoryTypeIdentifierMindfulSession -",
            ),
            (
                hk("HKCategoryTypeIdentifierAppleStandHour"),
                "",
                r#""valueString":"stood""#,
                "vital HKCategoryTypeIdentifierAppleStandHour 1",
            ),
            (
                sleep.clone(),
                "",
                &words("asleepCore"),
                "vital sleep_core -",
            ),
            (
                sleep.clone(),
                "",
                &words("HKCategoryValueSleepAnalysisAsleepREM"),
                "vital sleep_rem -",
            ),
            (
                sleep.clone(),
                "",
                r#""valueString":"Asleep Deep""#,
                "vital sleep_deep -",
            ),
            (
                sleep.clone(),
                "",
                r#""valueInteger":2"#,
                "vital sleep_awake -",
            ),
            (
                sleep.clone(),
                "",
                r#""valueCodeableConcept":{"text":"in bed"}"#,
                "vital sleep_in_bed -",
            ),
            (sleep, "", r#""valueInteger":9"#, "unknown sleep value"),
        ] {
            assert_eq!(
                becomes(&codings, category, value),
                expected,
                "{codings} {category} {value}"
            );
        }
    }

    #[test]
    fn repeated_components_are_rows_of_their_own() {
        let component = r#"{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueInteger":120}"#;
        let text = format!(
            r#"{{"id":"o3","code":{{"text":"x"}},"subject":{{"reference":"Patient/p"}},
                "effectiveDateTime":"2024-05-06","component":[{component},{component},
                {{"code":{{"coding":[{{"system":"http://loinc.org","code":"8462-4"}}]}},"valueInteger":80}}]}}"#
        );
        let ids: Vec<_> = read(&text)
            .unwrap()
            .into_iter()
            .filter_map(|item| match item {
                Item::Vital(row) => row.source_id,
                _ => None,
            })
            .collect();
        assert_eq!(ids, ["o3", "o3#2", "o3"]);
    }

    #[test]
    fn the_user_of_the_caller_takes_every_row() {
        let text = r#"{"code":{"text":"pulse"},"category":[{"text":"vital-signs"}],
            "subject":{"reference":"Group/g"},"effectiveDateTime":"2024-05-06","valueInteger":60}"#;
        let people = People::default();
        let items = items(&serde_json::from_str(text).unwrap(), Some(7), &people).unwrap();
        assert!(matches!(&items[..], [Item::Vital(row)] if row.subject == Subject::User(7)));
    }
}
