//! Whom an observation is about, and when it was made.

use std::borrow::Cow;

use super::node::Node;
use super::person::{People, Person};
use crate::import::item::{Subject, label};
use crate::import::time::{self, Time, When};

/// What a part of an observation says, or why the observation is left out.
pub(super) type Or<T> = Result<T, Cow<'static, str>>;

/// The types that FHIR allows as subjects and that are no persons.
const NOT_PERSONS: &[&str] = &["Group", "Device", "Location", "Organization", "Substance"];

/// Reads `subject`: a reference to a Patient, or an identifier of one.
pub(super) fn subject(observation: Node<'_>) -> Result<Or<Subject>, String> {
    let Some(subject) = observation.object("subject")? else {
        return Ok(Err("no subject".into()));
    };
    let kind = subject.text("type")?;
    if let Some(kind) = kind.filter(|kind| kind != "Patient" && !kind.ends_with("/Patient")) {
        return Ok(Err(format!("subject is a {}", label(&kind)).into()));
    }
    if let Some(reference) = subject.text("reference")? {
        return Ok(from_reference(&reference));
    }
    let Some(identifier) = subject.object("identifier")? else {
        return Ok(Err("no subject".into()));
    };
    let system = identifier.text("system")?.unwrap_or_default();
    Ok(match identifier.text("value")? {
        Some(value) => Ok(Subject::Reference(format!("{system}|{value}"))),
        None => Err("no subject".into()),
    })
}

/// What is known of the person that `subject` refers to, in the file or
/// contained in the observation itself.
pub(super) fn person(observation: Node<'_>, people: &People) -> Result<Person, String> {
    if let Ok(Subject::Reference(reference)) = subject(observation)? {
        // A file of one server may give its people without their address.
        let bare = reference.rsplit_once("/Patient/").map(|(_, id)| id);
        let known = people
            .get(&reference)
            .or(bare.and_then(|id| people.get(id)));
        return Ok(known.unwrap_or_default());
    }
    let Some(subject) = observation.object("subject")? else {
        return Ok(Person::default());
    };
    let reference = subject.text("reference")?.unwrap_or_default();
    for contained in observation.list("contained")? {
        let is_patient = contained.text("resourceType")?.as_deref() == Some("Patient");
        let id = contained.text("id")?.unwrap_or_default();
        if is_patient && reference.strip_prefix('#') == Some(id.as_str()) {
            return Ok(Person::read(contained));
        }
    }
    Ok(Person::default())
}

/// The name of a person that a `fullUrl` gives.
pub(super) fn person_named(url: &str) -> Option<String> {
    match from_reference(url) {
        Ok(Subject::Reference(reference)) => Some(reference),
        _ => None,
    }
}

fn from_reference(reference: &str) -> Or<Subject> {
    let reference = match reference.split_once("/_history/") {
        Some((current, _)) => current,
        None => reference,
    };
    if reference.starts_with('#') {
        return Err("subject is contained".into());
    }
    if let Some(identifier) = reference.strip_prefix("Patient?identifier=") {
        return Ok(Subject::Reference(identifier.to_owned()));
    }
    let absolute = reference.contains("://");
    let kind = reference.rsplit('/').nth(1);
    match kind {
        Some(kind) if !absolute && kind != "Patient" => {
            Err(format!("subject is a {}", label(kind)).into())
        }
        Some(kind) if NOT_PERSONS.contains(&kind) => Err(format!("subject is a {kind}").into()),
        _ if absolute => Ok(Subject::Reference(reference.to_owned())),
        _ => Ok(Subject::from_reference(reference)),
    }
}

/// Reads `effective[x]`; never `issued`, which says when a report was made
/// available.
pub(super) fn effective(observation: Node<'_>) -> Result<Or<(When, Option<When>)>, String> {
    // A period says more than a time that some write beside it.
    if let Some(period) = observation.object("effectivePeriod")? {
        return interval(period);
    }
    for field in ["effectiveDateTime", "effectiveInstant"] {
        if let Some(text) = observation.text(field)? {
            return Ok(instant(field, &text)?.map(|when| (when, None)));
        }
    }
    if let Some(timing) = observation.object("effectiveTiming")?
        && let Some(text) = timing.first_text("event")?
    {
        return Ok(instant("effectiveTiming.event", &text)?.map(|when| (when, None)));
    }
    Ok(Err("no time".into()))
}

/// Reads `occurrence[x]`; never `recorded`, which says when somebody wrote it
/// down.
pub(super) fn occurrence(event: Node<'_>) -> Result<Or<(When, Option<When>)>, String> {
    let field = "occurrenceDateTime";
    if let Some(text) = event.text(field)? {
        return Ok(instant(field, &text)?.map(|when| (when, None)));
    }
    match event.object("occurrencePeriod")? {
        Some(period) => interval(period),
        None => Ok(Err("no time".into())),
    }
}

/// A period that has only an end is that moment.
fn interval(period: Node<'_>) -> Result<Or<(When, Option<When>)>, String> {
    let read = |field: &'static str| -> Result<Option<Or<When>>, String> {
        match period.text(field)? {
            Some(text) => Ok(Some(instant(field, &text)?)),
            None => Ok(None),
        }
    };
    Ok(match (read("start")?, read("end")?) {
        (Some(Ok(start)), Some(Ok(end))) => Ok((start, Some(end))),
        (Some(Ok(only)), None) | (None, Some(Ok(only))) => Ok((only, None)),
        (None, None) => Err("no time".into()),
        (Some(Err(reason)), _) | (_, Some(Err(reason))) => Err(reason),
    })
}

fn instant(field: &str, text: &str) -> Result<Or<When>, String> {
    match time::parse(text) {
        Ok(Time::At(when)) => Ok(Ok(when)),
        Ok(Time::Partial) => Ok(Err("time without a day".into())),
        Err(cause) => Err(format!("`{field}` {cause}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn who(value: Value) -> Or<Subject> {
        let map = map(json!({"subject": value}));
        subject(Node::resource(&map)).unwrap()
    }

    fn reference(text: &str) -> Or<String> {
        who(json!({"reference": text})).map(|subject| match subject {
            Subject::Reference(reference) => reference,
            Subject::User(_) => panic!("a reference"),
        })
    }

    #[test]
    fn a_patient_has_one_reference() {
        for (text, expected) in [
            ("Patient/x", "x"),
            ("Patient/x/_history/3", "x"),
            ("urn:uuid:x", "x"),
            (
                "https://a.org/r4/Patient/x/_history/1",
                "https://a.org/r4/Patient/x",
            ),
            ("Patient?identifier=urn:a|7", "urn:a|7"),
        ] {
            assert_eq!(reference(text), Ok(expected.to_owned()));
        }
        let identifier = who(json!({"identifier": {"system": "urn:a", "value": "7"}}));
        assert_eq!(identifier, Ok(Subject::Reference("urn:a|7".into())));
    }

    #[test]
    fn other_subjects_are_left_out() {
        for (text, reason) in [
            ("Group/herd1", "subject is a Group"),
            ("https://a.org/Device/1", "subject is a Device"),
            ("#newborn", "subject is contained"),
        ] {
            assert_eq!(reference(text), Err(reason.into()));
        }
        assert_eq!(
            who(json!({"display": "an oyster"})),
            Err("no subject".into())
        );
        let typed = who(json!({"reference": "urn:uuid:x", "type": "Location"}));
        assert_eq!(typed, Err("subject is a Location".into()));
        assert_eq!(who(Value::Null), Err("no subject".into()));
    }

    #[test]
    fn reads_each_way_to_say_when() {
        let read = |value: Value| effective(Node::resource(&map(value)));
        let day = |text: &str| match time::parse(text) {
            Ok(Time::At(when)) => when,
            _ => panic!("a time"),
        };
        let one = Ok(Ok((day("2024-05-06"), None)));
        assert_eq!(read(json!({"effectiveDateTime": "2024-05-06"})), one);
        assert_eq!(
            read(json!({"effectivePeriod": {"start": "2024-05-06"}})),
            one
        );
        assert_eq!(
            read(json!({"effectiveTiming": {"event": ["2024-05-06"]}})),
            one
        );
        let period = json!({"effectivePeriod": {"start": "2024-05-06", "end": "2024-05-07"}});
        assert_eq!(
            read(period),
            Ok(Ok((day("2024-05-06"), Some(day("2024-05-07")))))
        );
        let both = json!({"effectiveDateTime": "2024-05-08",
            "effectivePeriod": {"start": "2024-05-06", "end": "2024-05-07"}});
        assert_eq!(
            read(both),
            Ok(Ok((day("2024-05-06"), Some(day("2024-05-07")))))
        );
        let none = Ok(Err("no time".into()));
        assert_eq!(read(json!({"issued": "2024-05-06T00:00:00Z"})), none);
        let partial = Ok(Err("time without a day".into()));
        assert_eq!(read(json!({"effectiveDateTime": "2024-05"})), partial);
        let bad = read(json!({"effectiveDateTime": "yesterday"}));
        assert_eq!(bad, Err("`effectiveDateTime` is not a date or time".into()));
    }
}
