//! Raw rows made comparable: each becomes a sample of a series in the series'
//! unit, or is rejected.

use std::borrow::Cow;
use std::collections::HashMap;

use super::VitalSample;
use super::accumulator::Accumulator;
use super::bound;
use super::overlap::Stretch;
use super::registry::{self, Kind, Metric, MetricRef, NamedBy, SleepPart};
use super::source::{SourceId, Sources};
use crate::domain::memo::Memo;
use crate::domain::number::Comparator;
use crate::domain::period::{MAX_OFFSET_MINUTES, local_hour};
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::text::quoted;
use crate::domain::units::{self, Conversion};
use crate::domain::{FoldRules, RawRow, loinc};

/// A sample counts towards so many local hours at most and is taken to end with
/// the last of them.
const MAX_HOURS: i64 = super::LONGEST_HOURS;

/// Microseconds of an hour.
const HOUR: i64 = 3600 * SECOND;
const SECOND: i64 = 1_000_000;

/// How Apple Health's importer marks what a person typed in.
const ENTERED_BY_HAND: &str = "user entered";

/// What aggregates are kept apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Series {
    pub(super) name: Cow<'static, str>,
    pub(super) unit: Cow<'static, str>,
    pub(super) kind: Kind,
    /// What it tells about a night, if it does.
    pub(super) sleep: Option<SleepPart>,
}

impl Series {
    fn of_metric(metric: &'static Metric) -> Self {
        Self {
            name: Cow::Borrowed(metric.name),
            unit: Cow::Borrowed(metric.unit),
            kind: metric.kind,
            sleep: registry::sleep_part(metric.name),
        }
    }
}

/// Index into [`Samples::series`].
pub(super) type SeriesId = usize;

/// One accepted row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) id: i64,
    pub(super) series: SeriesId,
    /// In the unit of the series; not a number where a device had none to
    /// show, which then has a comparator.
    pub(super) value: f64,
    /// For a bound; of discrete metrics only.
    pub(super) comparator: Option<Comparator>,
    pub(super) utc_offset_minutes: i32,
    /// Of length 0 for an instant.
    pub(super) stretch: Stretch,
    pub(super) source: SourceId,
    /// Of its source or device; the least is the highest.
    pub(super) rank: usize,
    /// Whether it counts whatever else was measured.
    pub(super) is_as_given: bool,
}

/// One refused row.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) row_id: i64,
    /// None where the row does not say what it measures.
    pub(super) series: Option<SeriesId>,
    /// The local hour it belongs to, where its offset can be trusted.
    pub(super) hour: Option<i64>,
    pub(super) reason: String,
}

/// The rows of a group, sorted out.
#[derive(Debug, Default)]
pub(super) struct Samples<'r> {
    pub(super) series: Vec<Series>,
    /// The names of sources.
    pub(super) sources: Vec<&'r str>,
    /// In the order of the rows.
    pub(super) accepted: Vec<Sample>,
    pub(super) refused: Vec<Refused>,
}

impl<'r> Samples<'r> {
    pub(super) fn of(rows: &'r [RawRow<VitalSample>], rules: &FoldRules) -> Self {
        let mut samples = Self {
            accepted: Vec::with_capacity(rows.len()),
            ..Self::default()
        };
        let mut readings = Readings::default();
        let mut sources = Sources::new(rules);
        for row in rows {
            let reading = readings.of(&row.payload, &mut samples.series);
            match read(row, reading, &mut sources) {
                Ok(sample) => samples.accepted.push(sample),
                Err(reason) => samples.refused.push(Refused {
                    row_id: row.id,
                    series: reading.as_ref().ok().map(|reading| reading.series),
                    hour: offset_is_valid(row)
                        .then(|| hour_of(stretch(row).start, row.utc_offset_minutes)),
                    reason,
                }),
            }
        }
        let (names, places) = sources.sort();
        samples.sources = names;
        for sample in &mut samples.accepted {
            sample.source = places[sample.source];
        }
        samples.name_sleep();
        samples
    }

    /// Stages make a night's sleep also where no row is named so.
    fn name_sleep(&mut self) {
        let has = |part| self.series.iter().any(|series| series.sleep == Some(part));
        if has(SleepPart::Stage) && !has(SleepPart::Asleep) {
            self.series.push(Series::of_metric(registry::sleep()));
        }
    }
}

impl Sample {
    /// Counts it as the value or the bound that it is.
    pub(super) fn count_in(&self, accumulator: &mut Accumulator) {
        match self.comparator {
            None => accumulator.count(self.value),
            Some(comparator) => {
                let number = Some(self.value).filter(|number| !number.is_nan());
                accumulator.count_bound(comparator, number);
            }
        }
    }

    /// The second at which the local hour began that the sample starts in.
    pub(super) fn hour(&self) -> i64 {
        hour_of(self.stretch.start, self.utc_offset_minutes)
    }

    /// The local hours that the sample touches, in order.
    pub(super) fn hours(&self) -> impl Iterator<Item = i64> {
        self.hours_of(self.stretch).map(|(hour, _)| hour)
    }

    /// The local hours that a part of the sample touches, in order, and how
    /// much of the part lies in each.
    pub(super) fn hours_of(&self, part: Stretch) -> impl Iterator<Item = (i64, i64)> {
        let first = hour_of(part.start, self.utc_offset_minutes);
        std::iter::successors(Some(first), |hour| Some(hour + 3600))
            // An interval does not touch the hour that begins when it ends.
            .take_while(move |hour| *hour == first || hour * SECOND < part.end)
            .map(move |hour| {
                let start = part.start.max(hour * SECOND);
                let end = part.end.min(hour * SECOND + HOUR);
                (hour, end - start)
            })
    }
}

fn hour_of(instant: i64, utc_offset_minutes: i32) -> i64 {
    local_hour(instant.div_euclid(SECOND), utc_offset_minutes)
}

fn stretch(row: &RawRow<VitalSample>) -> Stretch {
    let VitalSample {
        started_at,
        ended_at,
        ..
    } = row.payload;
    let start = started_at.timestamp_micros();
    if ended_at == started_at {
        return Stretch { start, end: start };
    }
    let end = ended_at.timestamp_micros();
    let longest = hour_of(start, row.utc_offset_minutes) * SECOND + MAX_HOURS * HOUR;
    Stretch {
        start,
        end: end.clamp(start, longest),
    }
}

/// How rows with one pair of metric name and unit are to be read.
#[derive(Debug)]
struct Reading {
    series: SeriesId,
    /// None for a LOINC code outside the registry.
    metric: Option<&'static Metric>,
    /// The reason why the unit will not do, otherwise.
    conversion: Result<Conversion, String>,
}

/// The readings of a group. Rows repeat few pairs, so that names are looked
/// up and units parsed once each.
#[derive(Default)]
struct Readings<'r> {
    by_name_and_unit: Memo<(&'r str, Option<&'r str>), Result<Reading, String>>,
    series: HashMap<Series, SeriesId>,
}

impl<'r> Readings<'r> {
    fn of(
        &mut self,
        payload: &'r VitalSample,
        all_series: &mut Vec<Series>,
    ) -> &Result<Reading, String> {
        let (name, unit) = (payload.metric.as_str(), payload.unit.as_deref());
        self.by_name_and_unit.get_or_insert_with((name, unit), || {
            let (series, metric, conversion) = resolve(name.trim(), unit)?;
            let next = all_series.len();
            let series = *self.series.entry(series).or_insert_with_key(|series| {
                all_series.push(series.clone());
                next
            });
            Ok(Reading {
                series,
                metric,
                conversion,
            })
        })
    }
}

type Resolved = (Series, Option<&'static Metric>, Result<Conversion, String>);

fn resolve(name: &str, unit: Option<&str>) -> Result<Resolved, String> {
    if let Some(found) = registry::lookup(name) {
        let series = Series::of_metric(found.metric);
        return Ok((series, Some(found.metric), conversion(found, unit)));
    }
    if loinc::is_well_formed(name) {
        let series = Series {
            name: Cow::Owned(name.to_owned()),
            unit: units::code_or_text(unit),
            kind: Kind::Discrete,
            sleep: None,
        };
        return Ok((series, None, Ok(Conversion::Identity)));
    }
    Err(format!(
        "metric_unknown: {} is no metric and no LOINC code",
        quoted(name)
    ))
}

fn conversion(found: MetricRef, unit: Option<&str>) -> Result<Conversion, String> {
    let MetricRef { metric, named_by } = found;
    let Some(unit) = unit.map(str::trim).filter(|unit| !unit.is_empty()) else {
        return if metric.is_count() {
            Ok(Conversion::Identity)
        } else {
            Err(format!("unit_missing: {} needs a unit", metric.name))
        };
    };
    let unknown = || format!("unit_unknown: {} is no unit", quoted(unit));
    let to_metric = |code: &str| Conversion::new(code, metric.unit, metric.molar_mass).ok();
    let code = units::normalize_for(unit, to_metric).ok_or_else(unknown)?;
    if code == "%" && metric.unit == "%" && named_by == NamedBy::HealthKit {
        return Ok(Conversion::Multiply(100.0));
    }
    if metric.same_unit.contains(&&*code) {
        return Ok(Conversion::Identity);
    }
    // Nothing but a number of things counts things: 5 % of a step is a mistake.
    to_metric(&code)
        .filter(|conversion| !metric.is_count() || *conversion == Conversion::Identity)
        .ok_or_else(|| {
            format!(
                "unit_inconvertible: {} is measured in {}, not {}",
                metric.name,
                metric.unit,
                quoted(unit)
            )
        })
}

fn offset_is_valid(row: &RawRow<VitalSample>) -> bool {
    (-MAX_OFFSET_MINUTES..=MAX_OFFSET_MINUTES).contains(&row.utc_offset_minutes)
}

/// The row as a sample of its series, or the rule that it breaks.
fn read<'r>(
    row: &'r RawRow<VitalSample>,
    reading: &Result<Reading, String>,
    sources: &mut Sources<'r>,
) -> Result<Sample, String> {
    let reading = reading.as_ref().map_err(String::clone)?;
    if !offset_is_valid(row) {
        return Err("offset_invalid: local time is within 14 hours of UTC".to_owned());
    }
    if row.payload.ended_at < row.payload.started_at {
        return Err("end_before_start: the sample ends before it starts".to_owned());
    }
    let (value, comparator) = match row.payload.comparator.as_deref() {
        None => (canonical_value(&row.payload, reading)?, None),
        Some(sign) => {
            let conversion = reading.conversion.as_ref();
            let (comparator, value) = bound::read(&row.payload, sign, reading.metric, conversion)?;
            (value.unwrap_or(f64::NAN), Some(comparator))
        }
    };
    let (source, rank) = sources.of(&row.source, row.device.as_deref());
    Ok(Sample {
        id: row.id,
        series: reading.series,
        value,
        comparator,
        utc_offset_minutes: row.utc_offset_minutes,
        stretch: stretch(row),
        source,
        rank,
        is_as_given: row.note.as_deref() == Some(ENTERED_BY_HAND),
    })
}

/// The row's value in the unit of its series.
fn canonical_value(payload: &VitalSample, reading: &Reading) -> Result<f64, String> {
    let value = match (payload.value, reading.metric) {
        (Some(value), _) if !value.is_finite() => {
            return Err("value_not_finite: the value is no finite number".to_owned());
        }
        (Some(value), _) => {
            let conversion = reading.conversion.as_ref().map_err(String::clone)?;
            conversion.apply(value).unwrap_or(f64::INFINITY)
        }
        (None, Some(metric)) if metric.kind == Kind::Duration => minutes(payload),
        (None, _) => return Err("value_missing: the row has no value".to_owned()),
    };
    match reading.metric {
        Some(metric) if !metric.is_plausible(value) => {
            let (low, high) = metric.plausible;
            Err(format!(
                "value_implausible: {} lies between {low} and {high} {}",
                metric.name, metric.unit
            ))
        }
        None if value.abs() > MAX_SUMMAND => {
            Err("value_implausible: the value is too large to be summed".to_owned())
        }
        _ => Ok(value),
    }
}

/// The sample's own length; durations are kept in minutes.
fn minutes(payload: &VitalSample) -> f64 {
    let length = payload.ended_at - payload.started_at;
    // Whole microseconds are what both databases store.
    length
        .num_microseconds()
        .map_or(f64::INFINITY, |length| length as f64 / 60e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str, value: Option<f64>, unit: Option<&str>) -> RawRow<VitalSample> {
        let at = "2024-03-01T10:15:00Z".parse().unwrap();
        RawRow {
            id: 1,
            utc_offset_minutes: 60,
            source: "watch".to_owned(),
            device: None,
            note: None,
            payload: VitalSample {
                metric: metric.to_owned(),
                value,
                comparator: None,
                unit: unit.map(str::to_owned),
                started_at: at,
                ended_at: at,
            },
        }
    }

    #[test]
    fn rows_become_samples_in_the_unit_of_their_series() {
        for (metric, value, unit, series, series_unit, canonical) in [
            ("heart_rate", 61.3, "bpm", "heart_rate", "/min", 61.3),
            ("8867-4", 61.0, "/min", "heart_rate", "/min", 61.0),
            (" 8867-4 ", 61.0, "{beats}/min", "heart_rate", "/min", 61.0),
            ("8331-1", 98.6, "[degF]", "body_temperature", "Cel", 37.0),
            (
                "body_weight",
                150.0,
                "lbs",
                "body_weight",
                "kg",
                68.038_855_5,
            ),
            ("15074-8", 5.5, "mmol/L", "blood_glucose", "mg/dL", 99.0858),
            (
                "HKQuantityTypeIdentifierBloodGlucose",
                5.5,
                "mmol<180.1558800000541>/L",
                "blood_glucose",
                "mg/dL",
                99.0858,
            ),
            // HealthKit percentages are fractions, those of others are not.
            (
                "HKQuantityTypeIdentifierOxygenSaturation",
                0.97,
                "%",
                "oxygen_saturation",
                "%",
                97.0,
            ),
            (
                "HKQuantityTypeIdentifierBodyFatPercentage",
                0.57,
                "%",
                "body_fat",
                "%",
                57.0,
            ),
            ("59408-5", 97.0, "%", "oxygen_saturation", "%", 97.0),
            (
                "oxygen_saturation",
                0.97,
                "1",
                "oxygen_saturation",
                "%",
                97.0,
            ),
            (
                "HKQuantityTypeIdentifierBodyMassIndex",
                22.5,
                "count",
                "body_mass_index",
                "kg/m2",
                22.5,
            ),
            (
                "HKQuantityTypeIdentifierVO2Max",
                41.2,
                "mL/min·kg",
                "vo2_max",
                "mL/kg/min",
                41.2,
            ),
            (
                "insulin_delivery",
                4.0,
                "U",
                "insulin_delivery",
                "[IU]",
                4.0,
            ),
            ("steps", 100.0, "", "steps", "{count}", 100.0),
            ("steps", 100.0, "steps", "steps", "{count}", 100.0),
            ("active_energy", 418.4, "kJ", "active_energy", "kcal", 100.0),
            ("sleep", 7.5, "hr", "sleep", "min", 450.0),
            // Outside the registry: its own unit, UCUM where it is one.
            ("10230-1", 55.0, "%", "10230-1", "%", 55.0),
            ("72514-3", 3.0, "{score}", "72514-3", "{score}", 3.0),
            ("72106-8", 28.0, " (score)", "72106-8", "(score)", 28.0),
            ("72514-3", 3.0, "", "72514-3", "", 3.0),
        ] {
            let rows = [row(metric, Some(value), Some(unit))];
            let samples = Samples::of(&rows, &FoldRules::default());
            assert_eq!(samples.refused.len(), 0, "{:?}", samples.refused);
            assert_eq!(samples.series[0].name, series);
            assert_eq!(samples.series[0].unit, series_unit);
            assert_eq!(samples.accepted[0].value, canonical, "{metric} {unit}");
        }
    }

    #[test]
    fn a_row_that_breaks_a_rule_is_refused_and_the_reason_hides_the_value() {
        let nan = f64::NAN;
        for (metric, value, unit, rule, has_series) in [
            ("mood", Some(4321.5), Some("%"), "metric_unknown", false),
            (
                "8867-5",
                Some(4321.5),
                Some("/min"),
                "metric_unknown",
                false,
            ),
            ("", Some(4321.5), None, "metric_unknown", false),
            ("heart_rate", Some(61.5), None, "unit_missing", true),
            ("8480-6", Some(121.5), Some(" "), "unit_missing", true),
            ("sleep", Some(4321.5), None, "unit_missing", true),
            (
                "heart_rate",
                Some(61.5),
                Some("thumps"),
                "unit_unknown",
                true,
            ),
            (
                "heart_rate",
                Some(61.5),
                Some("kg"),
                "unit_inconvertible",
                true,
            ),
            ("steps", Some(61.5), Some("%"), "unit_inconvertible", true),
            ("steps", Some(61.5), Some("mol"), "unit_inconvertible", true),
            (
                "heart_rate",
                Some(61.5),
                Some("mol/min"),
                "unit_inconvertible",
                true,
            ),
            ("heart_rate", None, Some("/min"), "value_missing", true),
            ("10230-1", None, Some("%"), "value_missing", true),
            (
                "heart_rate",
                Some(nan),
                Some("/min"),
                "value_not_finite",
                true,
            ),
            (
                "10230-1",
                Some(f64::NEG_INFINITY),
                Some("%"),
                "value_not_finite",
                true,
            ),
            (
                "heart_rate",
                Some(4321.5),
                Some("/min"),
                "value_implausible",
                true,
            ),
            ("steps", Some(-61.5), None, "value_implausible", true),
            (
                "body_weight",
                Some(1e308),
                Some("t"),
                "value_implausible",
                true,
            ),
            ("10230-1", Some(1e300), Some("%"), "value_implausible", true),
            (
                "HKQuantityTypeIdentifierOxygenSaturation",
                Some(97.5),
                Some("%"),
                "value_implausible",
                true,
            ),
        ] {
            let rows = [row(metric, value, unit)];
            let samples = Samples::of(&rows, &FoldRules::default());
            let [refused] = &samples.refused[..] else {
                panic!("{metric} {unit:?} was accepted")
            };
            let (found, text) = refused.reason.split_once(": ").unwrap();
            assert_eq!(found, rule, "{metric} {unit:?}");
            assert!(!text.is_empty() && refused.reason.len() < 250);
            for value in ["61.5", "4321.5", "121.5", "97.5"] {
                assert!(!refused.reason.contains(value), "{}", refused.reason);
            }
            assert_eq!(refused.series.is_some(), has_series);
        }
    }

    #[test]
    fn a_duration_without_a_value_is_its_own_length() {
        let mut asleep = row("HKCategoryValueSleepAnalysisAsleepCore", None, None);
        asleep.payload.ended_at = "2024-03-01T11:00:30Z".parse().unwrap();
        let rows = [asleep];
        let samples = Samples::of(&rows, &FoldRules::default());
        assert_eq!(samples.series[0].name, "sleep_core");
        assert_eq!(samples.accepted[0].value, 45.5);
    }

    #[test]
    fn times_that_cannot_be_are_refused() {
        let mut backwards = row("heart_rate", Some(60.0), Some("bpm"));
        backwards.payload.ended_at = "2024-03-01T10:14:59Z".parse().unwrap();
        let mut far_east = row("heart_rate", Some(60.0), Some("bpm"));
        far_east.utc_offset_minutes = 841;
        let mut endless = row("sleep", None, None);
        endless.payload.ended_at = "2031-03-01T00:00:00Z".parse().unwrap();
        let rows = [backwards, far_east, endless];
        let rules: Vec<_> = Samples::of(&rows, &FoldRules::default())
            .refused
            .into_iter()
            .map(|refused| refused.reason.split(':').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            rules,
            ["end_before_start", "offset_invalid", "value_implausible"]
        );
    }

    #[test]
    fn a_sample_touches_every_hour_it_overlaps() {
        for (start, end, offset, hours) in [
            ("10:15:00Z", "10:15:00Z", 0, 1),
            ("10:15:00Z", "11:00:00Z", 0, 1),
            ("10:15:00Z", "11:00:00.001Z", 0, 2),
            ("10:00:00Z", "12:00:00Z", 0, 2),
            ("10:00:00Z", "10:00:00Z", 0, 1),
            ("10:00:00Z", "11:00:00Z", 345, 2),
            ("00:00:00Z", "23:59:59Z", 0, 24),
        ] {
            let mut row = row("steps", Some(1.0), None);
            row.utc_offset_minutes = offset;
            row.payload.started_at = format!("2024-03-01T{start}").parse().unwrap();
            row.payload.ended_at = format!("2024-03-01T{end}").parse().unwrap();
            let rows = [row];
            let samples = Samples::of(&rows, &FoldRules::default());
            assert_eq!(
                samples.accepted[0].hours().count(),
                hours,
                "{start} {end} {offset}"
            );
        }
        let mut endless = row("10230-1", Some(1.0), None);
        endless.payload.ended_at = "2099-01-01T00:00:00Z".parse().unwrap();
        let rows = [endless];
        assert_eq!(
            Samples::of(&rows, &FoldRules::default()).accepted[0]
                .hours()
                .count(),
            48
        );
    }

    #[test]
    fn names_of_one_metric_share_a_series() {
        let rows = [
            row("heart_rate", Some(60.0), Some("bpm")),
            row("8867-4", Some(60.0), Some("/min")),
            row("72514-3", Some(1.0), Some("{score}")),
            row("72514-3", Some(1.0), None),
            row("heart_rate", Some(60.0), None),
        ];
        let samples = Samples::of(&rows, &FoldRules::default());
        assert_eq!(samples.series.len(), 3);
        assert_eq!(samples.refused[0].series, Some(0));
    }
}
