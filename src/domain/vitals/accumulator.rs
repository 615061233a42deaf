//! What a period's samples amount to.

use super::VitalMeasure;
use super::registry::Kind;
use crate::domain::Aggregate;
use crate::domain::sum::{Sum, mean};

/// Grows sample by sample, or day by day, in the order of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accumulator {
    count: i64,
    /// What the sum is divided by for the mean: the count, where a day without
    /// rows of its own weighs as one.
    weight: i64,
    sum: Sum,
    /// Whether a sum over time means something.
    is_summable: bool,
    reported: Option<Reported>,
    pub(super) rejected_count: i64,
}

/// What the samples' own values were.
#[derive(Debug, Clone, Copy)]
struct Reported {
    min: f64,
    max: f64,
    first: f64,
    last: f64,
}

impl Accumulator {
    pub(super) fn new(kind: Kind) -> Self {
        Self::of_summable(kind != Kind::Discrete)
    }

    pub(super) fn of_day(day: &Aggregate<VitalMeasure>) -> Self {
        let mut accumulator = Self::of_summable(day.measure.total.is_some());
        accumulator.add_day(day);
        accumulator
    }

    fn of_summable(is_summable: bool) -> Self {
        Self {
            count: 0,
            weight: 0,
            sum: Sum::default(),
            is_summable,
            reported: None,
            rejected_count: 0,
        }
    }

    /// Counts a sample by the value that it was reported with.
    pub(super) fn count(&mut self, value: f64) {
        self.count += 1;
        self.weight += 1;
        self.extend(Reported {
            min: value,
            max: value,
            first: value,
            last: value,
        });
    }

    /// Adds what a sample gives once overlaps are resolved.
    pub(super) fn add(&mut self, amount: f64) {
        self.sum.add(amount);
    }

    pub(super) fn add_day(&mut self, day: &Aggregate<VitalMeasure>) {
        let measure = &day.measure;
        self.count += measure.count;
        self.weight += measure.count.max(1);
        self.sum.add(measure.value_sum);
        self.extend(Reported {
            min: measure.min,
            max: measure.max,
            first: measure.first,
            last: measure.last,
        });
        self.rejected_count += measure.rejected_count;
    }

    /// Compares instead of `f64::min`, which may pick either of 0 and -0.
    fn extend(&mut self, later: Reported) {
        let Some(reported) = &mut self.reported else {
            self.reported = Some(later);
            return;
        };
        if later.min < reported.min {
            reported.min = later.min;
        }
        if later.max > reported.max {
            reported.max = later.max;
        }
        reported.last = later.last;
    }

    /// Without coverage, which hour rows do not have.
    pub(super) fn finish(self, sources: Vec<String>) -> VitalMeasure {
        let value_sum = self.sum.total();
        // Sleep that is known by its stages only is one value: its total.
        let reported = self.reported.unwrap_or(Reported {
            min: value_sum,
            max: value_sum,
            first: value_sum,
            last: value_sum,
        });
        VitalMeasure {
            count: self.count,
            total: self.is_summable.then_some(value_sum),
            value_sum,
            mean: mean(value_sum, self.weight.max(1)),
            min: reported.min,
            max: reported.max,
            first: reported.first,
            last: reported.last,
            hours_covered: None,
            days_covered: None,
            sources,
            rejected_count: self.rejected_count,
        }
    }
}
