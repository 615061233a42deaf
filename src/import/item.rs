//! What a file says, before a user's id and time zone are known.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::time::When;
use crate::domain::Domain;
use crate::domain::bounds::{MAX_KEY, MAX_TEXT};
use crate::domain::number::Comparator;

/// One row that a file gave, or the reason why it gave none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Vital(Parsed<Vital>),
    Lab(Parsed<Lab>),
    Nutrition(Parsed<Intake>),
    /// The version of a resource that the rows of its record are of.
    Version(Version),
    /// Understood and left out; counted by this reason.
    Skipped(Cow<'static, str>),
}

/// Why a version is left out of which a newer one is known.
pub(crate) const OLDER: &str = "older version";

/// A version of a resource. The newest one decides which rows it has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    /// Type and id, `Observation/o1`.
    pub(crate) resource: String,
    /// None for the resource of this name from any source.
    pub(crate) source: Option<String>,
    /// The user that the caller gave: ids are taken as unique within it.
    pub(crate) user: Option<i64>,
    /// None where the version does not say.
    pub(crate) subject: Option<Subject>,
    pub(crate) last_updated: Option<DateTime<Utc>>,
    /// The version id, where it is a number.
    pub(crate) number: Option<i64>,
    /// Whether the resource has no rows until a newer version comes.
    pub(crate) retracted: bool,
    /// Keys that an earlier release gave rows of this version.
    pub(crate) formerly: Vec<(Domain, String)>,
}

impl Version {
    pub(crate) fn retracting(self) -> Version {
        Version {
            retracted: true,
            ..self
        }
    }

    /// The id alone, the `source_id` of its rows.
    pub(crate) fn id(&self) -> &str {
        let id = self.resource.split_once('/');
        id.map_or(&self.resource, |(_, id)| id)
    }
}

/// Whose row it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    User(i64),
    /// The file's own name of the person; the store gives it a user id.
    Reference(String),
}

impl Subject {
    /// The person behind a reference: `Patient/x` and `urn:uuid:x` are `x`.
    pub(crate) fn from_reference(reference: &str) -> Subject {
        let id = reference
            .strip_prefix("Patient/")
            .or_else(|| reference.strip_prefix("urn:uuid:"))
            .unwrap_or(reference);
        Subject::Reference(id.to_owned())
    }
}

/// A row with the columns that all domains have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parsed<P> {
    pub(crate) subject: Subject,
    pub(crate) start: When,
    pub(crate) end: Option<When>,
    /// Minutes east of UTC, where the file says it apart from the times.
    pub(crate) offset_minutes: Option<i32>,
    pub(crate) source: String,
    pub(crate) source_id: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) payload: P,
}

impl<P> Parsed<P> {
    fn come_from(&mut self, source: &str) -> Option<&mut Subject> {
        source.clone_into(&mut self.source);
        Some(&mut self.subject)
    }

    /// Whose row it is, and whether its times are those of a clock on the wall
    /// that only the person's zone makes instants.
    pub(crate) fn subject_and_need(&self) -> (&Subject, bool) {
        let local = self.start.needs_zone() || self.end.is_some_and(|end| end.needs_zone());
        (&self.subject, local && self.offset_minutes.is_none())
    }
}

impl Parsed<()> {
    /// The row with what its domain adds.
    pub(crate) fn with<P>(self, payload: P) -> Parsed<P> {
        Parsed {
            subject: self.subject,
            start: self.start,
            end: self.end,
            offset_minutes: self.offset_minutes,
            source: self.source,
            source_id: self.source_id,
            device: self.device,
            note: self.note,
            payload,
        }
    }
}

/// A vital sign but for its times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vital {
    pub(crate) metric: String,
    pub(crate) value: Option<f64>,
    pub(crate) comparator: Option<Comparator>,
    pub(crate) unit: Option<String>,
}

/// A laboratory result but for its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lab {
    pub(crate) code: Option<String>,
    pub(crate) name: String,
    pub(crate) category: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) reference_range: Option<String>,
    pub(crate) interpretation: Option<String>,
}

/// An amount of a nutrient but for its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Intake {
    pub(crate) nutrient: String,
    pub(crate) amount: Option<f64>,
    pub(crate) unit: Option<String>,
    pub(crate) meal: Option<String>,
}

/// Whether a `HealthKit` identifier is one of those of nutrients.
pub(crate) fn is_dietary(identifier: &str) -> bool {
    identifier.starts_with("HKQuantityTypeIdentifierDietary")
}

impl Item {
    /// Makes the item one of `source`, within which its ids and those of its
    /// person are unique.
    pub(crate) fn come_from(&mut self, source: &str) {
        let subject = match self {
            Item::Vital(row) => row.come_from(source),
            Item::Lab(row) => row.come_from(source),
            Item::Nutrition(row) => row.come_from(source),
            Item::Version(version) => {
                version.source = Some(source.to_owned());
                version.subject.as_mut()
            }
            Item::Skipped(_) => None,
        };
        if let Some(Subject::Reference(reference)) = subject {
            // Addresses and identifiers with a system say whose they are.
            let is_global =
                reference.contains("://") || reference.find('|').is_some_and(|at| at > 0);
            if !is_global {
                *reference = format!("{}/Patient/{reference}", source.trim_end_matches('/'));
            }
        }
    }

    /// Refuses texts that no database column or index can hold.
    ///
    /// `PostgreSQL` stores no NUL character, and one such text would fail the
    /// whole batch.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Item::Vital(row) => {
                check_common(row)?;
                check_text("metric", Some(&row.payload.metric), MAX_KEY)?;
                check_text("unit", row.payload.unit.as_deref(), MAX_KEY)
            }
            Item::Lab(row) => {
                check_common(row)?;
                let lab = &row.payload;
                check_text("code", lab.code.as_deref(), MAX_KEY)?;
                check_text("name", Some(&lab.name), MAX_KEY)?;
                check_text("unit", lab.unit.as_deref(), MAX_KEY)?;
                check_text("category", lab.category.as_deref(), MAX_TEXT)?;
                check_text("value", lab.value.as_deref(), MAX_TEXT)?;
                check_text("reference range", lab.reference_range.as_deref(), MAX_TEXT)?;
                check_text("interpretation", lab.interpretation.as_deref(), MAX_TEXT)
            }
            Item::Nutrition(row) => {
                check_common(row)?;
                check_text("nutrient", Some(&row.payload.nutrient), MAX_KEY)?;
                check_text("unit", row.payload.unit.as_deref(), MAX_KEY)?;
                check_text("meal", row.payload.meal.as_deref(), MAX_KEY)
            }
            Item::Version(version) => {
                if let Some(Subject::Reference(reference)) = &version.subject {
                    check_text("subject", Some(reference), MAX_KEY)?;
                }
                check_text("source", version.source.as_deref(), MAX_KEY)?;
                check_text("source id", Some(version.id()), MAX_KEY)
            }
            Item::Skipped(_) => Ok(()),
        }
    }
}

fn check_common<P>(row: &Parsed<P>) -> Result<(), String> {
    if let Subject::Reference(reference) = &row.subject {
        check_text("subject", Some(reference), MAX_KEY)?;
    }
    check_text("source", Some(&row.source), MAX_KEY)?;
    check_text("source id", row.source_id.as_deref(), MAX_KEY)?;
    check_text("device", row.device.as_deref(), MAX_TEXT)?;
    check_text("note", row.note.as_deref(), MAX_TEXT)
}

fn check_text(column: &str, text: Option<&str>, max: usize) -> Result<(), String> {
    match text {
        Some(text) if text.contains('\0') => Err(format!("the {column} holds a NUL character")),
        Some(text) if text.len() > max => Err(format!("the {column} is longer than {max} bytes")),
        _ => Ok(()),
    }
}

/// Makes a text from a file fit to stand in a reason or an error: short, and
/// without control characters.
pub(crate) fn label(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// `text` without surrounding white space; none if nothing is left.
pub(crate) fn non_empty(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str) -> Item {
        Item::Vital(Parsed {
            subject: Subject::User(1),
            start: When::Day(chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap()),
            end: None,
            offset_minutes: None,
            source: "s".into(),
            source_id: None,
            device: None,
            note: None,
            payload: Vital {
                metric: metric.into(),
                value: None,
                comparator: None,
                unit: None,
            },
        })
    }

    #[test]
    fn references_name_one_person_however_written() {
        for reference in ["Patient/x", "urn:uuid:x", "x"] {
            let expected = Subject::Reference("x".into());
            assert_eq!(Subject::from_reference(reference), expected);
        }
    }

    #[test]
    fn refuses_texts_that_a_database_refuses() {
        assert!(row("heart_rate").check().is_ok());
        assert_eq!(
            row("heart\0rate").check().unwrap_err(),
            "the metric holds a NUL character"
        );
        assert_eq!(
            row(&"x".repeat(501)).check().unwrap_err(),
            "the metric is longer than 500 bytes"
        );
    }

    #[test]
    fn labels_are_short_and_printable() {
        assert_eq!(label("a\u{1b}[31mb\n"), "a[31mb");
        assert_eq!(label(&"ä".repeat(100)).chars().count(), 64);
    }

    #[test]
    fn keeps_non_breaking_spaces() {
        assert_eq!(non_empty(" a\u{a0} ").as_deref(), Some("a\u{a0}"));
        assert_eq!(non_empty(" \t"), None);
    }
}
