//! Raw rows read: which analyte, in which unit, with what result and flag.

use std::borrow::Cow;

use super::LabResult;
use super::flag::Flag;
use super::placement::Placement;
use super::range::{self, Interval, Range};
use super::value::{self, Value};
use crate::domain::RawRow;
use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::text::{clean, truncate};

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
    /// In the unit of the series.
    pub(super) value: Value,
    /// The result as reported.
    pub(super) text: Cow<'r, str>,
    /// The result as it is counted where it is no plain number.
    pub(super) counted_text: Cow<'r, str>,
    /// In the unit of the series.
    pub(super) interval: Option<Interval>,
    pub(super) flag: Flag,
}

/// The series that a row belongs to; none where it names no analyte.
pub(super) fn series(row: &RawRow<LabResult>, placement: &Placement) -> Option<Series> {
    let LabResult { code, name, .. } = &row.payload;
    let analyte = match self::code(code.as_deref()) {
        Some(code) => code.into_owned(),
        None => truncate(&clean(name).to_lowercase(), MAX_NAME_CHARS).to_owned(),
    };
    (!analyte.is_empty()).then(|| Series {
        analyte,
        unit: placement.unit.clone(),
    })
}

/// The row's result, or the rule that it breaks.
pub(super) fn read<'r>(
    row: &'r RawRow<LabResult>,
    placement: &Placement,
) -> Result<Reading<'r>, String> {
    if !(-MAX_OFFSET_MINUTES..=MAX_OFFSET_MINUTES).contains(&row.utc_offset_minutes) {
        return Err("offset_invalid: local time is within 14 hours of UTC".to_owned());
    }
    let payload = &row.payload;
    let text = clean(payload.value.as_deref().unwrap_or_default());
    if text.is_empty() {
        return Err("value_missing: the row has no result".to_owned());
    }
    let not_finite = || "value_not_finite: the result is no finite number".to_owned();
    let value = value::parse(&text).map_err(|_| not_finite())?;
    let range = payload.reference_range.as_deref().and_then(range::parse);
    // Judged before anything is converted: rounding would flip a result at
    // the limit.
    let (range, interval) = match range {
        Some(Range::Interval(interval, unit)) => match placement.limits(interval, &unit) {
            Some((own, series)) => (Some(Range::Interval(own, unit)), series),
            None => (None, None),
        },
        range => (range, None),
    };
    let reported = payload.interpretation.as_deref().and_then(Flag::reported);
    let flag = reported.unwrap_or_else(|| Flag::judge(value, &text, range.as_ref()));
    let converted = match value {
        Value::Number(number) => placement
            .scale
            .apply(number)
            .filter(|number| number.abs() <= MAX_SUMMAND)
            .map(Value::Number)
            .ok_or_else(not_finite)?,
        value => value,
    };
    Ok(Reading {
        code: code(payload.code.as_deref()),
        name: clean(&payload.name),
        value: converted,
        counted_text: counted_text(&text, placement),
        text,
        interval,
        flag,
    })
}

/// A number under a unit that it was not reported in says its own.
fn counted_text<'r>(text: &Cow<'r, str>, placement: &Placement) -> Cow<'r, str> {
    if placement.scale.is_identity() || !text.contains(|c: char| c.is_ascii_digit()) {
        return text.clone();
    }
    Cow::Owned(format!("{text} {}", placement.own_unit))
}

pub(super) fn code(code: Option<&str>) -> Option<Cow<'_, str>> {
    let code = clean(code?);
    let code = match code {
        Cow::Borrowed(code) => Cow::Borrowed(truncate(code, MAX_NAME_CHARS)),
        Cow::Owned(code) => Cow::Owned(truncate(&code, MAX_NAME_CHARS).to_owned()),
    };
    (!code.is_empty()).then_some(code)
}
