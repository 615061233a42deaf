//! Where results go: the unit of their series, and how they get there.

use std::borrow::Cow;

use super::analytes::{Analyte, Scale};
use super::range::Interval;
use crate::domain::{loinc, units};

/// The way of the results of one code in one unit.
#[derive(Debug)]
pub(super) struct Placement {
    analyte: Option<Analyte>,
    /// Whether the reported unit is one.
    is_code: bool,
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
        let code_unit = unit_code(analyte, unit);
        let canonical = code_unit.as_deref().and_then(|own| {
            let unit = match (analyte, code) {
                (Some(analyte), _) => analyte.unit,
                (None, Some(code)) if loinc::is_well_formed(code) => units::representative(own)?,
                // Of another code nobody but its laboratory says what it is.
                _ => units::usual_name(own)?,
            };
            let scale = Scale::new(analyte, own, unit)?;
            Some((Cow::Borrowed(unit), scale))
        });
        let is_code = code_unit.is_some();
        let own_unit = code_unit.unwrap_or_else(|| units::text(unit));
        // What cannot be converted stays apart, under its own unit.
        let (unit, scale) = canonical.unwrap_or_else(|| (own_unit.clone(), Scale::IDENTITY));
        Placement {
            analyte,
            is_code,
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
        if range_unit.is_empty() {
            return Some((interval, scaled(interval, &self.scale)));
        }
        let code = unit_code(self.analyte, Some(range_unit));
        let unit = code
            .clone()
            .unwrap_or_else(|| units::text(Some(range_unit)));
        if unit == self.own_unit {
            return Some((interval, scaled(interval, &self.scale)));
        }
        // Text that is no unit is not to be read as UCUM.
        let unit = code.filter(|_| self.is_code)?;
        let to = |unit_to: &str| Scale::new(self.analyte, &unit, unit_to);
        let own = scaled(interval, &to(&self.own_unit)?)?;
        // Straight to the unit of the series: one rounding, not two.
        let series = to(&self.unit).and_then(|scale| scaled(interval, &scale));
        Some((own, series))
    }
}

/// Units that reports leave out, as there is no other.
const NEVER_NAMED: [&str; 2] = ["{INR}", "[pH]"];

/// The UCUM code of a unit that results of an analyte are reported in.
fn unit_code(analyte: Option<Analyte>, unit: Option<&str>) -> Option<Cow<'static, str>> {
    let alone = analyte
        .map(|analyte| analyte.unit)
        .filter(|unit| NEVER_NAMED.contains(unit));
    if let Some(alone) = alone
        && units::text(unit).is_empty()
    {
        return Some(Cow::Borrowed(alone));
    }
    units::normalize_for(unit.unwrap_or_default(), |code| {
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
