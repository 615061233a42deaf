//! CSV files with a header line; the separator and the domain are told from
//! that line.

mod columns;
mod row;

use std::io::Read;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::reader::{Halt, Sink, Tracked};
use columns::Header;
pub(super) use row::number;

/// How much of a file is looked at to find its separator.
const MAX_HEADER: u64 = 64 * 1024;

/// Reads a file; with `user` every row is that user's.
pub(super) fn read(
    mut reader: impl Read,
    user: Option<i64>,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut start = Vec::new();
    let read = (&mut reader).take(MAX_HEADER).read_to_end(&mut start);
    read.map_err(|error| Halt::io(1, error))?;
    let separator = separator(&start);
    let reader = Tracked::starting_with(start, reader);
    let position = reader.position();
    let mut csv = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .from_reader(reader);
    let mut record = ByteRecord::new();
    let found = csv.read_byte_record(&mut record);
    if !found.map_err(|error| halt(1, error))? {
        return Err(Halt::fault(
            1,
            "the file is empty: a header line is expected",
        ));
    }
    let line = line(&record);
    let names = header_names(&record).map_err(|cause| Halt::fault(line, cause))?;
    let header = Header::read(names, user.is_some()).map_err(|cause| Halt::fault(line, cause))?;
    for name in header.ignored() {
        sink.ignored_column(name);
    }
    loop {
        position.next_record();
        match csv.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let items = row::item(&header, &record, user).map(|item| vec![item]);
                sink.record(self::line(&record), items)?;
            }
            Err(error) => match unequal(&error) {
                Some((line, cause)) => sink.record(line, Err(cause))?,
                None => return Err(halt(csv.position().line(), error)),
            },
        }
    }
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
        read(text.as_bytes(), user, &mut found).unwrap();
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
            read(&b""[..], None, &mut sink),
            Err(Halt::Fault(_))
        ));
        let latin = b"metric,value,time,unit\nsteps,1,2024-05-06,\xb5g\n";
        read(&latin[..], Some(1), &mut sink).unwrap();
        assert_eq!(sink.errors, ["2: column `unit` is not UTF-8"]);
    }
}
