//! FHIR R5, R4 and STU3: NDJSON, a Bundle, or a single resource.
//!
//! Only Observations and `NutritionIntake`s become rows. Which of these forms a file has is told
//! from its content.

mod category;
mod coding;
mod healthkit;
mod interpretation;
mod node;
mod nutrition_intake;
mod observation;
mod person;
mod range;
mod resource;
mod subject;
mod value;
mod version;

use std::io::{BufRead, BufReader, Read};

use serde::de::IgnoredAny;

use super::reader::{Halt, Sink, Tracked};
pub(super) use person::SharedPeople;
use resource::{Lines, Walk};

/// Most bytes of a first line that may be NDJSON: a longer one is read as a
/// stream, which only loses the chance to go on after a syntax error.
const MAX_FIRST_LINE: u64 = 1024 * 1024;

/// What the caller says of a file, which outranks what the file says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told<'a> {
    /// Whose all rows are.
    pub(super) user: Option<i64>,
    /// Where all rows are from.
    pub(super) source: Option<&'a str>,
}

/// Reads a file. Patients are added to `people` and known to the observations
/// after them: an earlier pass makes known those that follow.
pub(super) fn read(
    reader: impl Read,
    told: Told<'_>,
    people: &SharedPeople,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut reader = BufReader::new(reader);
    let mut start = Vec::new();
    let line = first_line(&mut reader, &mut start).map_err(|error| Halt::io(1, error))?;
    if let Some(cause) = other_form(&start) {
        return Err(Halt::fault(1, cause));
    }
    let by_line = line.is_some_and(|line| is_complete(&start[line..]));
    let reader = Tracked::starting_with(start, reader);
    if by_line {
        lines(reader, told, people, sink)
    } else {
        document(reader, told, people, sink)
    }
}

/// Why a file that begins so is not JSON at all.
fn other_form(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(b"\x1F\x8B") || start.starts_with(b"PK\x03\x04") {
        return Some("the file is compressed: unpack it first");
    }
    if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
        return Some("the text is UTF-16: save it as UTF-8");
    }
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    match start.trim_ascii_start().first() {
        Some(b'<') => Some("the file is XML: of FHIR only the JSON form is read"),
        Some(b'[') => Some("the file is a list: a Bundle, NDJSON or one resource is read"),
        _ => None,
    }
}

/// Reads up to the end of the first line that is not blank, and gives where
/// in `start` it begins; none if it is too long.
fn first_line(reader: &mut impl BufRead, start: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    let mut reader = reader.take(MAX_FIRST_LINE);
    loop {
        let begin = start.len();
        if reader.read_until(b'\n', start)? == 0 {
            return Ok(None);
        }
        let ended = start.ends_with(b"\n") || reader.limit() > 0;
        if !ended {
            return Ok(None);
        }
        let begin = if start[begin..].starts_with(b"\xEF\xBB\xBF") {
            begin + 3
        } else {
            begin
        };
        if !start[begin..].trim_ascii().is_empty() {
            return Ok(Some(begin));
        }
    }
}

/// Whether a first line stands for itself. The first line of a document that
/// is spread over several ends too early.
fn is_complete(line: &[u8]) -> bool {
    match serde_json::from_slice::<IgnoredAny>(line) {
        Ok(_) => true,
        Err(error) => !error.is_eof(),
    }
}

/// NDJSON: each line is a resource, and a bad one does not spoil the next.
fn lines(
    mut reader: Tracked<impl Read>,
    told: Told<'_>,
    people: &SharedPeople,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let position = reader.position();
    let mut text = Vec::new();
    loop {
        text.clear();
        position.next_record();
        let line = position.line();
        let count = reader.read_until(b'\n', &mut text);
        if count.map_err(|error| Halt::io(line, error))? == 0 {
            return Ok(());
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let mut walk = Walk::new(sink, told, people, Lines::Fixed(line));
        let mut json = serde_json::Deserializer::from_slice(&text);
        let read = walk.read(&mut json);
        let read = read.and_then(|()| json.end().map_err(|error| walk.malformed(error)));
        match read {
            Err(Halt::Fault(fault)) if fault.line == Some(line) => {
                sink.record(line, Err(fault.cause))?;
            }
            other => other?,
        }
    }
}

/// JSON values that may be spread over lines, one after another.
fn document(
    mut reader: Tracked<impl Read>,
    told: Told<'_>,
    people: &SharedPeople,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let position = reader.position();
    let mut values = 0;
    while skip_space(&mut reader).map_err(|error| Halt::io(position.line(), error))? {
        position.next_record();
        let mut walk = Walk::new(&mut *sink, told, people, Lines::At(&position));
        walk.read(&mut serde_json::Deserializer::from_reader(&mut reader))?;
        values += 1;
    }
    if values == 0 {
        return Err(Halt::fault(
            1,
            "the file is empty: a JSON object is expected",
        ));
    }
    Ok(())
}

/// Skips white space; false at the end of the file.
fn skip_space(reader: &mut impl BufRead) -> std::io::Result<bool> {
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(false);
        }
        let space = available.iter().take_while(|b| b.is_ascii_whitespace());
        let count = space.count();
        if count < available.len() {
            reader.consume(count);
            return Ok(true);
        }
        reader.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::{SharedPeople, Told};
    use crate::import::testing::{Collected, fault};

    const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final",
        "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},
        "subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-05-06","valueInteger":61}"#;
    const PATIENT: &str = r#"{"resourceType":"Patient","id":"p"}"#;

    fn observation() -> String {
        OBSERVATION.replace('\n', " ")
    }

    fn found(text: &str) -> Collected {
        let mut found = Collected::keep_going();
        super::read(
            text.as_bytes(),
            Told::default(),
            &SharedPeople::default(),
            &mut found,
        )
        .unwrap();
        found
    }

    fn cause(text: &str) -> String {
        let read = super::read(
            text.as_bytes(),
            Told::default(),
            &SharedPeople::default(),
            &mut Collected::keep_going(),
        );
        let fault = fault(read);
        format!("{}: {}", fault.line.unwrap(), fault.cause)
    }

    #[test]
    fn tells_the_forms_apart_by_content() {
        let one = observation();
        for text in [
            one.clone(),
            OBSERVATION.to_owned(),
            format!("\u{feff}{one}\n\n"),
            format!("\n \n{one}\r\n"),
            format!("\n\n{OBSERVATION}\n"),
        ] {
            assert_eq!(found(&text).items.len(), 1, "{text}");
        }
        for text in [
            format!("{one}\n{PATIENT}"),
            format!("{OBSERVATION}\n{PATIENT}\n"),
            format!(
                r#"{{"resourceType":"Bundle","entry":[{{"resource":{one}}},{{"resource":{PATIENT}}}]}}"#
            ),
            format!(
                "{{\n\"entry\":[{{\"resource\":{one}}},\n{{\"resource\":{PATIENT}}}],\n\"resourceType\":\"Bundle\"}}"
            ),
        ] {
            let found = found(&text);
            assert_eq!((found.read, found.items.len()), (2, 2), "{text}");
            assert_eq!(found.reasons(), ["resource Patient"]);
        }
    }

    #[test]
    fn reads_bundles_within_bundles_and_lists_that_are_none() {
        let inner =
            format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{OBSERVATION}}}]}}"#);
        let list = r#"{"resourceType":"List","entry":[{"item":{"reference":"Patient/p"}}]}"#;
        let outer = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{inner}}},
               {{"request":{{}}}},{{"fullUrl":"a","resource":{list}}}]}}"#
        );
        let found = found(&outer);
        assert_eq!(found.reasons(), ["resource List", "entry without resource"]);
        assert_eq!(found.items.len(), 3);
    }

    #[test]
    fn observations_within_other_resources_are_counted() {
        let one = observation();
        let report =
            format!(r#"{{"resourceType":"DiagnosticReport","contained":[{one},{one},{PATIENT}]}}"#);
        assert_eq!(
            found(&report).reasons(),
            [
                "resource DiagnosticReport",
                "Observation contained in DiagnosticReport",
                "Observation contained in DiagnosticReport",
            ]
        );
    }

    #[test]
    fn other_forms_are_named() {
        for (start, expected) in [
            (
                &b"\x1F\x8B\x08\x00"[..],
                "the file is compressed: unpack it first",
            ),
            (b"PK\x03\x04..", "the file is compressed: unpack it first"),
            (b"\xFF\xFE{\0\n\0", "the text is UTF-16: save it as UTF-8"),
            (
                b"\xEF\xBB\xBF<Bundle>\n",
                "the file is XML: of FHIR only the JSON form is read",
            ),
            (
                b" [{}]",
                "the file is a list: a Bundle, NDJSON or one resource is read",
            ),
        ] {
            let read = super::read(
                start,
                Told::default(),
                &SharedPeople::default(),
                &mut Collected::keep_going(),
            );
            assert_eq!(fault(read).cause, expected);
        }
    }

    #[test]
    fn a_bad_line_does_not_spoil_the_next() {
        let one = observation();
        let text = format!(
            "{one}\n{{\"resourceType\":\"Observation\",\"status\":7}}\n{{\"id\":\n{{}}\n[1]\n{one} x\n{one}\n"
        );
        let found = found(&text);
        assert_eq!(
            found.errors,
            [
                "2: `status` is a number where a string is expected",
                "3: the JSON ends too early",
                "4: `resourceType` is missing",
                "5: a resource is not a JSON object",
                "6: not valid JSON: trailing characters",
            ]
        );
        assert_eq!(found.items.len(), 3);
    }

    #[test]
    fn names_the_entry_and_quotes_no_value() {
        let bundle = |entry: &str| format!("{{\n\"resourceType\":\"Bundle\",\n\"entry\":{entry}}}");
        let found = found(&bundle(
            r#"[{"resource":{"resourceType":"Patient"}},{"resource":{"resourceType":"Observation","component":"secret"}}]"#,
        ));
        assert_eq!(
            found.errors,
            ["3: entry 2: `component` is a string where a list is expected"]
        );
        let entry = "3: `entry` is not a list of objects";
        assert_eq!(cause(&bundle("\"secret\"")), entry);
        assert_eq!(cause(&bundle("[7]")).replace("entry 1: ", ""), entry);
        assert_eq!(
            cause(&bundle("[{\"resource\":\"secret\"}]")),
            "3: entry 1: a resource is not a JSON object"
        );
        assert_eq!(
            cause("{\n\"a\": secret}"),
            "2: not valid JSON: expected value"
        );
        assert_eq!(cause("{\n\"a\": "), "2: the JSON ends too early");
        assert_eq!(
            cause("\u{feff} \n"),
            "1: the file is empty: a JSON object is expected"
        );
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = "[".repeat(100_000);
        assert_eq!(
            cause(&format!("{{\n\"a\":{deep}")),
            "2: not valid JSON: recursion limit exceeded"
        );
        let bundles = r#"{"entry":[{"resource":"#.repeat(10_000);
        assert!(cause(&bundles).ends_with("recursion limit exceeded"));
    }
}
