//! What a period's entries amount to.

use std::collections::BTreeMap;

use super::NutritionMeasure;
use crate::domain::bounds::Listed;
use crate::domain::sum::{Sum, mean};

/// Grows entry by entry, or day by day, in the order of time.
#[derive(Debug)]
pub(super) struct Tally<'r> {
    count: i64,
    sum: Sum,
    min: f64,
    max: f64,
    first: f64,
    last: f64,
    sources: Listed<'r>,
    pub(super) rejected_count: i64,
}

impl<'r> Tally<'r> {
    /// Nothing yet. `first` is the first amount that will be added.
    pub(super) fn starting_with(first: f64) -> Self {
        Self {
            count: 0,
            sum: Sum::default(),
            min: first,
            max: first,
            first,
            last: first,
            sources: Listed::default(),
            rejected_count: 0,
        }
    }

    pub(super) fn add_entry(&mut self, amount: f64, source: &'r str) {
        self.count += 1;
        self.sum.add(amount);
        self.extend(amount, amount);
        self.last = amount;
        self.sources.add(source);
    }

    pub(super) fn add_day(&mut self, day: &'r NutritionMeasure) {
        self.count += day.count;
        self.sum.add(day.value_sum);
        self.extend(day.min, day.max);
        self.last = day.last;
        self.sources.add_list(&day.sources);
        self.rejected_count += day.rejected_count;
    }

    fn extend(&mut self, min: f64, max: f64) {
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    /// Without the days covered, which day rows do not have.
    pub(super) fn finish(self, meals: BTreeMap<String, f64>) -> NutritionMeasure {
        let total = self.sum.total();
        NutritionMeasure {
            count: self.count,
            total,
            value_sum: total,
            mean: mean(total, self.count),
            min: self.min,
            max: self.max,
            first: self.first,
            last: self.last,
            meals,
            days_covered: None,
            sources: self.sources.finish(),
            rejected_count: self.rejected_count,
        }
    }
}
