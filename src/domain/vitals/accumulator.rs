//! What a period's samples amount to.

use std::collections::BTreeSet;

use super::VitalMeasure;
use super::registry::Kind;
use super::sample::Sample;
use crate::domain::Aggregate;
use crate::domain::sum::{Sum, mean};

/// Grows sample by sample, or day by day, in the order of time.
#[derive(Debug)]
pub(super) struct Accumulator<'r> {
    count: i64,
    sum: Sum,
    /// Whether a sum over time means something.
    is_summable: bool,
    min: f64,
    max: f64,
    first: f64,
    last: f64,
    sources: BTreeSet<&'r str>,
    pub(super) rejected_count: i64,
}

impl<'r> Accumulator<'r> {
    pub(super) fn of_sample(sample: &Sample<'r>, kind: Kind) -> Self {
        let mut accumulator = Self::new(sample.value, kind != Kind::Discrete);
        accumulator.add_sample(sample);
        accumulator
    }

    pub(super) fn of_day(day: &'r Aggregate<VitalMeasure>) -> Self {
        let mut accumulator = Self::new(day.measure.first, day.measure.total.is_some());
        accumulator.add_day(day);
        accumulator
    }

    /// The values of extremes are those of the first that is added.
    fn new(first: f64, is_summable: bool) -> Self {
        Self {
            count: 0,
            sum: Sum::default(),
            is_summable,
            min: first,
            max: first,
            first,
            last: first,
            sources: BTreeSet::new(),
            rejected_count: 0,
        }
    }

    pub(super) fn add_sample(&mut self, sample: &Sample<'r>) {
        self.count += 1;
        self.sum.add(sample.value);
        self.extend(sample.value, sample.value);
        self.last = sample.value;
        self.add_source(sample.source);
    }

    pub(super) fn add_day(&mut self, day: &'r Aggregate<VitalMeasure>) {
        let measure = &day.measure;
        self.count += measure.count;
        self.sum.add(measure.value_sum);
        self.extend(measure.min, measure.max);
        self.last = measure.last;
        for source in &measure.sources {
            self.add_source(source);
        }
        self.rejected_count += measure.rejected_count;
    }

    /// Compares instead of `f64::min`, which may pick either of 0 and -0.
    fn extend(&mut self, min: f64, max: f64) {
        if min < self.min {
            self.min = min;
        }
        if max > self.max {
            self.max = max;
        }
    }

    fn add_source(&mut self, source: &'r str) {
        if !source.trim().is_empty() {
            self.sources.insert(source);
        }
    }

    /// Without coverage, which hour rows do not have.
    pub(super) fn finish(self) -> VitalMeasure {
        let value_sum = self.sum.total();
        VitalMeasure {
            count: self.count,
            total: self.is_summable.then_some(value_sum),
            value_sum,
            mean: mean(value_sum, self.count),
            min: self.min,
            max: self.max,
            first: self.first,
            last: self.last,
            hours_covered: None,
            days_covered: None,
            sources: self.sources.into_iter().map(str::to_owned).collect(),
            rejected_count: self.rejected_count,
        }
    }
}
