//! Days of rows from a seed.

use chrono::{DateTime, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use vitalfold::domain::vitals::VitalSample;
use vitalfold::domain::{FoldRules, RawRow};

/// A generator of numbers (`SplitMix64`) whose whole state is its seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: i64) -> i64 {
        i64::try_from(self.next() % limit.unsigned_abs()).unwrap()
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let last = i64::try_from(of.len()).unwrap();
        of[usize::try_from(self.below(last)).unwrap()]
    }
}

/// The rows of one group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) date: NaiveDate,
    pub(crate) rules: FoldRules,
    /// In (time, id) order.
    pub(crate) rows: Vec<RawRow<VitalSample>>,
}

/// Days of 23, 24, 25 and 23½ hours, and offsets that are not of whole hours.
const PLACES: &[(Tz, &str)] = &[
    (Tz::Europe__Berlin, "2024-03-31"),
    (Tz::Europe__Berlin, "2024-10-27"),
    (Tz::America__New_York, "2024-03-10"),
    (Tz::America__New_York, "2024-11-03"),
    (Tz::Australia__Lord_Howe, "2024-04-07"),
    (Tz::Australia__Lord_Howe, "2024-10-06"),
    (Tz::Asia__Kathmandu, "2024-02-29"),
    (Tz::Pacific__Kiritimati, "2024-01-01"),
    (Tz::UTC, "1969-12-31"),
];

/// Families of series that meet in a group, so that few rows overlap often.
const FAMILIES: &[&[&str]] = &[
    &["steps", "HKQuantityTypeIdentifierStepCount"],
    &[
        "steps",
        "distance_walking_running",
        "active_energy",
        "heart_rate",
    ],
    &["exercise_time", "heart_rate", "nonsense"],
    &[
        "sleep",
        "sleep_core",
        "HKCategoryValueSleepAnalysisAsleepCore",
        "sleep_awake",
    ],
    &[
        "sleep_core",
        "sleep_deep",
        "sleep_rem",
        "sleep_awake",
        "sleep_in_bed",
    ],
    &[
        "sleep",
        "93830-8",
        "sleep_deep",
        "sleep_rem",
        "sleep_awake",
        "sleep_in_bed",
        "steps",
    ],
];

const SOURCES: &[&str] = &["Ada's Watch", "iPhone", "Ring", "Band", "Health", " "];
const DEVICES: &[Option<&str>] = &[
    None,
    None,
    None,
    Some("Watch7,1"),
    Some("PHONE"),
    Some("scale"),
];

const MINUTE: i64 = 60_000;
/// In milliseconds. The last one is longer than any that is believed.
const LENGTHS: &[i64] = &[
    0,
    0,
    5 * MINUTE,
    15 * MINUTE,
    15 * MINUTE,
    60 * MINUTE,
    60 * MINUTE,
    130 * MINUTE,
    8 * 60 * MINUTE,
    70 * 60 * MINUTE,
];

impl Group {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        let (home, date) = dice.pick(PLACES);
        let date: NaiveDate = date.parse().unwrap();
        // Some travel, and are elsewhere for the second part of the day.
        let elsewhere = if dice.one_in(4) {
            dice.pick(PLACES).0
        } else {
            home
        };
        let departure = dice.below(30 * 60) * MINUTE;
        let family = dice.pick(FAMILIES);
        let midnight = date.and_time(NaiveTime::MIN);
        let begin = home
            .offset_from_utc_datetime(&midnight)
            .fix()
            .local_minus_utc();
        let begin = midnight.and_utc() - TimeDelta::seconds(i64::from(begin)) - TimeDelta::hours(6);

        let mut rows: Vec<RawRow<VitalSample>> = Vec::new();
        for _ in 0..1 + dice.below(9) {
            let id = unused_id(&rows, dice);
            if dice.one_in(7) && !rows.is_empty() {
                // Sent twice, perhaps by another source or as something else.
                let earlier = usize::try_from(dice.next() % rows.len() as u64).unwrap();
                let mut copy = rows[earlier].clone();
                copy.id = id;
                if dice.one_in(2) {
                    copy.source = dice.pick(SOURCES).to_owned();
                }
                if dice.one_in(3) {
                    copy.payload.metric = dice.pick(family).to_owned();
                    copy.payload.value = copy.payload.value.map(|value| value / 2.0);
                }
                rows.push(copy);
                continue;
            }
            // Half of the rows begin on a quarter of an hour, where they meet.
            let after = if dice.one_in(2) {
                dice.below(30 * 4) * 15 * MINUTE
            } else {
                dice.below(30 * 60 * 240) * 250
            };
            let zone = if after < departure { home } else { elsewhere };
            let started_at = begin + TimeDelta::milliseconds(after);
            rows.push(row(dice, id, family, zone, started_at));
        }
        rows.sort_by_key(|row| (row.payload.started_at, row.id));
        Group {
            date,
            rules: rules(dice),
            rows,
        }
    }
}

fn unused_id(rows: &[RawRow<VitalSample>], dice: &mut Dice) -> i64 {
    loop {
        let id = dice.below(1000);
        if rows.iter().all(|row| row.id != id) {
            return id;
        }
    }
}

fn row(
    dice: &mut Dice,
    id: i64,
    family: &[&str],
    zone: Tz,
    started_at: DateTime<Utc>,
) -> RawRow<VitalSample> {
    let metric = dice.pick(family);
    let mut length = dice.pick(LENGTHS);
    if length > 0 && dice.one_in(3) {
        length += dice.below(4 * MINUTE);
    }
    if dice.one_in(40) {
        length = -MINUTE;
    }
    let offset = zone.offset_from_utc_datetime(&started_at.naive_utc()).fix();
    let tenth = dice.below(3000) as f64 / 10.0;
    let (value, unit) = match metric {
        // Often one of few values, so that bounds meet them.
        "heart_rate" if dice.one_in(2) => (Some(dice.pick(&[40.0, 50.0, 60.0])), Some("bpm")),
        "heart_rate" => (Some(40.0 + tenth / 2.0), Some(dice.pick(&["bpm", "/min"]))),
        "distance_walking_running" => (Some(tenth), Some(dice.pick(&["m", "km"]))),
        "active_energy" => (Some(tenth), Some(dice.pick(&["kcal", "kJ"]))),
        "steps" | "HKQuantityTypeIdentifierStepCount" => (
            Some(tenth),
            dice.pick(&[None, Some("count"), Some("count")]),
        ),
        // Times: often their own length, else a number of their own.
        _ if dice.one_in(3) => (Some(tenth), Some(dice.pick(&["min", "min", "h"]))),
        _ => (None, None),
    };
    // Some break a rule.
    let (value, unit) = match dice.below(60) {
        0 => (Some(-3.0), unit),
        1 => (value, Some("kg")),
        2 => (Some(f64::NAN), unit),
        _ => (value, unit),
    };
    let is_bound = match metric {
        "heart_rate" => dice.one_in(3),
        _ => dice.one_in(60),
    };
    let comparator = is_bound.then(|| dice.pick(&["<", "<=", ">", ">="]));
    let is_nameless = comparator.is_some_and(|sign| sign.len() == 1) && dice.one_in(4);
    let value = value.filter(|_| !is_nameless);
    RawRow {
        id,
        utc_offset_minutes: if dice.one_in(60) {
            900
        } else {
            offset.local_minus_utc() / 60
        },
        source: dice.pick(SOURCES).to_owned(),
        device: dice.pick(DEVICES).map(str::to_owned),
        note: dice
            .pick(&[
                None,
                None,
                None,
                None,
                Some("user entered"),
                Some("felt fine"),
            ])
            .map(str::to_owned),
        payload: VitalSample {
            metric: metric.to_owned(),
            value,
            comparator: comparator.map(str::to_owned),
            unit: unit.map(str::to_owned),
            started_at,
            ended_at: started_at + TimeDelta::milliseconds(length),
        },
    }
}

fn rules(dice: &mut Dice) -> FoldRules {
    let priority: &[&str] = dice.pick(&[
        &["watch", "phone"][..],
        &["watch", "phone"],
        &["ring", "health"],
        &[],
    ]);
    let summed: &[&str] = dice.pick(&[
        &[][..],
        &[],
        &[],
        &["steps", "exercise_time"],
        &["sleep", "sleep_deep"],
    ]);
    FoldRules {
        source_priority: priority.iter().map(|&name| name.to_owned()).collect(),
        sum_overlaps: summed.iter().map(|&name| name.to_owned()).collect(),
    }
}
