//! Raw rows read: which analyte, in which unit, with what result and flag.

use std::borrow::Cow;
use std::collections::HashMap;

use super::LabResult;
use super::flag::Flag;
use super::range::{self, Interval, Range};
use super::value::{self, Value};
use crate::domain::RawRow;
use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::text::{clean, truncate};
use crate::domain::units;

/// How much of a code or name tells one analyte from another. Keys of indexes
/// must stay short, and names that long differ before their end.
const MAX_NAME_CHARS: usize = 200;

/// What aggregates are kept apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Series {
    /// LOINC code, else the name in lower case.
    pub(super) analyte: String,
    pub(super) unit: Cow<'static, str>,
}

/// One accepted row.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    pub(super) code: Option<Cow<'r, str>>,
    pub(super) name: Cow<'r, str>,
    pub(super) value: Value,
    /// The result as reported.
    pub(super) text: Cow<'r, str>,
    pub(super) interval: Option<Interval>,
    pub(super) flag: Flag,
}

/// Normal forms of the units of a group, so that each is parsed once.
#[derive(Default)]
pub(super) struct Units<'r>(HashMap<Option<&'r str>, Cow<'static, str>>);

impl<'r> Units<'r> {
    fn of(&mut self, unit: Option<&'r str>) -> Cow<'static, str> {
        self.0
            .entry(unit)
            .or_insert_with(|| units::code_or_text(unit))
            .clone()
    }
}

/// The series that a row belongs to; none where it names no analyte.
pub(super) fn series<'r>(row: &'r RawRow<LabResult>, units: &mut Units<'r>) -> Option<Series> {
    let LabResult {
        code, name, unit, ..
    } = &row.payload;
    let analyte = match self::code(code.as_deref()) {
        Some(code) => code.into_owned(),
        None => truncate(&clean(name).to_lowercase(), MAX_NAME_CHARS).to_owned(),
    };
    (!analyte.is_empty()).then(|| Series {
        analyte,
        unit: units.of(unit.as_deref()),
    })
}

/// The row's result, or the rule that it breaks.
pub(super) fn read(row: &RawRow<LabResult>) -> Result<Reading<'_>, String> {
    if !(-MAX_OFFSET_MINUTES..=MAX_OFFSET_MINUTES).contains(&row.utc_offset_minutes) {
        return Err("offset_invalid: local time is within 14 hours of UTC".to_owned());
    }
    let payload = &row.payload;
    let text = clean(payload.value.as_deref().unwrap_or_default());
    if text.is_empty() {
        return Err("value_missing: the row has no result".to_owned());
    }
    let value = value::parse(&text)
        .map_err(|_| "value_not_finite: the result is no finite number".to_owned())?;
    let range = payload.reference_range.as_deref().and_then(range::parse);
    let reported = payload.interpretation.as_deref().and_then(Flag::reported);
    let flag = reported.unwrap_or_else(|| Flag::judge(value, &text, range.as_ref()));
    Ok(Reading {
        code: code(payload.code.as_deref()),
        name: clean(&payload.name),
        value,
        text,
        interval: match range {
            Some(Range::Interval(interval)) => Some(interval),
            _ => None,
        },
        flag,
    })
}

fn code(code: Option<&str>) -> Option<Cow<'_, str>> {
    let code = clean(code?);
    let code = match code {
        Cow::Borrowed(code) => Cow::Borrowed(truncate(code, MAX_NAME_CHARS)),
        Cow::Owned(code) => Cow::Owned(truncate(&code, MAX_NAME_CHARS).to_owned()),
    };
    (!code.is_empty()).then_some(code)
}
