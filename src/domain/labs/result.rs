//! Raw rows read: with what result and flag.

use std::borrow::Cow;

use super::LabResult;
use super::flag::Flag;
use super::placement::Placement;
use super::range::Interval;
use super::subject::{Expectation, Subject};
use super::value::{self, Value};
use crate::domain::RawRow;
use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::text::clean;

/// One accepted row.
#[derive(Debug)]
pub(super) struct Reading<'r> {
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
    let not_finite = || "value_not_finite: the result is no finite number".to_owned();
    let value = value::parse(&text).map_err(|_| not_finite())?;
    let (flag, interval) = match payload.reference_range.as_deref() {
        Some(range) => {
            let Expectation { range, interval } = subject.expectation(range);
            let judge = || Flag::judge(value, &text, range.as_ref());
            (reported.unwrap_or_else(judge), *interval)
        }
        None => (reported.unwrap_or(Flag::Unknown), None),
    };
    let placement = &subject.placement;
    let (value, counted_text) = match value {
        Value::Number(number) => {
            let converted = placement.scale.apply(number);
            let converted = converted.filter(|number| number.abs() <= MAX_SUMMAND);
            (Value::Number(converted.ok_or_else(not_finite)?), None)
        }
        value => (value, Some(counted_text(&text, placement))),
    };
    Ok(Reading {
        value,
        text,
        counted_text,
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
