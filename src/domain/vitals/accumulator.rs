//! What a period's samples amount to.

use super::VitalMeasure;
use super::bound::{Bounds, End, Stated};
use super::registry::Kind;
use crate::domain::Aggregate;
use crate::domain::number::Comparator;
use crate::domain::sum::{Sum, mean};

/// Grows sample by sample, or day by day, in the order of time.
#[derive(Debug, Clone)]
pub(super) struct Accumulator {
    count: i64,
    /// What the sum is divided by for the mean: the count of exact values,
    /// where a day of amounts without rows of its own weighs as one.
    weight: i64,
    sum: Sum,
    /// Whether a sum over time means something.
    is_summable: bool,
    exact: Option<Range>,
    /// First and last value as they were reported.
    ends: Option<(Stated, Stated)>,
    /// None, as nearly always, where every value is exact.
    bounds: Option<Box<Bounds>>,
    pub(super) rejected_count: i64,
}

/// Of the exact values. Infinite at an end of which only a bound is known.
#[derive(Debug, Clone, Copy)]
struct Range {
    min: f64,
    max: f64,
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
            exact: None,
            ends: None,
            bounds: None,
            rejected_count: 0,
        }
    }

    /// Counts a sample by the value that it was reported with.
    pub(super) fn count(&mut self, value: f64) {
        self.count += 1;
        self.weight += 1;
        self.extend(value, value);
        self.add_ends(Stated::exactly(value), Stated::exactly(value));
    }

    /// Counts a sample of which only a bound is known: no part of the sum.
    pub(super) fn count_bound(&mut self, comparator: Comparator, number: Option<f64>) {
        self.count += 1;
        self.bounds
            .get_or_insert_default()
            .count(comparator, number);
        let stated = Stated {
            number,
            comparator: Some(comparator),
        };
        self.add_ends(stated, stated);
    }

    /// Adds what a sample gives once overlaps are resolved.
    pub(super) fn add(&mut self, amount: f64) {
        self.sum.add(amount);
    }

    pub(super) fn add_day(&mut self, day: &Aggregate<VitalMeasure>) {
        let measure = &day.measure;
        self.count += measure.count;
        let exact = measure.count - measure.below_count - measure.above_count;
        self.weight += exact.max(i64::from(self.is_summable));
        self.sum.add(measure.value_sum);
        if measure.below_count + measure.above_count > 0 {
            let bounds = self.bounds.get_or_insert_default();
            bounds.below_count += measure.below_count;
            bounds.above_count += measure.above_count;
        }
        let min = Stated::stored(measure.min, measure.min_comparator.as_deref());
        let max = Stated::stored(measure.max, measure.max_comparator.as_deref());
        let min = self.exact_or_note(End::Least, min);
        let max = self.exact_or_note(End::Greatest, max);
        self.extend(
            min.unwrap_or(f64::INFINITY),
            max.unwrap_or(f64::NEG_INFINITY),
        );
        let first = Stated::stored(measure.first, measure.first_comparator.as_deref());
        let last = Stated::stored(measure.last, measure.last_comparator.as_deref());
        if let (Some(first), Some(last)) = (first, last) {
            self.add_ends(first, last);
        }
        self.rejected_count += measure.rejected_count;
    }

    /// The number of an end that is known; notes the bound of one that is not.
    fn exact_or_note(&mut self, end: End, stated: Option<Stated>) -> Option<f64> {
        let Stated { number, comparator } = stated?;
        let Some(comparator) = comparator else {
            return number;
        };
        let bounds = self.bounds.get_or_insert_default();
        bounds.take(end, comparator, number);
        None
    }

    /// Compares instead of `f64::min`, which may pick either of 0 and -0.
    fn extend(&mut self, min: f64, max: f64) {
        let Some(exact) = &mut self.exact else {
            self.exact = Some(Range { min, max });
            return;
        };
        if min < exact.min {
            exact.min = min;
        }
        if max > exact.max {
            exact.max = max;
        }
    }

    fn add_ends(&mut self, first: Stated, last: Stated) {
        match &mut self.ends {
            Some((_, latest)) => *latest = last,
            None => self.ends = Some((first, last)),
        }
    }

    /// Without coverage, which hour rows do not have.
    pub(super) fn finish(&self, sources: Vec<String>) -> VitalMeasure {
        let value_sum = self.sum.total();
        // Sleep that is known by its stages only is one value: its total.
        let only = Stated::exactly(value_sum);
        let is_only = self.ends.is_none();
        let (first, last) = self.ends.unwrap_or((only, only));
        let weight = self.weight.max(i64::from(self.is_summable));
        let end = |end: End| {
            let exact = match (self.exact, end) {
                (Some(range), End::Least) => Some(range.min),
                (Some(range), End::Greatest) => Some(range.max),
                (None, _) => is_only.then_some(value_sum),
            };
            let exact = exact.filter(|exact| exact.is_finite());
            match &self.bounds {
                Some(bounds) => bounds.stated(end, exact),
                None => exact.map(Stated::exactly),
            }
        };
        let (min, max) = (end(End::Least), end(End::Greatest));
        let number = |stated: Option<Stated>| stated.and_then(|stated| stated.number);
        let sign = |stated: Option<Stated>| stated.and_then(Stated::sign);
        let bounds = self.bounds.as_deref();
        VitalMeasure {
            count: self.count,
            below_count: bounds.map_or(0, |bounds| bounds.below_count),
            above_count: bounds.map_or(0, |bounds| bounds.above_count),
            total: self.is_summable.then_some(value_sum),
            value_sum,
            mean: (weight > 0).then(|| mean(value_sum, weight)),
            min: number(min),
            max: number(max),
            first: first.number,
            last: last.number,
            min_comparator: sign(min),
            max_comparator: sign(max),
            first_comparator: first.sign(),
            last_comparator: last.sign(),
            hours_covered: None,
            days_covered: None,
            sources,
            rejected_count: self.rejected_count,
        }
    }
}
