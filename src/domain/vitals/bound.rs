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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::vitals::{VitalMeasure, Vitals};
    use crate::domain::{Aggregate, DayFold, Fold, FoldRules, Period, RawRow};

    const DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();

    fn row(place: usize, date: NaiveDate, text: &str) -> RawRow<VitalSample> {
        let sign = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let minutes = TimeDelta::minutes(i64::try_from(place).unwrap());
        let at: DateTime<Utc> = date.and_time(chrono::NaiveTime::MIN).and_utc() + minutes;
        RawRow {
            id: i64::try_from(place).unwrap(),
            utc_offset_minutes: 0,
            source: "cgm".to_owned(),
            device: None,
            note: None,
            payload: VitalSample {
                metric: "blood_glucose".to_owned(),
                value: text[sign.len()..].parse().ok(),
                comparator: Some(sign.to_owned()).filter(|sign| !sign.is_empty()),
                unit: Some("mg/dL".to_owned()),
                started_at: at,
                ended_at: at,
            },
        }
    }

    fn fold(date: NaiveDate, texts: &[&str]) -> DayFold<VitalMeasure> {
        let rows: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(place, text)| row(place, date, text))
            .collect();
        Vitals::fold_day(date, &rows, &FoldRules::default())
    }

    fn day(date: NaiveDate, texts: &[&str]) -> Aggregate<VitalMeasure> {
        let fold = fold(date, texts);
        assert!(fold.rejected.is_empty(), "{:?}", fold.rejected);
        fold.aggregates.into_iter().next_back().unwrap()
    }

    fn text(number: Option<f64>, sign: &Option<String>) -> String {
        let number = number.map(|number| number.to_string());
        [sign.clone(), number].into_iter().flatten().collect()
    }

    /// Count, below, above, mean, least, greatest, first, last.
    fn told(m: &VitalMeasure) -> String {
        format!(
            "{} {} {} mean {} {}..{} {}>{}",
            m.count,
            m.below_count,
            m.above_count,
            text(m.mean, &None),
            text(m.min, &m.min_comparator),
            text(m.max, &m.max_comparator),
            text(m.first, &m.first_comparator),
            text(m.last, &m.last_comparator),
        )
    }

    #[test]
    fn a_day_says_what_is_known_of_it() {
        let cases: &[(&[&str], &str)] = &[
            (&["55", "<40", "100"], "3 1 0 mean 77.5 <40..100 55>100"),
            (&["<40", "30"], "2 1 0 mean 30 <=30..<40 <40>30"),
            (&["40", "<40"], "2 1 0 mean 40 <40..40 40><40"),
            (&["40", "<=40"], "2 1 0 mean 40 <=40..40 40><=40"),
            (&["<40", "<60"], "2 2 0 mean  <40..<60 <40><60"),
            (&["<=40", "<40"], "2 2 0 mean  <40..<=40 <=40><40"),
            (&["55", "<"], "2 1 0 mean 55 <..55 55><"),
            (&["<", "<40"], "2 2 0 mean  <40..<40 <><40"),
            (&["<"], "1 1 0 mean  <..< <><"),
            (&[">"], "1 0 1 mean  >..> >>>"),
            (&["<", ">"], "2 1 1 mean  <..> <>>"),
            (&["55", ">", "90"], "3 0 1 mean 72.5 55..> 55>90"),
            (&[">400", "350"], "2 0 1 mean 350 350..>400 >400>350"),
            (&[">400", "500"], "2 0 1 mean 500 >400..>=500 >400>500"),
            (&[">=400", "400"], "2 0 1 mean 400 400..>=400 >=400>400"),
            (&[">400", "<40"], "2 1 1 mean  <40..>400 >400><40"),
            (&[">400", ">=400"], "2 0 2 mean  >=400..>400 >400>>=400"),
            (&["120"], "1 0 0 mean 120 120..120 120>120"),
        ];
        for (texts, expected) in cases {
            assert_eq!(told(&day(DATE, texts).measure), *expected, "{texts:?}");
        }
    }

    #[test]
    fn coarser_periods_carry_the_bounds_of_their_days() {
        for (one, other, expected) in [
            (
                &["55", "<40"][..],
                &["30"][..],
                "3 1 0 mean 42.5 <=30..55 55>30",
            ),
            (&["55"], &["<"], "2 1 0 mean 55 <..55 55><"),
            (&["<"], &["<40"], "2 2 0 mean  <40..<40 <><40"),
            (
                &[">400", "500"],
                &["450"],
                "3 0 1 mean 475 >400..>=500 >400>450",
            ),
            (&["<40"], &[">400"], "2 1 1 mean  <40..>400 <40>>400"),
            (&["<40"], &["80", "90"], "3 1 0 mean 85 <40..90 <40>90"),
        ] {
            let next = DATE.succ_opt().unwrap();
            let (one, other) = (day(DATE, one), day(next, other));
            let week = Vitals::fold_days(&[&one, &other]);
            assert_eq!(told(&week), expected);
            assert_eq!((week.total, week.days_covered), (None, Some(2)));
        }
    }

    #[test]
    fn a_bound_that_cannot_be_is_refused_and_the_reason_hides_the_value() {
        let mut wrong = Vec::new();
        for (metric, value, sign, unit, rule) in [
            (
                "blood_glucose",
                Some(5001.5),
                "<",
                "mg/dL",
                "value_implausible",
            ),
            (
                "blood_glucose",
                Some(0.0),
                "<",
                "mg/dL",
                "value_implausible",
            ),
            (
                "oxygen_saturation",
                Some(100.0),
                ">",
                "%",
                "value_implausible",
            ),
            ("8867-4", Some(f64::NAN), "<", "/min", "value_not_finite"),
            ("10230-1", Some(1e300), "<", "%", "value_implausible"),
            ("steps", Some(10001.5), ">", "count", "value_bounded"),
            ("sleep", None, "<", "min", "value_bounded"),
            (
                "blood_glucose",
                Some(41.5),
                "~",
                "mg/dL",
                "comparator_unknown",
            ),
            (
                "blood_glucose",
                Some(41.5),
                "ad",
                "mg/dL",
                "comparator_unknown",
            ),
            ("blood_glucose", None, "<=", "mg/dL", "value_missing"),
            ("blood_glucose", None, "<", "kg", "unit_inconvertible"),
            ("blood_glucose", Some(41.5), "<", "", "unit_missing"),
        ] {
            let mut row = row(1, DATE, "1");
            row.payload.metric = metric.to_owned();
            row.payload.value = value;
            row.payload.comparator = Some(sign.to_owned());
            row.payload.unit = Some(unit.to_owned());
            let fold = Vitals::fold_day(DATE, &[row], &FoldRules::default());
            let reason = fold.rejected.first().map(|row| row.reason.as_str());
            let reason = reason.unwrap_or_default();
            if !reason.starts_with(&format!("{rule}: ")) || reason.contains("1.5") {
                wrong.push((metric, sign, rule, reason.to_owned()));
            }
        }
        assert_eq!(wrong, []);
    }

    #[test]
    fn bounds_are_converted_and_a_device_without_a_number_needs_no_unit() {
        let mut mmol = row(1, DATE, "<2.5");
        mmol.payload.unit = Some("mmol/L".to_owned());
        let mut low = row(2, DATE, "<");
        low.payload.unit = None;
        let fold = Vitals::fold_day(DATE, &[mmol, low], &FoldRules::default());
        assert!(fold.rejected.is_empty(), "{:?}", fold.rejected);
        let m = &fold.aggregates.last().unwrap().measure;
        assert_eq!(m.min_comparator.as_deref(), Some("<"));
        assert!((m.min.unwrap() - 45.0).abs() < 0.1, "{m:?}");
        assert_eq!(m.below_count, 2);
    }

    fn any_text() -> impl Strategy<Value = String> {
        let sign = prop::sample::select(vec!["", "", "", "<", "<=", ">", ">="]);
        let number = prop::sample::select(vec!["40", "50", "60", "70.5", ""]);
        (sign, number).prop_map(|(sign, number)| match (sign, number) {
            ("" | "<=" | ">=", "") => format!("{sign}55"),
            (sign, number) => format!("{sign}{number}"),
        })
    }

    proptest! {
        #[test]
        fn order_decides_first_and_last_only(
            (texts, shuffled) in prop::collection::vec(any_text(), 1..12)
                .prop_flat_map(|texts| (Just(texts.clone()), Just(texts).prop_shuffle()))
        ) {
            let of = |texts: &[String]| {
                let texts: Vec<_> = texts.iter().map(String::as_str).collect();
                let m = day(DATE, &texts).measure;
                (m.count, m.below_count, m.above_count, m.mean.map(f64::to_bits), m.min, m.max, m.min_comparator, m.max_comparator)
            };
            prop_assert_eq!(of(&texts), of(&shuffled));
        }

        #[test]
        fn the_mean_is_that_of_the_exact_values(texts in prop::collection::vec(any_text(), 1..12)) {
            let all: Vec<_> = texts.iter().map(String::as_str).collect();
            let exact: Vec<_> = all.iter().copied().filter(|text| !text.starts_with(['<', '>'])).collect();
            let m = day(DATE, &all).measure;
            let mean = (!exact.is_empty()).then(|| day(DATE, &exact).measure.mean).flatten();
            prop_assert_eq!(m.mean, mean);
            prop_assert_eq!(m.count - m.below_count - m.above_count, i64::try_from(exact.len()).unwrap());
        }

        /// Counts of hours and days add up; and a minimum of a period is never
        /// more than that of one of its days, nor a maximum less.
        #[test]
        fn counts_add_up_over_periods(
            days in prop::collection::vec(prop::collection::vec(any_text(), 1..6), 1..5)
        ) {
            let days: Vec<_> = days
                .iter()
                .zip(DATE.iter_days())
                .map(|(texts, date)| fold(date, &texts.iter().map(String::as_str).collect::<Vec<_>>()))
                .collect();
            let sum = |period: Period, of: fn(&VitalMeasure) -> i64| -> i64 {
                let rows = days.iter().flat_map(|day| &day.aggregates);
                rows.filter(|row| row.key.period == period).map(|row| of(&row.measure)).sum()
            };
            let rows: Vec<_> = days.iter().map(|day| day.aggregates.last().unwrap()).collect();
            let week = Vitals::fold_days(&rows);
            for of in [|m: &VitalMeasure| m.count, |m: &VitalMeasure| m.below_count, |m: &VitalMeasure| m.above_count] {
                prop_assert_eq!(sum(Period::Hour, of), of(&week));
                prop_assert_eq!(sum(Period::Day, of), of(&week));
            }
            // `>40` says nothing of how low the minimum is at most.
            let begins = |sign: &Option<String>, with: char| sign.as_deref().is_some_and(|sign| sign.starts_with(with));
            for day in rows.iter().map(|row| &row.measure) {
                if let (Some(week), Some(day), false) = (week.min, day.min, begins(&day.min_comparator, '>')) {
                    prop_assert!(week <= day);
                }
                if let (Some(week), Some(day), false) = (week.max, day.max, begins(&day.max_comparator, '<')) {
                    prop_assert!(week >= day);
                }
            }
            prop_assert_eq!(week.below_count > 0, begins(&week.min_comparator, '<'));
            prop_assert_eq!(week.above_count > 0, begins(&week.max_comparator, '>'));
        }
    }
}
