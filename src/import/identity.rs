//! Names for rows that their source gives no `source_id`: a digest of what was
//! reported, and the ordinal among equals of one file. The second of two equal
//! coffees is a second coffee, and a file that is imported again, or an export
//! that overlaps it, adds nothing.

use std::collections::{HashMap, HashSet};

use chrono::Datelike;
use sha2::{Digest, Sha256};

use crate::domain::{Columns, Fold, NewRow, Value};

/// The rows of one file so far. Its memory grows with the file, by about 16 bytes
/// a row: an equal row counts however far behind the first it stands.
#[derive(Debug, Default)]
pub(crate) struct Equals {
    met: HashSet<u64>,
    /// How often, of those that were met more than once.
    repeated: HashMap<u64, u32>,
}

impl Equals {
    /// Gives each row that has no `source_id` one.
    pub(crate) fn name<F: Fold>(&mut self, rows: &mut [NewRow<F::Payload>]) {
        for row in rows {
            self.name_row::<F>(row);
        }
    }

    pub(crate) fn name_row<F: Fold>(&mut self, row: &mut NewRow<F::Payload>) {
        if row.source_id.is_some() {
            return;
        }
        let digest = digest::<F>(row);
        row.source_id = Some(match self.ordinal(digest) {
            1 => format!("import:{digest:016x}"),
            ordinal => format!("import:{digest:016x}#{ordinal}"),
        });
    }

    fn ordinal(&mut self, digest: u64) -> u32 {
        if self.met.insert(digest) {
            return 1;
        }
        let ordinal = self.repeated.entry(digest).or_insert(1);
        *ordinal = ordinal.saturating_add(1);
        *ordinal
    }
}

/// Stable over releases, platforms and backends. The key of a row has its user,
/// source and time too, so that 64 bits tell its equals apart from all others.
fn digest<F: Fold>(row: &NewRow<F::Payload>) -> u64 {
    let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    let common = [
        ("user_id", Value::BigInt(row.user_id)),
        ("source", Value::Text(row.source.clone())),
        ("device", text(&row.device)),
        ("note", text(&row.note)),
    ];
    let names = F::Payload::COLUMNS.iter().map(|column| column.name);
    let payload = names.zip(row.payload.clone().into_values());
    // An instant ends where it begins, whether that is said or not.
    let start = Value::Timestamp(F::time(&row.payload));
    let is_instant = |name, value: &Value| F::DOMAIN.tables().end == Some(name) && *value == start;
    // By name and without what is not said: a column that a release adds leaves
    // the rows that lack it as they are.
    let mut fields: Vec<(&str, Value)> = common.into_iter().chain(payload).collect();
    fields.retain(|(name, value)| *value != Value::Null && !is_instant(*name, value));
    fields.sort_unstable_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    put_text(&mut hash, F::DOMAIN.name());
    for (name, value) in fields {
        put_text(&mut hash, name);
        put(&mut hash, value);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest[..8]
        .iter()
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Each kind of value begins with a letter of its own, and a text with its
/// length: no two lists of fields give the same bytes.
fn put(hash: &mut Sha256, value: Value) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Text(text) => {
            hash.update(b"t");
            put_text(hash, &text);
        }
        Value::Json(text) => {
            hash.update(b"j");
            put_text(hash, &text);
        }
        // No number is less than zero by its sign alone.
        Value::Double(number) => put_bytes(hash, b"d", &(number + 0.0).to_be_bytes()),
        Value::BigInt(number) => put_bytes(hash, b"i", &number.to_be_bytes()),
        Value::Date(date) => put_bytes(hash, b"D", &date.num_days_from_ce().to_be_bytes()),
        Value::Timestamp(at) => put_bytes(hash, b"T", &at.timestamp_micros().to_be_bytes()),
    }
}

fn put_bytes(hash: &mut Sha256, kind: &[u8], bytes: &[u8]) {
    hash.update(kind);
    hash.update(bytes);
}

fn put_text(hash: &mut Sha256, text: &str) {
    put_bytes(hash, &(text.len() as u64).to_be_bytes(), text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::labs::{LabResult, Labs};
    use crate::domain::nutrition::{Nutrition, NutritionEntry};
    use crate::domain::vitals::{VitalSample, Vitals};

    fn row<P>(payload: P) -> NewRow<P> {
        NewRow {
            user_id: 1,
            utc_offset_minutes: 60,
            source: "diary".into(),
            source_id: None,
            device: None,
            note: None,
            payload,
        }
    }

    fn coffee() -> NewRow<NutritionEntry> {
        row(NutritionEntry {
            nutrient: "caffeine".into(),
            amount: Some(80.0),
            unit: Some("mg".into()),
            meal: Some("snack".into()),
            eaten_at: "2026-03-01T23:00:00Z".parse().unwrap(),
        })
    }

    fn pulse() -> NewRow<VitalSample> {
        let at = "2026-03-02T07:00:00Z".parse().unwrap();
        row(VitalSample {
            metric: "heart_rate".into(),
            value: Some(61.5),
            comparator: None,
            unit: Some("/min".into()),
            started_at: at,
            ended_at: at,
        })
    }

    fn glucose() -> NewRow<LabResult> {
        row(LabResult {
            code: Some("2339-0".into()),
            name: "Glucose".into(),
            category: None,
            value: Some("95".into()),
            unit: Some("mg/dL".into()),
            reference_range: Some("70-99".into()),
            interpretation: None,
            collected_at: "2026-03-02T07:00:00Z".parse().unwrap(),
        })
    }

    fn names<F: Fold>(mut rows: Vec<NewRow<F::Payload>>) -> Vec<String> {
        Equals::default().name::<F>(&mut rows);
        rows.into_iter().filter_map(|row| row.source_id).collect()
    }

    /// Whoever changes these doubles every row of a file that is imported again.
    #[test]
    fn names_are_those_of_earlier_releases() {
        assert_eq!(
            names::<Nutrition>(vec![coffee()]),
            ["import:77045341f94f4f79"]
        );
        assert_eq!(names::<Vitals>(vec![pulse()]), ["import:491ef95454c25dbf"]);
        assert_eq!(names::<Labs>(vec![glucose()]), ["import:0ec94ddfe1a4c927"]);
    }

    #[test]
    fn the_second_of_equals_has_a_name_of_its_own_in_every_file() {
        let first = names::<Nutrition>(vec![coffee(), coffee(), coffee()]);
        assert_eq!(first[1], format!("{}#2", first[0]));
        assert_eq!(first[2], format!("{}#3", first[0]));
        let again = names::<Nutrition>(vec![coffee(), coffee(), coffee()]);
        assert_eq!(first, again);
    }

    #[test]
    fn a_name_that_the_source_gives_stays() {
        let named = NewRow {
            source_id: Some("b-17".into()),
            ..coffee()
        };
        let names = names::<Nutrition>(vec![named, coffee(), coffee()]);
        assert_eq!(names[0], "b-17");
        assert_eq!(names[2], format!("{}#2", names[1]));
    }

    type Change = fn(&mut NewRow<VitalSample>);

    #[test]
    fn whatever_was_reported_tells_rows_apart() {
        let changes: [(&str, Change); 11] = [
            ("user", |row| row.user_id = 2),
            ("source", |row| row.source = "watch".into()),
            ("device", |row| row.device = Some(String::new())),
            ("note", |row| row.note = Some("user entered".into())),
            ("metric", |row| row.payload.metric = "heart_rat".into()),
            ("value", |row| {
                row.payload.value = Some(61.500_000_000_000_01)
            }),
            ("no value", |row| row.payload.value = None),
            ("comparator", |row| {
                row.payload.comparator = Some("<".into())
            }),
            ("no unit", |row| row.payload.unit = None),
            ("start", |row| {
                row.payload.started_at -= chrono::TimeDelta::microseconds(1)
            }),
            ("end", |row| {
                row.payload.ended_at += chrono::TimeDelta::microseconds(1)
            }),
        ];
        let mut met = names::<Vitals>(vec![pulse()]);
        for (what, change) in changes {
            let mut row = pulse();
            change(&mut row);
            let name = names::<Vitals>(vec![row]).remove(0);
            assert!(!met.contains(&name), "{what}");
            met.push(name);
        }
    }

    #[test]
    fn a_text_does_not_run_into_the_next() {
        let told = |source: &str, device: &str| NewRow {
            source: source.into(),
            device: Some(device.into()),
            ..pulse()
        };
        let rows = vec![told("ab", "c"), told("a", "bc")];
        let names = names::<Vitals>(rows);
        assert!(names.iter().all(|name| !name.contains('#')), "{names:?}");
    }

    #[test]
    fn the_offset_and_the_sign_of_zero_say_nothing_of_the_event() {
        let mut moved = pulse();
        moved.utc_offset_minutes = -300;
        assert_eq!(names::<Vitals>(vec![moved]), names::<Vitals>(vec![pulse()]));
        let of = |value| {
            let mut row = pulse();
            row.payload.value = Some(value);
            names::<Vitals>(vec![row])
        };
        assert_eq!(of(-0.0), of(0.0));
    }

    #[test]
    fn an_equal_row_counts_however_far_behind_it_stands() {
        let mut equals = Equals::default();
        assert_eq!(equals.ordinal(7), 1);
        for digest in 100..300_000 {
            assert_eq!(equals.ordinal(digest), 1);
        }
        assert_eq!(equals.ordinal(7), 2);
        assert_eq!(equals.ordinal(7), 3);
    }
}
