//! What a period's results amount to.

use std::collections::BTreeMap;

use super::LabMeasure;
use super::flag::Flag;
use super::result::Reported;
use super::subject::Subject;
use super::value::Value;
use crate::domain::bounds::{Listed, MAX_SHOWN_CHARS, named};
use crate::domain::sum::{Sum, mean};
use crate::domain::text::truncate;

/// How much of a result in words is a key of `text_values`.
const MAX_TEXT_CHARS: usize = 100;

/// Grows result by result, or day by day, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Tally<'r> {
    code: Option<String>,
    name: String,
    count: i64,
    below_count: i64,
    above_count: i64,
    no_result_count: i64,
    numbers: Option<Numbers>,
    /// First and last result as reported.
    texts: Option<(String, String)>,
    text_values: BTreeMap<String, i64>,
    reference: (Option<f64>, Option<f64>),
    flag: Option<Flag>,
    worst_flag: Option<Flag>,
    sources: Listed<'r>,
    pub(super) rejected_count: i64,
}

/// The plain numbers of a series.
#[derive(Debug)]
struct Numbers {
    count: i64,
    sum: Sum,
    min: f64,
    max: f64,
    first: f64,
    last: f64,
}

impl<'r> Tally<'r> {
    pub(super) fn add_result(
        &mut self,
        reading: &Reported<'_>,
        subject: &Subject<'_>,
        source: &'r str,
    ) {
        self.count += 1;
        match reading.value {
            Value::Number(number) => {
                self.add_numbers(1, number, (number, number), (number, number))
            }
            Value::Bound(comparator, _) if comparator.is_below() => self.below_count += 1,
            Value::Bound(..) => self.above_count += 1,
            Value::Text => {}
        }
        if let Some(text) = &reading.counted_text {
            self.add_text_value(truncate(text, MAX_TEXT_CHARS), 1);
        }
        let shown = truncate(&reading.text, MAX_SHOWN_CHARS);
        self.add_texts(shown, shown);
        self.add_names(subject.code.as_deref(), &subject.name);
        if let Some(interval) = reading.interval {
            self.reference = (interval.low, interval.high);
        }
        self.add_flags(reading.flag, reading.flag);
        self.sources.add(source);
    }

    pub(super) fn add_no_result(&mut self, subject: &Subject<'_>, source: &'r str) {
        self.no_result_count += 1;
        self.add_names(subject.code.as_deref(), &subject.name);
        self.sources.add(source);
    }

    pub(super) fn add_day(&mut self, day: &'r LabMeasure) {
        self.count += day.count;
        self.below_count += day.below_count;
        self.above_count += day.above_count;
        self.no_result_count += day.no_result_count;
        if let (Some(sum), Some(min), Some(max), Some(first), Some(last)) =
            (day.value_sum, day.min, day.max, day.first, day.last)
        {
            self.add_numbers(day.numeric_count, sum, (min, max), (first, last));
        }
        for (text, count) in &day.text_values {
            self.add_text_value(text, *count);
        }
        self.add_names(day.code.as_deref(), &day.name);
        if day.reference_low.is_some() || day.reference_high.is_some() {
            self.reference = (day.reference_low, day.reference_high);
        }
        // A day without a result has neither.
        if day.count > 0 {
            self.add_texts(&day.first_text, &day.last_text);
            self.add_flags(Flag::from_name(&day.flag), Flag::from_name(&day.worst_flag));
        }
        self.sources.add_list(&day.sources);
        self.rejected_count += day.rejected_count;
    }

    fn add_numbers(
        &mut self,
        count: i64,
        sum: f64,
        (min, max): (f64, f64),
        (first, last): (f64, f64),
    ) {
        let numbers = self.numbers.get_or_insert_with(|| Numbers {
            count: 0,
            sum: Sum::default(),
            min,
            max,
            first,
            last,
        });
        numbers.count += count;
        numbers.sum.add(sum);
        if min < numbers.min {
            numbers.min = min;
        }
        if max > numbers.max {
            numbers.max = max;
        }
        numbers.last = last;
    }

    fn add_text_value(&mut self, text: &str, count: i64) {
        match self.text_values.get_mut(text) {
            Some(so_far) => *so_far += count,
            None => {
                self.text_values.insert(text.to_owned(), count);
            }
        }
    }

    fn add_texts(&mut self, first: &str, last: &str) {
        match &mut self.texts {
            Some((_, latest)) => last.clone_into(latest),
            None => self.texts = Some((first.to_owned(), last.to_owned())),
        }
    }

    /// The latest that there is.
    fn add_names(&mut self, code: Option<&str>, name: &str) {
        if let Some(code) = code {
            code.clone_into(self.code.get_or_insert_default());
        }
        if !name.is_empty() {
            name.clone_into(&mut self.name);
        }
    }

    fn add_flags(&mut self, latest: Flag, worst: Flag) {
        self.flag = Some(latest);
        self.worst_flag = self.worst_flag.max(Some(worst));
    }

    /// Without the days covered, which day rows do not have.
    pub(super) fn finish(self) -> LabMeasure {
        let numbers = self.numbers.as_ref();
        let value_sum = numbers.map(|numbers| numbers.sum.total());
        let (first_text, last_text) = self.texts.unwrap_or_default();
        let flag_name = |flag: Option<Flag>| flag.unwrap_or(Flag::Unknown).name().to_owned();
        LabMeasure {
            code: self.code,
            name: self.name,
            count: self.count,
            numeric_count: numbers.map_or(0, |numbers| numbers.count),
            below_count: self.below_count,
            above_count: self.above_count,
            no_result_count: self.no_result_count,
            value_sum,
            mean: numbers.map(|numbers| mean(numbers.sum.total(), numbers.count)),
            min: numbers.map(|numbers| numbers.min),
            max: numbers.map(|numbers| numbers.max),
            first: numbers.map(|numbers| numbers.first),
            last: numbers.map(|numbers| numbers.last),
            first_text,
            last_text,
            text_values: named(self.text_values, |sum, count| *sum += count),
            reference_low: self.reference.0,
            reference_high: self.reference.1,
            flag: flag_name(self.flag),
            worst_flag: flag_name(self.worst_flag),
            days_covered: None,
            sources: self.sources.finish(),
            rejected_count: self.rejected_count,
        }
    }
}
