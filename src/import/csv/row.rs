//! One CSV row and the item it gives.

use crate::domain::vitals::registry;
use csv::ByteRecord;

use super::columns::{Column, Header};
use super::decimal::{Marks, Open};
use crate::domain::Domain;
use crate::domain::number::{self, Comparator};
use crate::domain::text::clean;
use crate::import::bound::{self, Measured};
use crate::import::item::{Intake, Item, Lab, Parsed, Subject, Vital, is_dietary, non_empty};
use crate::import::time::{self, MAX_OFFSET_MINUTES, Time, When};

/// Reads a row, its numbers as `marks` says; with `user` it is that user's.
pub(super) fn item(
    header: &Header,
    marks: Marks,
    record: &ByteRecord,
    user: Option<i64>,
) -> Result<Item, String> {
    let row = Row {
        header,
        marks,
        record,
    };
    if record.iter().all(|field| field.trim_ascii().is_empty()) {
        return Ok(Item::Skipped("empty row".into()));
    }
    let Some(start) = row.time(Column::Start)? else {
        return Ok(Item::Skipped("no time".into()));
    };
    let end = row.time(Column::End)?;
    let (Time::At(start), None | Some(Time::At(_))) = (start, end) else {
        return Ok(Item::Skipped("time without a day".into()));
    };
    let common = Parsed {
        subject: row.subject(user)?,
        start,
        end: end.and_then(at),
        offset_minutes: row.offset()?,
        source: row
            .text(Column::Source)?
            .unwrap_or_else(|| "csv".to_owned()),
        source_id: row.text(Column::SourceId)?,
        device: row.text(Column::Device)?,
        note: row.text(Column::Note)?,
        payload: (),
    };
    match header.domain {
        Domain::Vitals => row.vital(common),
        Domain::Labs => row.lab(common),
        Domain::Nutrition => row.nutrition(common),
    }
}

fn at(time: Time) -> Option<When> {
    match time {
        Time::At(when) => Some(when),
        Time::Partial => None,
    }
}

struct Row<'a> {
    header: &'a Header,
    marks: Marks,
    record: &'a ByteRecord,
}

impl Row<'_> {
    fn fault(&self, column: Column, cause: &str) -> String {
        let index = self.header.index(column).unwrap_or(usize::MAX);
        format!("column `{}` {cause}", self.header.name(index))
    }

    /// The text of a column; none where it is empty or the file lacks it.
    fn text(&self, column: Column) -> Result<Option<String>, String> {
        let field = self
            .header
            .index(column)
            .and_then(|index| self.record.get(index));
        let Some(field) = field else {
            return Ok(None);
        };
        let text = std::str::from_utf8(field);
        let text = text.map_err(|_| self.fault(column, "is not UTF-8"))?;
        // As spreadsheets keep a text from being read as a number.
        let quoted = text.trim().strip_prefix("=\"");
        let quoted = quoted.and_then(|inside| inside.strip_suffix('"'));
        Ok(non_empty(quoted.unwrap_or(text)))
    }

    fn required(&self, column: Column) -> Result<String, String> {
        self.text(column)?
            .ok_or_else(|| self.fault(column, "is empty"))
    }

    fn subject(&self, user: Option<i64>) -> Result<Subject, String> {
        if let Some(user) = user {
            return Ok(Subject::User(user));
        }
        if self.header.index(Column::UserId).is_some() {
            let text = self.required(Column::UserId)?;
            let id = text.parse();
            let id = id.map_err(|_| self.fault(Column::UserId, "is not a whole number"));
            return id.map(Subject::User);
        }
        let text = self.required(Column::Subject)?;
        Ok(match text.parse() {
            Ok(user) => Subject::User(user),
            Err(_) => Subject::from_reference(&text),
        })
    }

    fn time(&self, column: Column) -> Result<Option<Time>, String> {
        let text = self.text(column)?;
        text.map(|text| time::parse(&text).map_err(|cause| self.fault(column, cause)))
            .transpose()
    }

    fn offset(&self) -> Result<Option<i32>, String> {
        let Some(text) = self.text(Column::Offset)? else {
            return Ok(None);
        };
        let minutes = text.parse::<i32>().ok();
        let minutes =
            minutes.filter(|minutes| (-MAX_OFFSET_MINUTES..=MAX_OFFSET_MINUTES).contains(minutes));
        let cause = "is not a whole number of minutes from -840 to 840";
        minutes
            .map(Some)
            .ok_or_else(|| self.fault(Column::Offset, cause))
    }

    /// An interval may be its own value; a moment without one says nothing.
    fn vital(&self, common: Parsed<()>) -> Result<Item, String> {
        let metric = complete(self.required(Column::Metric)?);
        if is_dietary(&metric) {
            return self.intake(common, metric);
        }
        let Measured {
            value,
            comparator,
            unit,
        } = self.measured(&metric)?;
        if value.is_none() && comparator.is_none() && common.end.is_none() {
            return Ok(Item::Skipped("no value".into()));
        }
        Ok(Item::Vital(common.with(Vital {
            metric,
            value,
            comparator,
            unit,
        })))
    }

    /// The number or bound of the value column; a comparator column says the
    /// same or says it alone.
    fn measured(&self, metric: &str) -> Result<Measured, String> {
        let told = self.comparator()?;
        let agrees = |found| match told {
            Some(told) if told != found => Err(self.fault(Column::Comparator, CONTRADICTS)),
            _ => Ok(Some(found)),
        };
        let text = self.text(Column::Value)?.unwrap_or_default();
        let text = clean(&text);
        if let Some(side) = bound::device_word(metric, &text) {
            return Ok(Measured {
                value: None,
                comparator: agrees(side)?,
                unit: self.text(Column::Unit)?,
            });
        }
        let (comparator, text) = match bound::split(&text) {
            Some((found, rest)) => (agrees(found)?, rest),
            None => (told, &*text),
        };
        let (value, unit) = self.number(text)?;
        Ok(Measured {
            value,
            comparator,
            unit,
        })
    }

    /// What the comparator column holds; none for `=`.
    fn comparator(&self) -> Result<Option<Comparator>, String> {
        let Some(text) = self.text(Column::Comparator)? else {
            return Ok(None);
        };
        match number::comparator(&text) {
            _ if text == "=" => Ok(None),
            Some((comparator, "")) => Ok(Some(comparator)),
            _ => Err(self.fault(Column::Comparator, "is not one of <, <=, >, >=, =")),
        }
    }

    /// The number in `text`, of the value column, and its unit: that of the
    /// unit column, else the one behind the number.
    fn number(&self, text: &str) -> Result<(Option<f64>, Option<String>), String> {
        let unit = self.text(Column::Unit)?;
        if text.is_empty() {
            return Ok((None, unit));
        }
        let number = self.marks.number(text, unit.as_deref());
        let (number, named) = number.map_err(|cause| self.fault(Column::Value, cause))?;
        Ok((Some(number), unit.or_else(|| non_empty(named))))
    }

    fn nutrition(&self, common: Parsed<()>) -> Result<Item, String> {
        let nutrient = self.required(Column::Nutrient)?;
        // The identifier that it was cut from; `Protein` is a name as it is.
        let nutrient = if nutrient.starts_with("Dietary") {
            complete(nutrient)
        } else {
            nutrient
        };
        self.intake(common, nutrient)
    }

    fn intake(&self, common: Parsed<()>, nutrient: String) -> Result<Item, String> {
        let text = self.text(Column::Value)?.unwrap_or_default();
        let text = clean(&text);
        if self.comparator()?.is_some() || bound::is_amount_bound(&text) {
            return Err(self.fault(Column::Value, ONLY_A_BOUND));
        }
        let (Some(amount), unit) = self.number(&text)? else {
            return Ok(Item::Skipped("no value".into()));
        };
        Ok(Item::Nutrition(common.with(Intake {
            nutrient,
            amount: Some(amount),
            unit,
            meal: self.text(Column::Meal)?,
        })))
    }

    fn lab(&self, common: Parsed<()>) -> Result<Item, String> {
        let code = self.text(Column::Code)?;
        let Some(name) = self.text(Column::Name)?.or_else(|| code.clone()) else {
            return Err("neither code nor name is given".to_owned());
        };
        let Some(mut value) = self.text(Column::Value)? else {
            return Ok(Item::Skipped("no value".into()));
        };
        if let Some(told) = self.comparator()? {
            match number::comparator(&value) {
                None => value.insert_str(0, told.sign()),
                Some((found, _)) if found == told => {}
                Some(_) => return Err(self.fault(Column::Comparator, CONTRADICTS)),
            }
        }
        let range = self.text(Column::ReferenceRange)?;
        let (value, reference_range) = self.marks.lab(value, range).map_err(|open| match open {
            Open::Value(cause) => self.fault(Column::Value, cause),
            Open::Range(cause) => self.fault(Column::ReferenceRange, cause),
        })?;
        Ok(Item::Lab(common.with(Lab {
            code,
            name,
            category: self.text(Column::Category)?,
            value: Some(value),
            unit: self.text(Column::Unit)?,
            reference_range,
            interpretation: self.text(Column::Interpretation)?,
        })))
    }
}

const CONTRADICTS: &str = "says another comparator than the value";
const ONLY_A_BOUND: &str = "is a trace or a bound, which is no amount that can be summed: \
                            give an amount such as 0 or 0.5, or leave the row out";

/// A decimal number; infinity and not-a-number cannot be written.
pub(in crate::import) fn number(text: &str) -> Option<f64> {
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let all = text.bytes().all(plain);
    all.then(|| text.parse().ok()).flatten()
}

/// Completes `StepCount` to the HealthKit identifier that it was cut from.
fn complete(metric: String) -> String {
    let identifier = format!("HKQuantityTypeIdentifier{metric}");
    let dietary = metric.starts_with("Dietary");
    if dietary || registry::lookup(&identifier).is_some() {
        identifier
    } else {
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain() {
        for (text, value) in [("5.40", 5.4), ("-3", -3.0), ("1e3", 1000.0), (".5", 0.5)] {
            assert_eq!(number(text), Some(value));
        }
        for text in [
            "5,4", "inf", "NaN", "<5", "", "1 000", "0x10", "--1", "e", "１",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number("1e999"), Some(f64::INFINITY));
    }

    #[test]
    fn completes_bare_identifiers_only() {
        let done = |metric: &str| complete(metric.to_owned());
        assert_eq!(done("StepCount"), "HKQuantityTypeIdentifierStepCount");
        assert_eq!(done("VO2Max"), "HKQuantityTypeIdentifierVO2Max");
        for same in [
            "steps",
            "8867-4",
            "HKQuantityTypeIdentifierStepCount",
            "Heart rate",
            "BMI",
            "Sleep",
        ] {
            assert_eq!(done(same), same);
        }
    }
}
