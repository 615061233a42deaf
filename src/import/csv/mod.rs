//! CSV files with a header line; the separator and the domain are told from
//! that line.

mod columns;
mod decimal;
mod row;

use std::io::Read;
use std::rc::Rc;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::reader::{BYTE_ORDER_MARK, Halt, Position, Sink, Tracked};
use columns::{Column, Header};
pub(super) use decimal::Marks;
pub(super) use row::number;

/// How much of a file is looked at to find its separator.
const MAX_HEADER: u64 = 64 * 1024;

/// Reads a file, its numbers as `marks` says; with `user` every row is that
/// user's.
pub(super) fn read(
    reader: impl Read,
    user: Option<i64>,
    marks: Marks,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut file = CsvFile::open(reader, user)?;
    for name in file.header.ignored() {
        sink.ignored_column(name);
    }
    let mut record = ByteRecord::new();
    while let Some((line, read)) = file.next(&mut record)? {
        let item = read.and_then(|()| row::item(&file.header, marks, &record, user));
        sink.record(line, item.map(|item| vec![item]))?;
    }
    Ok(())
}

/// What the numbers of a file show of its decimal marks.
pub(super) fn survey(reader: impl Read, user: Option<i64>) -> Result<Marks, Halt> {
    let mut file = CsvFile::open(reader, user)?;
    let mut marks = Marks::of_separator(file.separator);
    let column = |column| file.header.index(column);
    let (value, range) = (column(Column::Value), column(Column::ReferenceRange));
    let mut record = ByteRecord::new();
    while let Some((_, read)) = file.next(&mut record)? {
        let field = |index: Option<usize>| {
            let field = read.is_ok().then(|| record.get(index?)).flatten();
            field.and_then(|field| std::str::from_utf8(field).ok())
        };
        if let Some(text) = field(value) {
            marks.see_value(text);
        }
        if let Some(text) = field(range) {
            marks.see_range(text);
        }
    }
    Ok(marks)
}

/// A file after its header line.
struct CsvFile<R: Read> {
    reader: csv::Reader<Tracked<R>>,
    position: Rc<Position>,
    /// Lines that the reader has not counted when it begins a row.
    lines_before: u64,
    separator: u8,
    header: Header,
}

impl<R: Read> CsvFile<R> {
    fn open(mut reader: R, user: Option<i64>) -> Result<Self, Halt> {
        let mut start = Vec::new();
        let read = (&mut reader).take(MAX_HEADER).read_to_end(&mut start);
        read.map_err(|error| Halt::io(1, error))?;
        let named = take_separator(&mut start);
        let separator = named.unwrap_or_else(|| self::separator(&start));
        let lines_before = u64::from(named.is_some());
        let ends_in_crlf = first_line(&start).ends_with(b"\r");
        let reader = Tracked::starting_with(start, reader);
        let position = reader.position();
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(separator)
            .from_reader(reader);
        let mut record = ByteRecord::new();
        let found = reader.read_byte_record(&mut record);
        if !found.map_err(|error| halt(1 + lines_before, error))? {
            return Err(Halt::fault(
                1,
                "the file is empty: a header line is expected",
            ));
        }
        let line = lines_before + line(&record);
        let names = header_names(&record).map_err(|cause| Halt::fault(line, cause))?;
        let header = Header::read(names, user.is_some());
        let header = header.map_err(|cause| Halt::fault(line, cause))?;
        Ok(CsvFile {
            reader,
            position,
            // A record ends at the carriage return, and the next begins with
            // the line feed that counts.
            lines_before: lines_before + u64::from(ends_in_crlf),
            separator,
            header,
        })
    }

    /// Reads the next row into `record`: its line, and what is wrong with it.
    /// None at the end.
    fn next(&mut self, record: &mut ByteRecord) -> Result<Option<NextRow>, Halt> {
        self.position.next_record();
        match self.reader.read_byte_record(record) {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some((self.lines_before + line(record), Ok(())))),
            Err(error) => match unequal(&error) {
                Some((line, cause)) => Ok(Some((self.lines_before + line, Err(cause)))),
                None => {
                    let line = self.lines_before + self.reader.position().line();
                    Err(halt(line, error))
                }
            },
        }
    }
}

fn first_line(start: &[u8]) -> &[u8] {
    start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
}

type NextRow = (u64, Result<(), String>);

/// Removes the first line that spreadsheets write to name their separator,
/// such as `sep=;`.
fn take_separator(start: &mut Vec<u8>) -> Option<u8> {
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    let (name, rest) = text.split_at_checked(4)?;
    let (separator, rest) = rest.split_first()?;
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\n")?;
    let is_separator = matches!(separator, b',' | b';' | b'\t' | b'|');
    if !name.eq_ignore_ascii_case(b"sep=") || !is_separator {
        return None;
    }
    let (separator, done) = (*separator, start.len() - rest.len());
    start.drain(..done);
    Some(separator)
}

/// Whichever of `,`, `;` and tab the header line has most of.
fn separator(start: &[u8]) -> u8 {
    let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let count = |separator: u8| {
        let line = line.unwrap_or_default();
        line.iter().filter(|byte| **byte == separator).count()
    };
    let mut best = b',';
    for other in [b';', b'\t'] {
        if count(other) > count(best) {
            best = other;
        }
    }
    best
}

fn header_names(record: &ByteRecord) -> Result<Vec<String>, String> {
    let names = record.iter().map(|name| {
        let name = std::str::from_utf8(name);
        name.map(str::to_owned)
            .map_err(|_| "the header line is not UTF-8".to_owned())
    });
    names.collect()
}

fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}

/// A row with more or fewer fields than the header line has.
fn unequal(error: &csv::Error) -> Option<(u64, String)> {
    match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(1, csv::Position::line);
            let cause = format!("{len} fields where the header line has {expected_len}");
            Some((line, cause))
        }
        _ => None,
    }
}

fn halt(line: u64, error: csv::Error) -> Halt {
    match error.into_kind() {
        ErrorKind::Io(error) => Halt::io(line, error),
        _ => Halt::fault(line, "not a CSV file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::item::{Item, Subject};
    use crate::import::testing::Collected;

    fn rows(text: &str, user: Option<i64>) -> Collected {
        let mut found = Collected::keep_going();
        let marks = survey(text.as_bytes(), user).unwrap();
        read(text.as_bytes(), user, marks, &mut found).unwrap();
        found
    }

    #[test]
    fn reads_vitals_with_any_separator() {
        for separator in [",", ";", "\t"] {
            let text = "user_id,Metric,value,unit,started_at\n\
                        7,heart_rate,61,/min,2024-05-06 10:00:00 +0200\n"
                .replace(',', separator);
            let found = rows(&text, None);
            assert_eq!(rows(&format!("\u{feff}{text}"), None).items, found.items);
            let Item::Vital(row) = &found.items[0] else {
                panic!("{:?}", found.items);
            };
            assert_eq!(row.subject, Subject::User(7));
            assert_eq!(row.payload.metric, "heart_rate");
            assert_eq!(
                (row.payload.value, row.source.as_str()),
                (Some(61.0), "csv")
            );
        }
    }

    #[test]
    fn reads_labs_with_quoted_text() {
        let text = "patient,code,name,value,unit,date,flag\r\n\
                    Patient/x,5778-6,\"Color, urine\",\"clear, \"\"y\"\"\",,2024-05-06,N\r\n";
        let found = rows(text, None);
        let Item::Lab(row) = &found.items[0] else {
            panic!("{:?}", found.items);
        };
        assert_eq!(row.subject, Subject::Reference("x".into()));
        assert_eq!(row.payload.name, "Color, urine");
        assert_eq!(row.payload.value.as_deref(), Some("clear, \"y\""));
        assert_eq!(row.payload.interpretation.as_deref(), Some("N"));
    }

    #[test]
    fn reads_nutrition() {
        let text = "user_id,nutrient,amount,unit,meal,eaten_at,note\n\
                    7,Protein,12.5,g,Lunch,2024-05-06 12:30:00 +0200,soup\n\
                    7,DietaryFiber,3,g,,2024-05-06,\n\
                    7,fat,,g,,2024-05-06,\n\
                    7,fat,some,g,,2024-05-06,\n\
                    7,,1,g,,2024-05-06,\n";
        let found = rows(text, None);
        let intakes = found.items.iter().filter_map(|item| match item {
            Item::Nutrition(row) => Some(&row.payload),
            _ => None,
        });
        let shown: Vec<_> = intakes
            .map(|intake| (&*intake.nutrient, intake.amount, intake.meal.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("Protein", Some(12.5), Some("Lunch")),
                ("HKQuantityTypeIdentifierDietaryFiber", Some(3.0), None),
            ]
        );
        assert_eq!(found.reasons(), ["no value"]);
        assert_eq!(
            found.errors,
            [
                "5: column `amount` is not a plain number such as 5.4",
                "6: column `nutrient` is empty",
            ]
        );
    }

    #[test]
    fn numbers_are_read_as_the_file_writes_them() {
        let text = "\u{feff}sep=;\r\nmetric;value;unit;started_at\r\n\
                    body_mass;72,5;kg;2024-05-06\r\n\
                    body_mass;\"1,234\";kg;2024-05-06\r\n\
                    body_fat;23,5 %;;2024-05-06\r\n\
                    body_mass;\"=\"\"70,5\"\"\";kg;2024-05-06\r\n\
                    steps;1.234;{steps};2024-05-06\r\n\
                    spo2;98%;kg;2024-05-06\r\n";
        let found = rows(text, Some(1));
        let vitals = found.items.iter().filter_map(|item| match item {
            Item::Vital(row) => Some((row.payload.value, row.payload.unit.as_deref())),
            _ => None,
        });
        assert_eq!(
            vitals.collect::<Vec<_>>(),
            [
                (Some(72.5), Some("kg")),
                (Some(1.234), Some("kg")),
                (Some(23.5), Some("%")),
                (Some(70.5), Some("kg")),
            ]
        );
        assert_eq!(
            found.errors,
            [
                "7: column `value` has a comma or point that may mark decimals or thousands: \
                 say which with `--decimal comma` or `--decimal point`",
                "8: column `value` names another unit than the unit column",
            ]
        );
    }

    #[test]
    fn nutrients_among_vitals_are_nutrition() {
        let text = "type,value,unit,startDate\nDietaryWater,250,mL,2024-05-06\n";
        let found = rows(text, Some(1));
        assert!(
            matches!(&found.items[..], [Item::Nutrition(row)] if row.payload.amount == Some(250.0))
        );
    }

    #[test]
    fn names_line_and_column_of_what_is_wrong_and_goes_on() {
        let text = "metric,value,started_at,utc_offset_minutes\n\
                    steps,secret,2024-05-06,\n\
                    steps,1,someday,\n\
                    steps,1\n\
                    steps,1,2024-05-06,900\n\
                    steps,1,2024-05-06T10:00:00+15:00,\n\
                    ,1,2024-05-06,\n\
                    steps,,2024-05-06,\n\
                    steps,1,2024-05,\n\
                    ,,,\n\
                    steps,1,2024-05-06,-840\n";
        let found = rows(text, Some(1));
        assert_eq!(
            found.errors,
            [
                "2: column `value` is not a plain number such as 5.4",
                "3: column `started_at` is not a date or time",
                "4: 2 fields where the header line has 4",
                "5: column `utc_offset_minutes` is not a whole number of minutes from -840 to 840",
                "6: column `started_at` has an offset beyond ±14:00",
                "7: column `metric` is empty",
            ]
        );
        assert_eq!(
            found.reasons(),
            ["no value", "time without a day", "empty row"]
        );
        assert_eq!(found.items.len(), 4);
    }

    #[test]
    fn a_file_without_rows_or_header_is_told_apart() {
        assert!(rows("metric,value,time\n", Some(1)).items.is_empty());
        let mut sink = Collected::keep_going();
        assert!(matches!(
            read(&b""[..], None, Marks::default(), &mut sink),
            Err(Halt::Fault(_))
        ));
        let latin = b"metric,value,time,unit\nsteps,1,2024-05-06,\xb5g\n";
        read(&latin[..], Some(1), Marks::default(), &mut sink).unwrap();
        assert_eq!(sink.errors, ["2: column `unit` is not UTF-8"]);
    }
}
