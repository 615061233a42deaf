//! `export.xml`, read as a stream.

use std::io::{self, Read};
use std::rc::Rc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader, XmlVersion};

use super::record::Record;
use crate::import::item::{Item, label};
use crate::import::reader::{Halt, Position, Sink, Tracked};

/// Deepest nesting of elements; real exports have four levels.
const MAX_DEPTH: usize = 32;
/// Most attributes of one element; real exports have about ten.
const MAX_ATTRIBUTES: usize = 100;
/// The root of an export.
const ROOT: &str = "HealthData";

/// Reads an export; all rows are of `user`.
pub(super) fn read(reader: impl Read, user: i64, sink: &mut dyn Sink) -> Result<(), Halt> {
    let reader = Tracked::new(reader).map_err(|error| Halt::io(1, error))?;
    let mut export = Export {
        position: reader.position(),
        path: Vec::new(),
        record: None,
        user,
        sink,
    };
    let position = Rc::clone(&export.position);
    let mut reader = Reader::from_reader(reader);
    let mut buffer = Vec::new();
    let mut root_ended = false;
    loop {
        buffer.clear();
        position.next_record();
        let event = reader.read_event_into(&mut buffer);
        match event.map_err(|error| halt(&position, error))? {
            Event::Start(element) => export.open(&element)?,
            Event::Empty(element) => {
                export.open(&element)?;
                export.close()?;
            }
            Event::End(_) => {
                export.close()?;
                root_ended |= export.path.is_empty();
            }
            Event::Eof if root_ended => return Ok(()),
            Event::Eof => return Err(export.truncated()),
            // Texts say nothing, and no entity that a document type declares
            // is ever expanded.
            _ => {}
        }
    }
}

/// The name of a document's root element.
pub(super) fn root(reader: impl Read) -> Result<String, Halt> {
    let reader = Tracked::new(reader).map_err(|error| Halt::io(1, error))?;
    let position = reader.position();
    let mut reader = Reader::from_reader(reader);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        match event.map_err(|error| halt(&position, error))? {
            Event::Start(element) | Event::Empty(element) => {
                return Ok(element.name().as_ref().to_owned());
            }
            Event::Eof => return Err(Halt::fault(position.line(), "no XML element found")),
            _ => {}
        }
    }
}

/// Whether a document is an Apple Health export.
pub(super) fn is_export(reader: impl Read) -> bool {
    root(reader).is_ok_and(|root| root == ROOT)
}

struct Export<'a> {
    position: Rc<Position>,
    /// Names of the open elements.
    path: Vec<String>,
    /// The top-level record that is open, or what is wrong with it.
    record: Option<Result<Record, String>>,
    user: i64,
    sink: &'a mut dyn Sink,
}

impl Export<'_> {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), Halt> {
        let name = element.name();
        let name = name.as_ref();
        let line = self.position.line();
        if self.path.len() >= MAX_DEPTH {
            let cause = format!("elements are nested deeper than {MAX_DEPTH}");
            return Err(Halt::fault(line, cause));
        }
        match (self.path.len(), name) {
            (0, ROOT) => {}
            (0, other) => {
                let cause = format!("the root element is `{}`, not `{ROOT}`", label(other));
                return Err(Halt::fault(line, cause));
            }
            (1, "ExportDate" | "Me") => {}
            (1, "Record") => self.record = Some(record(element)),
            // Records within a Correlation appear at the top level as well.
            (1, other) => {
                let item = Item::Skipped(label(other).into());
                self.sink.record(line, Ok(vec![item]))?;
            }
            (2, "MetadataEntry") => self.metadata(element),
            _ => {}
        }
        self.path.push(name.to_owned());
        Ok(())
    }

    fn close(&mut self) -> Result<(), Halt> {
        self.path.pop();
        if self.path.len() == 1
            && let Some(record) = self.record.take()
        {
            let item = record.and_then(|record| record.item(self.user));
            let line = self.position.line();
            self.sink.record(line, item.map(|item| vec![item]))?;
        }
        Ok(())
    }

    fn metadata(&mut self, element: &BytesStart<'_>) {
        let Some(Ok(record)) = &mut self.record else {
            return;
        };
        let (mut key, mut value) = (String::new(), String::new());
        let read = attributes(element, |name, text| match name {
            "key" => key = text,
            "value" => value = text,
            _ => {}
        });
        match read {
            Ok(()) => record.metadata(&key, &value),
            Err(cause) => self.record = Some(Err(cause)),
        }
    }

    fn truncated(&self) -> Halt {
        let cause = match self.path.last() {
            Some(open) => format!("the file ends within `{}`: it is truncated", label(open)),
            None => format!("no `{ROOT}` element found"),
        };
        Halt::fault(self.position.line(), cause)
    }
}

fn record(element: &BytesStart<'_>) -> Result<Record, String> {
    let mut record = Record::default();
    attributes(element, |name, value| record.attribute(name, value))?;
    Ok(record)
}

/// Reads an element's attributes. Only the five predefined entities and
/// character references are resolved.
///
/// Checks for duplicates itself, after the bound on their number: the
/// reader's own check takes quadratic time.
fn attributes(element: &BytesStart<'_>, mut take: impl FnMut(&str, String)) -> Result<(), String> {
    let mut seen = Vec::new();
    let mut attributes = element.attributes();
    for attribute in attributes.with_checks(false) {
        let attribute = attribute.map_err(|_| "an attribute is not `name=\"value\"`")?;
        let name = attribute.key.as_ref().to_owned();
        if seen.len() >= MAX_ATTRIBUTES {
            return Err(format!(
                "an element has more than {MAX_ATTRIBUTES} attributes"
            ));
        }
        if seen.contains(&name) {
            return Err(format!("attribute `{}` is given twice", label(&name)));
        }
        let value = attribute.normalized_value(XmlVersion::Explicit1_0);
        let value = value.map_err(|_| {
            let name = label(&name);
            format!("attribute `{name}` holds an entity that is not predefined")
        })?;
        take(&name, value.into_owned());
        seen.push(name);
    }
    Ok(())
}

fn halt(position: &Position, error: Error) -> Halt {
    let line = position.line();
    match error {
        Error::Io(error) => Halt::io(line, io::Error::new(error.kind(), error.to_string())),
        Error::Encoding(_) => Halt::fault(line, "the file is not UTF-8"),
        Error::Syntax(error) => Halt::fault(line, format!("broken XML: {error}")),
        Error::IllFormed(_) => Halt::fault(line, "broken XML: a tag is closed that is not open"),
        _ => Halt::fault(line, "broken XML"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::testing::{Collected, fault};

    fn export(content: &str) -> Collected {
        let mut found = Collected::keep_going();
        read(format!("{DTD}{content}").as_bytes(), 1, &mut found).unwrap();
        found
    }

    fn cause(content: &str) -> String {
        let fault = fault(read(content.as_bytes(), 1, &mut Collected::keep_going()));
        format!("{}: {}", fault.line.unwrap(), fault.cause)
    }

    const DTD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n\
        <!ELEMENT HealthData (ExportDate)>\n<!ENTITY a \"&b;&b;\">\n]>\n";
    const STEPS: &str = "<Record type=\"HKQuantityTypeIdentifierStepCount\" sourceName=\"My\u{a0}Phone\" \
        unit=\"count\" startDate=\"2014-09-13 10:27:54 +0100\" endDate=\"2014-09-13 10:27:59 +0100\" value=\"329\"";

    #[test]
    fn takes_records_once_and_counts_the_rest() {
        let found = export(&format!(
            "<HealthData>\n<ExportDate value=\"x\"/><Me/>\n{STEPS}/>\n\
             <Correlation type=\"c\">{STEPS}/></Correlation>\n\
             {STEPS}><MetadataEntry key=\"HKWasUserEntered\" value=\"1\"/></Record>\
             <Workout><WorkoutEvent/></Workout><ActivitySummary/>\n</HealthData>\n"
        ));
        assert_eq!(
            found.reasons(),
            ["Correlation", "Workout", "ActivitySummary"]
        );
        assert_eq!((found.read, found.items.len()), (5, 5));
        let Item::Vital(row) = &found.items[0] else {
            panic!("{:?}", found.items);
        };
        assert_eq!(row.source, "My\u{a0}Phone");
        assert_eq!(
            (row.payload.value, row.note.as_deref()),
            (Some(329.0), None)
        );
        let Item::Vital(row) = &found.items[2] else {
            panic!("{:?}", found.items);
        };
        assert_eq!(row.note.as_deref(), Some("user entered"));
    }

    #[test]
    fn a_bad_record_is_one_error_and_entities_are_not_expanded() {
        let twice = format!("{STEPS} unit=\"count\"/>");
        let entity = STEPS.replace("count", "&a;");
        let amp = STEPS.replace("My", "A &amp; B&#39;s");
        let many: String = (0..200).map(|i| format!(" a{i}=\"\"")).collect();
        let found = export(&format!(
            "<HealthData>\n{twice}\n{entity}/>\n{amp}/>\n<Record{many}/>\n</HealthData>"
        ));
        assert_eq!(
            found.errors,
            [
                "7: attribute `unit` is given twice",
                "8: attribute `unit` holds an entity that is not predefined",
                "10: an element has more than 100 attributes",
            ]
        );
        assert!(
            matches!(&found.items[..], [Item::Vital(row)] if row.source.starts_with("A & B's"))
        );
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let open = format!("<HealthData>\n{STEPS}/>\n");
        assert_eq!(
            cause(&open),
            "3: the file ends within `HealthData`: it is truncated"
        );
        assert_eq!(
            cause(&format!("<HealthData>\n{STEPS}")),
            "2: broken XML: tag not closed: `>` not found before end of input"
        );
        assert_eq!(
            cause("<ClinicalDocument/>"),
            "1: the root element is `ClinicalDocument`, not `HealthData`"
        );
        assert_eq!(cause(""), "1: no `HealthData` element found");
        assert_eq!(
            cause("<HealthData>\n</Record>"),
            "2: broken XML: a tag is closed that is not open"
        );
        let deep = format!("<HealthData>{}", "<a>".repeat(100_000));
        assert_eq!(cause(&deep), "1: elements are nested deeper than 32");
        let mut bytes = b"<HealthData>\n<Record type=\"".to_vec();
        bytes.extend(b"\xff\"/></HealthData>");
        let bad = fault(read(&bytes[..], 1, &mut Collected::keep_going()));
        assert_eq!(bad.cause, "the file is not UTF-8");
    }
}
