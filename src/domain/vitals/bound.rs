//! Values of which only a bound is known: `<40`, or `HI` where a meter has no
//! number to show. `docs/vitals.md` states the rules.

use super::VitalSample;
use super::registry::{Kind, Metric};
use crate::domain::number::Comparator;
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::units::Conversion;

/// A value, or where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stated {
    /// None with a comparator: beyond what the device measures.
    pub(super) number: Option<f64>,
    /// None for the value itself.
    pub(super) comparator: Option<Comparator>,
}

/// The bound that a row with a comparator states, its number in the unit of
/// the series; or the rule that the row breaks. `conversion` is that of its
/// unit, `metric` none for a LOINC code outside the registry.
pub(super) fn read(
    payload: &VitalSample,
    sign: &str,
    metric: Option<&Metric>,
    conversion: Result<&Conversion, &String>,
) -> Result<(Comparator, Option<f64>), String> {
    let comparator = Comparator::of_sign(sign)
        .ok_or("comparator_unknown: a comparator is one of <, <=, >, >=")?;
    if let Some(metric) = metric.filter(|metric| metric.kind != Kind::Discrete) {
        return Err(format!(
            "value_bounded: {} is summed, which a bound cannot be: send the value itself",
            metric.name
        ));
    }
    let has_unit = payload
        .unit
        .as_deref()
        .is_some_and(|unit| !unit.trim().is_empty());
    let Some(number) = payload.value else {
        if has_unit {
            conversion.map_err(String::clone)?;
        }
        return if comparator.is_strict() {
            Ok((comparator, None))
        } else {
            Err("value_missing: without a value the comparator is < or >".to_owned())
        };
    };
    if !number.is_finite() {
        return Err("value_not_finite: the value is no finite number".to_owned());
    }
    let conversion = conversion.map_err(String::clone)?;
    let number = conversion.apply(number).unwrap_or(f64::INFINITY);
    match metric {
        Some(metric) if !leaves_room(metric, comparator, number) => {
            let (low, high) = metric.plausible;
            Err(format!(
                "value_implausible: {} lies between {low} and {high} {}",
                metric.name, metric.unit
            ))
        }
        None if number.abs() > MAX_SUMMAND => {
            Err("value_implausible: the value is too large".to_owned())
        }
        _ => Ok((comparator, Some(number))),
    }
}

/// Whether the bound is a plausible value and some plausible value lies beyond
/// it: no saturation is above 100 %.
fn leaves_room(metric: &Metric, comparator: Comparator, number: f64) -> bool {
    let (low, high) = metric.plausible;
    metric.is_plausible(number)
        && match comparator {
            Comparator::Below => number > low,
            Comparator::Above => number < high,
            Comparator::AtMost | Comparator::AtLeast => true,
        }
}

/// Which end of a period's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Least,
    Greatest,
}

/// What samples with a comparator say of a period.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) below_count: i64,
    pub(super) above_count: i64,
    least: Limits,
    greatest: Limits,
}

/// What bounds say of one end of a period's values.
#[derive(Debug, Clone)]
struct Limits {
    end: End,
    /// Of the bounds on this end's side, below for the least, the furthest.
    toward: Option<Edge>,
    /// Of the bounds on the other side the furthest towards this end.
    away: Option<Edge>,
    /// Whether a device had no number to show, on either side.
    is_beyond_toward: bool,
    is_beyond_away: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    number: f64,
    comparator: Comparator,
}

impl Stated {
    pub(super) fn exactly(number: f64) -> Self {
        Self {
            number: Some(number),
            comparator: None,
        }
    }

    /// From a stored row; none where it has neither number nor comparator.
    pub(super) fn stored(number: Option<f64>, comparator: Option<&str>) -> Option<Self> {
        let comparator = comparator.and_then(Comparator::of_sign);
        (number.is_some() || comparator.is_some()).then_some(Self { number, comparator })
    }

    pub(super) fn sign(self) -> Option<String> {
        self.comparator
            .map(|comparator| comparator.sign().to_owned())
    }
}

impl End {
    fn is_further(self, one: f64, other: f64) -> bool {
        match self {
            End::Least => one < other,
            End::Greatest => one > other,
        }
    }

    /// Whether bounds with this comparator lie on this end's side.
    fn is_side_of(self, comparator: Comparator) -> bool {
        comparator.is_below() == (self == End::Least)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            below_count: 0,
            above_count: 0,
            least: Limits::new(End::Least),
            greatest: Limits::new(End::Greatest),
        }
    }
}

impl Bounds {
    pub(super) fn count(&mut self, comparator: Comparator, number: Option<f64>) {
        if comparator.is_below() {
            self.below_count += 1;
        } else {
            self.above_count += 1;
        }
        self.take(End::Least, comparator, number);
        self.take(End::Greatest, comparator, number);
    }

    /// Notes that a value which may be the `end` of the period lies so.
    pub(super) fn take(&mut self, end: End, comparator: Comparator, number: Option<f64>) {
        match end {
            End::Least => self.least.take(comparator, number),
            End::Greatest => self.greatest.take(comparator, number),
        }
    }

    /// The `end` of the period, of whose exact values the furthest is `exact`.
    pub(super) fn stated(&self, end: End, exact: Option<f64>) -> Option<Stated> {
        match end {
            End::Least => self.least.stated(exact),
            End::Greatest => self.greatest.stated(exact),
        }
    }
}

impl Limits {
    fn new(end: End) -> Self {
        Self {
            end,
            toward: None,
            away: None,
            is_beyond_toward: false,
            is_beyond_away: false,
        }
    }

    fn take(&mut self, comparator: Comparator, number: Option<f64>) {
        let is_toward = self.end.is_side_of(comparator);
        let Some(number) = number else {
            *(if is_toward {
                &mut self.is_beyond_toward
            } else {
                &mut self.is_beyond_away
            }) = true;
            return;
        };
        let end = self.end;
        let kept = if is_toward {
            &mut self.toward
        } else {
            &mut self.away
        };
        // Of `<40` and `<=40` the first says more of a minimum: one value is
        // certainly below 40. Of `>40` and `>=40` the second: one may be 40.
        let is_better = kept.is_none_or(|kept| {
            end.is_further(number, kept.number)
                || (number == kept.number && comparator.is_strict() == is_toward)
        });
        if is_better {
            *kept = Some(Edge { number, comparator });
        }
    }

    fn stated(&self, exact: Option<f64>) -> Option<Stated> {
        let (side, other_side, or_equal) = match self.end {
            End::Least => (Comparator::Below, Comparator::Above, Comparator::AtMost),
            End::Greatest => (Comparator::Above, Comparator::Below, Comparator::AtLeast),
        };
        let bound = |number, comparator| Stated {
            number,
            comparator: Some(comparator),
        };
        let of_edge = |edge: Edge| bound(Some(edge.number), edge.comparator);
        if let Some(edge) = self.toward {
            // Beside `<40` a measured 30 is no minimum: the other may be less.
            let further = exact.filter(|exact| self.end.is_further(*exact, edge.number));
            return Some(further.map_or(of_edge(edge), |exact| bound(Some(exact), or_equal)));
        }
        if self.is_beyond_toward {
            return Some(bound(None, side));
        }
        match (exact, self.away) {
            (Some(exact), Some(edge)) if self.end.is_further(edge.number, exact) => {
                Some(of_edge(edge))
            }
            (Some(exact), _) => Some(Stated::exactly(exact)),
            (None, Some(edge)) => Some(of_edge(edge)),
            (None, None) => self.is_beyond_away.then(|| bound(None, other_side)),
        }
    }
}
