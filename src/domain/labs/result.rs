//! Raw rows read: with what result and flag.

use std::borrow::Cow;

use super::LabResult;
use super::flag::Flag;
use super::placement::Placement;
use super::range::{Interval, Range};
use super::subject::{Expectation, Subject};
use super::value::{Fault, Parts, Value, is_digits};
use super::words::{Meaning, Word};
use crate::domain::RawRow;
use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::text::clean;

/// One accepted row.
#[derive(Debug)]
pub(super) enum Reading<'r> {
    Result(Reported<'r>),
    /// The specimen gave no result.
    NoResult,
}

/// A result with its flag.
#[derive(Debug)]
pub(super) struct Reported<'r> {
    /// In the unit of the series.
    pub(super) value: Value,
    /// The result as reported.
    pub(super) text: Cow<'r, str>,
    /// The result as it is counted where it is no plain number.
    pub(super) counted_text: Option<Cow<'r, str>>,
    /// In the unit of the series.
    pub(super) interval: Option<Interval>,
    pub(super) flag: Flag,
}

/// The unit that the row's result is in: the row's own, else the one that
/// stands behind the number.
pub(super) fn unit(row: &LabResult) -> Option<&str> {
    let own = row.unit.as_deref();
    let value = row.value.as_deref().unwrap_or_default();
    if is_digits(value) {
        return own;
    }
    let text = clean(value);
    let named = Parts::of(&text, own).ok().and_then(|parts| parts.unit);
    // The cleaned text has the unit as its row has it, or else it is none.
    match named.and_then(|named| Some((value.rfind(named)?, named.len()))) {
        Some((start, len)) => Some(&value[start..start + len]),
        None => own,
    }
}

/// The row's result, or the rule that it breaks. `reported` is the
/// laboratory's own flag.
pub(super) fn read<'r>(
    row: &'r RawRow<LabResult>,
    subject: &mut Subject<'r>,
    reported: Option<Flag>,
) -> Result<Reading<'r>, String> {
    if !(-MAX_OFFSET_MINUTES..=MAX_OFFSET_MINUTES).contains(&row.utc_offset_minutes) {
        return Err("offset_invalid: local time is within 14 hours of UTC".to_owned());
    }
    let payload = &row.payload;
    let text = clean(payload.value.as_deref().unwrap_or_default());
    if text.is_empty() {
        return Err("value_missing: the row has no result".to_owned());
    }
    let parts = Parts::of(&text, payload.unit.as_deref()).map_err(reason)?;
    let is_in_row = |named| {
        payload
            .value
            .as_deref()
            .is_some_and(|value| value.contains(named))
    };
    if parts.unit.is_some_and(|named| !is_in_row(named)) {
        // Blanks within the unit, which nobody means as one.
        return Err(reason(Fault::Ambiguous));
    }
    let nothing = Expectation::default();
    let (expectation, placement) = match payload.reference_range.as_deref() {
        Some(range) => subject.expectation(range),
        None => (&nothing, &subject.placement),
    };
    let range = expectation.range.as_ref();
    let beside = match range {
        Some(Range::Interval(interval, _)) => Some(interval),
        _ => None,
    };
    let value = parts.value(&placement.own_unit, beside).map_err(reason)?;
    let word = matches!(value, Value::Text).then(|| Word::of(&text));
    if word
        .as_ref()
        .is_some_and(|word| word.meaning == Meaning::NoResult)
    {
        return Ok(Reading::NoResult);
    }
    let flag = reported
        .or(parts.flag)
        .unwrap_or_else(|| Flag::judge(value, word.as_ref(), range));
    let (value, counted_text) = match value {
        Value::Number(number) => {
            let converted = placement.scale.apply(number);
            let converted = converted.filter(|number| number.abs() <= MAX_SUMMAND);
            let converted = converted.ok_or_else(|| reason(Fault::NotFinite))?;
            (Value::Number(converted), None)
        }
        value => (value, Some(counted_text(&text, placement))),
    };
    Ok(Reading::Result(Reported {
        value,
        interval: expectation.interval,
        text,
        counted_text,
        flag,
    }))
}

fn reason(fault: Fault) -> String {
    match fault {
        Fault::NotFinite => "value_not_finite: the result is no finite number",
        Fault::Ambiguous => {
            "value_ambiguous: a comma, point, blank, power or `L` in the result has two \
             meanings, and unit and range do not say which; write the number with a decimal \
             point and without thousands separators"
        }
        Fault::OtherUnit => {
            "unit_conflict: the result names another unit than the row; correct either"
        }
    }
    .to_owned()
}

/// A number under a unit that it was not reported in says its own.
fn counted_text<'r>(text: &Cow<'r, str>, placement: &Placement) -> Cow<'r, str> {
    if placement.scale.is_identity() || !text.contains(|c: char| c.is_ascii_digit()) {
        return text.clone();
    }
    Cow::Owned(format!("{text} {}", placement.own_unit))
}
