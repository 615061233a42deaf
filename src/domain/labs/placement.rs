//! Where results go: the unit of their series, and how they get there.

use std::borrow::Cow;

use super::analytes::{Analyte, Scale};
use super::range::Interval;
use crate::domain::units;

/// The way of the results of one code in one unit.
#[derive(Debug)]
pub(super) struct Placement {
    analyte: Option<Analyte>,
    /// The normal form of the reported unit.
    pub(super) own_unit: Cow<'static, str>,
    /// The unit of the series.
    pub(super) unit: Cow<'static, str>,
    /// From the one to the other.
    pub(super) scale: Scale,
}

impl Placement {
    /// `code` as results are read, `unit` as reported.
    pub(super) fn new(code: Option<&str>, unit: Option<&str>) -> Placement {
        let analyte = code.and_then(Analyte::of);
        let own_unit = reported_unit(analyte, unit);
        let canonical = match analyte {
            Some(analyte) => Some(analyte.unit),
            None => code.and_then(|_| units::representative(&own_unit)),
        };
        let canonical = canonical.and_then(|unit| {
            let scale = Scale::new(analyte, &own_unit, unit)?;
            Some((Cow::Borrowed(unit), scale))
        });
        // What cannot be converted stays apart, under its own unit.
        let (unit, scale) = canonical.unwrap_or_else(|| (own_unit.clone(), Scale::IDENTITY));
        Placement {
            analyte,
            own_unit,
            unit,
            scale,
        }
    }

    /// What the analyte is called where the report does not say.
    pub(super) fn name(&self) -> &'static str {
        self.analyte.map_or("", |analyte| analyte.name())
    }

    /// The limits of a range in `range_unit`, '' where the range names none:
    /// in the row's own unit, and in that of the series. None where they
    /// cannot be held against the row.
    pub(super) fn limits(
        &self,
        interval: Interval,
        range_unit: &str,
    ) -> Option<(Interval, Option<Interval>)> {
        let unit = reported_unit(self.analyte, Some(range_unit));
        if range_unit.is_empty() || unit == self.own_unit {
            return Some((interval, scaled(interval, &self.scale)));
        }
        let to = |unit_to: &str| Scale::new(self.analyte, &unit, unit_to);
        let own = scaled(interval, &to(&self.own_unit)?)?;
        // Straight to the unit of the series: one rounding, not two.
        let series = to(&self.unit).and_then(|scale| scaled(interval, &scale));
        Some((own, series))
    }
}

/// The normal form of a unit that results of an analyte are reported in.
fn reported_unit(analyte: Option<Analyte>, unit: Option<&str>) -> Cow<'static, str> {
    units::code_or_text_for(unit, |code| {
        Some(Scale::new(analyte, code, analyte?.unit)?.conversion())
    })
}

fn scaled(interval: Interval, scale: &Scale) -> Option<Interval> {
    let end = |end: Option<f64>| match end {
        Some(end) => scale.apply(end).map(Some),
        None => Some(None),
    };
    Some(Interval {
        low: end(interval.low)?,
        high: end(interval.high)?,
        ..interval
    })
}
