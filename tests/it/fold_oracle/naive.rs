//! The fold of a day as one would write it down: slow, and without a sweep.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveTime;
use vitalfold::domain::vitals::VitalSample;
use vitalfold::domain::{FoldRules, Period, RawRow};

use super::generate::Group;

/// A number and its comparator, '' for a value.
pub(crate) type Stated = (Option<f64>, String);

/// Series, period, and the second at which it begins.
pub(crate) type Key = (String, Period, i64);

#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) count: i64,
    pub(crate) below_count: i64,
    pub(crate) above_count: i64,
    pub(crate) total: Option<f64>,
    pub(crate) value_sum: f64,
    pub(crate) mean: Option<f64>,
    pub(crate) min: Stated,
    pub(crate) max: Stated,
    pub(crate) first: Stated,
    pub(crate) last: Stated,
    pub(crate) hours_covered: Option<i64>,
    pub(crate) sources: BTreeSet<String>,
    pub(crate) rejected_count: i64,
    /// Of the samples before overlaps are resolved.
    pub(crate) reported_sum: f64,
}

/// Times are in milliseconds: the generator makes no finer ones.
#[derive(Debug)]
struct Item<'g> {
    row: &'g RawRow<VitalSample>,
    series: &'static str,
    value: f64,
    /// '' for a value.
    sign: &'g str,
    start: i64,
    end: i64,
    rank: usize,
    by_hand: bool,
}

const HOUR: i64 = 3_600_000;
const ASLEEP: &[&str] = &["sleep", "sleep_core", "sleep_deep", "sleep_rem"];

pub(crate) fn fold_day(group: &Group) -> (BTreeMap<Key, Expected>, Vec<i64>) {
    let mut items = Vec::new();
    let mut refused = Vec::new();
    for row in &group.rows {
        match item(row, &group.rules) {
            Some(item) => items.push(item),
            None => refused.push(row),
        }
    }
    let mut series: BTreeSet<_> = items.iter().map(|item| item.series).collect();
    if series.iter().any(|name| ASLEEP.contains(name)) {
        series.insert("sleep");
    }
    let mut expected = BTreeMap::new();
    for name in series {
        fold_series(group, name, &items, &refused, &mut expected);
    }
    let mut ids: Vec<_> = refused.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    (expected, ids)
}

fn fold_series(
    group: &Group,
    name: &str,
    items: &[Item<'_>],
    refused: &[&RawRow<VitalSample>],
    expected: &mut BTreeMap<Key, Expected>,
) {
    let is_state = name == "heart_rate";
    // What each hour gets of each item, and the hours that are touched.
    let mut shares: BTreeMap<i64, Vec<(&Item<'_>, f64)>> = BTreeMap::new();
    let mut touched = BTreeSet::new();
    let mut givers: Vec<(&Item<'_>, f64)> = Vec::new();
    for item in items {
        if item.series != name && !(name == "sleep" && ASLEEP.contains(&item.series)) {
            continue;
        }
        let Some(kept) = kept(group, name, items, item) else {
            continue;
        };
        let length = (item.end - item.start) as f64;
        let mut by_hour: BTreeMap<i64, f64> = BTreeMap::new();
        if length == 0.0 {
            by_hour.insert(hour(item, item.start), item.value);
        }
        for (mut from, to) in kept {
            while from < to {
                let hour = hour(item, from);
                let until = to.min(hour + HOUR);
                *by_hour.entry(hour).or_default() += item.value * (until - from) as f64 / length;
                from = until;
            }
        }
        touched.extend(by_hour.keys().copied());
        if is_state {
            by_hour = BTreeMap::from([(hour(item, item.start), item.value)]);
        }
        givers.push((item, by_hour.values().sum()));
        for (hour, amount) in by_hour {
            shares.entry(hour).or_default().push((item, amount));
        }
    }

    let own: Vec<_> = items.iter().filter(|item| item.series == name).collect();
    let mut all: Vec<_> = own.clone();
    all.extend(givers.iter().map(|(item, _)| *item));
    let earliest = all
        .iter()
        .min_by_key(|item| (item.start, item.row.id))
        .unwrap();
    let midnight = group.date.and_time(NaiveTime::MIN).and_utc().timestamp();
    let midnight = midnight - i64::from(earliest.row.utc_offset_minutes) * 60;

    let refused: Vec<_> = refused
        .iter()
        .filter(|row| series_of(row) == Some(name))
        .collect();
    for (start, shares) in &shares {
        let reported: Vec<_> = shares.iter().map(|(item, _)| *item).collect();
        let mut row = summary(&reported, shares, is_state);
        let in_hour = refused.iter().filter(|row| {
            let offset = row.utc_offset_minutes;
            offset < 900 && hour_at(row.payload.started_at.timestamp_millis(), offset) == *start
        });
        row.rejected_count = i64::try_from(in_hour.count()).unwrap();
        expected.insert((name.to_owned(), Period::Hour, start / 1000), row);
    }
    let mut day = summary(&own, &givers, is_state);
    day.hours_covered = i64::try_from(touched.len()).ok();
    day.rejected_count = i64::try_from(refused.len()).unwrap();
    expected.insert((name.to_owned(), Period::Day, midnight), day);
}

fn summary(reported: &[&Item<'_>], given: &[(&Item<'_>, f64)], is_state: bool) -> Expected {
    let exact = given.iter().filter(|(item, _)| item.sign.is_empty());
    let sum: f64 = exact.map(|(_, amount)| amount).sum();
    let mut values: Vec<_> = (reported.iter())
        .map(|item| (item.value, item.sign))
        .collect();
    let signs = |begin: &str| {
        values
            .iter()
            .filter(|(_, sign)| sign.starts_with(begin))
            .count()
    };
    let (below, above) = (signs("<"), signs(">"));
    let count = i64::try_from(values.len()).unwrap();
    let weight = values.len() - below - above;
    let reported_sum = values
        .iter()
        .filter(|value| value.1.is_empty())
        .map(|value| value.0)
        .sum();
    if values.is_empty() {
        values.push((sum, ""));
    }
    let weight = weight.max(usize::from(!is_state));
    let stated =
        |(value, sign): (f64, &str)| (Some(value).filter(|value| !value.is_nan()), sign.to_owned());
    Expected {
        count,
        below_count: i64::try_from(below).unwrap(),
        above_count: i64::try_from(above).unwrap(),
        total: (!is_state).then_some(sum),
        value_sum: sum,
        reported_sum,
        mean: (weight > 0).then(|| sum / weight as f64),
        min: least(&values),
        // The greatest is the least where the axis points the other way.
        max: turned(least(
            &values
                .iter()
                .map(|(value, sign)| (-value, turn(sign)))
                .collect::<Vec<_>>(),
        )),
        first: stated(values[0]),
        last: stated(values[values.len() - 1]),
        sources: given
            .iter()
            .map(|(item, _)| item.row.source.clone())
            .filter(|source| source != " ")
            .collect(),
        ..Expected::default()
    }
}

/// What is known of the least of these values, as intervals: each lies between
/// two ends, and so does the least of all.
fn least(values: &[(f64, &str)]) -> Stated {
    let has = |wanted: &str, value: f64| values.contains(&(value, wanted));
    let with = |begin: &str| {
        let of = |(_, sign): &&(f64, &str)| match begin {
            "" => sign.is_empty(),
            _ => sign.starts_with(begin),
        };
        let numbers = values.iter().filter(of).map(|(value, _)| *value);
        numbers.filter(|value| !value.is_nan()).reduce(f64::min)
    };
    let nameless = |begin: &str| {
        values
            .iter()
            .any(|(value, sign)| value.is_nan() && *sign == begin)
    };
    let (below, exact, above) = (with("<"), with(""), with(">"));
    match (below, exact, above) {
        (Some(below), Some(exact), _) if exact < below => (Some(exact), "<=".to_owned()),
        (Some(below), _, _) if has("<", below) => (Some(below), "<".to_owned()),
        (Some(below), _, _) => (Some(below), "<=".to_owned()),
        _ if nameless("<") => (None, "<".to_owned()),
        (_, Some(exact), None) => (Some(exact), String::new()),
        (_, Some(exact), Some(above)) if exact <= above => (Some(exact), String::new()),
        (_, _, Some(above)) if has(">=", above) => (Some(above), ">=".to_owned()),
        (_, _, Some(above)) => (Some(above), ">".to_owned()),
        (None, None, None) => (None, ">".to_owned()),
    }
}

fn turn(sign: &str) -> &str {
    match sign {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    }
}

fn turned((number, sign): Stated) -> Stated {
    (number.map(|number| -number), turn(&sign).to_owned())
}

/// The times of an item that count in a series; none for one that is out of
/// it, and no times but not none for an instant that counts.
fn kept(
    group: &Group,
    series: &str,
    items: &[Item<'_>],
    item: &Item<'_>,
) -> Option<Vec<(i64, i64)>> {
    let whole = vec![(item.start, item.end)];
    if series == "heart_rate" || item.by_hand || group.rules.sum_overlaps.contains(series) {
        return Some(whole);
    }
    let is_stage =
        |name: &str| name == "sleep_awake" || (name != "sleep" && ASLEEP.contains(&name));
    let asleep = |other: &Item<'_>| ASLEEP.contains(&other.series);
    let of_night = |other: &Item<'_>| asleep(other) || other.series == "sleep_awake";
    let of_series =
        |other: &Item<'_>| other.series == item.series || (series == "sleep" && asleep(other));

    if item.start == item.end {
        let teller = if is_stage(series) {
            best(items, item.start, of_night)
        } else {
            best(items, item.start, of_series)
        };
        let is_told = teller
            .is_some_and(|other| other.row.source != item.row.source && other.rank <= item.rank);
        let is_part_of_total = series == "sleep"
            && item.series != "sleep"
            && items.iter().any(|other| {
                other.series == "sleep"
                    && other.start == other.end
                    && !other.by_hand
                    && other.row.source == item.row.source
            });
        return (!is_told && !is_part_of_total).then(Vec::new);
    }

    // Nothing changes between two edges.
    let mut edges: Vec<_> = items
        .iter()
        .flat_map(|other| [other.start, other.end])
        .collect();
    edges.retain(|edge| (item.start..=item.end).contains(edge));
    edges.sort_unstable();
    edges.dedup();
    let mut kept = Vec::new();
    for piece in edges.windows(2) {
        let winner = if is_stage(series) {
            let source = &best(items, piece[0], of_night).unwrap().row.source;
            best(items, piece[0], |other| {
                other.series == series && other.row.source == *source
            })
        } else {
            best(items, piece[0], of_series)
        };
        if winner.is_some_and(|winner| winner.row.id == item.row.id) {
            kept.push((piece[0], piece[1]));
        }
    }
    (!kept.is_empty()).then_some(kept)
}

/// Of the items that take part and cover a time, the one that it counts from.
fn best<'i, 'g>(
    items: &'i [Item<'g>],
    time: i64,
    takes_part: impl Fn(&Item<'g>) -> bool,
) -> Option<&'i Item<'g>> {
    let mut best: Option<&Item<'g>> = None;
    for item in items {
        if item.by_hand || time < item.start || time >= item.end || !takes_part(item) {
            continue;
        }
        let Some(so_far) = best else {
            best = Some(item);
            continue;
        };
        let is_better = if item.rank != so_far.rank {
            item.rank < so_far.rank
        } else if item.start != so_far.start {
            item.start < so_far.start
        } else if item.row.source != so_far.row.source {
            item.row.source < so_far.row.source
        } else if (item.series == "sleep") != (so_far.series == "sleep")
            && (item.series != "sleep_awake" && so_far.series != "sleep_awake")
        {
            item.series == "sleep"
        } else {
            item.row.id < so_far.row.id
        };
        if is_better {
            best = Some(item);
        }
    }
    best
}

fn hour(item: &Item<'_>, time: i64) -> i64 {
    hour_at(time, item.row.utc_offset_minutes)
}

fn hour_at(time: i64, offset_minutes: i32) -> i64 {
    let local = time + i64::from(offset_minutes) * 60_000;
    time - local.rem_euclid(HOUR)
}

fn series_of(row: &RawRow<VitalSample>) -> Option<&'static str> {
    Some(match row.payload.metric.as_str() {
        "heart_rate" => "heart_rate",
        "steps" | "HKQuantityTypeIdentifierStepCount" => "steps",
        "distance_walking_running" => "distance_walking_running",
        "active_energy" => "active_energy",
        "exercise_time" => "exercise_time",
        "sleep" => "sleep",
        "sleep_core" | "93830-8" | "HKCategoryValueSleepAnalysisAsleepCore" => "sleep_core",
        "sleep_deep" => "sleep_deep",
        "sleep_rem" => "sleep_rem",
        "sleep_awake" => "sleep_awake",
        "sleep_in_bed" => "sleep_in_bed",
        _ => return None,
    })
}

fn item<'g>(row: &'g RawRow<VitalSample>, rules: &FoldRules) -> Option<Item<'g>> {
    let series = series_of(row)?;
    let sample = &row.payload;
    let start = sample.started_at.timestamp_millis();
    let end = sample.ended_at.timestamp_millis();
    if row.utc_offset_minutes > 840 || end < start {
        return None;
    }
    let sign = sample.comparator.as_deref().unwrap_or_default();
    let is_time = series.starts_with("sleep") || series == "exercise_time";
    let value = match (sample.value, sample.unit.as_deref(), series) {
        _ if !sign.is_empty() && series != "heart_rate" => return None,
        (None, Some("kg"), _) if !sign.is_empty() => return None,
        (None, _, _) if sign == "<" || sign == ">" => f64::NAN,
        (None, _, _) if is_time => (end - start) as f64 / 60_000.0,
        (None, _, _) | (_, Some("kg"), _) => return None,
        (Some(value), Some("min"), _) if is_time => value,
        (Some(value), Some("h"), _) if is_time => value * 60.0,
        (Some(value), Some("bpm" | "/min"), "heart_rate") => value,
        (Some(value), None | Some("count"), "steps") => value,
        (Some(value), Some("m"), "distance_walking_running") => value,
        (Some(value), Some("km"), "distance_walking_running") => value * 1000.0,
        (Some(value), Some("kcal"), "active_energy") => value,
        (Some(value), Some("kJ"), "active_energy") => value / 4.184,
        _ => return None,
    };
    let most = if is_time { 2880.0 } else { 1e9 };
    let is_nameless = sample.value.is_none() && !sign.is_empty();
    if !is_nameless && (value.is_nan() || value < 0.0 || value > most) {
        return None;
    }
    let named = |entry: &&String| {
        let device = row.device.clone().unwrap_or_default();
        row.source.to_lowercase().contains(*entry) || device.to_lowercase().contains(*entry)
    };
    let listed = &rules.source_priority;
    let rank = listed
        .iter()
        .find(named)
        .and_then(|entry| listed.iter().position(|e| e == entry));
    let longest = hour_at(start, row.utc_offset_minutes) + 48 * HOUR;
    Some(Item {
        row,
        series,
        value,
        sign,
        start,
        end: end.min(longest),
        rank: rank.unwrap_or(listed.len()),
        by_hand: row.note.as_deref() == Some("user entered"),
    })
}
