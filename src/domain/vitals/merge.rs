//! What every sample counts for in its series, once overlaps are resolved.
//!
//! Amounts and durations are swept (`overlap`): each instant counts once.
//! States are all counted: heart rates by watch and by strap are samples of
//! one heart.

use std::collections::{BTreeMap, BTreeSet};

use super::overlap::{Claim, Piece, Precedence, Stretch, piece_at, sweep, sweep_within};
use super::registry::{Kind, SleepPart};
use super::sample::{Sample, Samples, SeriesId};
use crate::domain::FoldRules;

/// What a sample gives to a series: its own, and `sleep` if it is a stage.
#[derive(Debug)]
pub(super) struct Contribution {
    pub(super) series: SeriesId,
    /// Index into [`Samples::accepted`].
    pub(super) sample: usize,
    pub(super) kept: Kept,
}

/// The part of a sample that counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Whole,
    /// In the order of time, without overlaps.
    Stretches(Vec<Stretch>),
}

/// Everything that counts, in the order of samples within a series.
pub(super) fn contributions(samples: &Samples<'_>, rules: &FoldRules) -> Vec<Contribution> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); samples.series.len()];
    for (index, sample) in samples.accepted.iter().enumerate() {
        members[sample.series].push(index);
    }
    let night = Night::of(samples);

    let mut contributions = Vec::with_capacity(samples.accepted.len());
    for (id, own) in members.into_iter().enumerate() {
        let series = &samples.series[id];
        let candidates = match series.sleep {
            Some(SleepPart::Asleep) => night.asleep.clone(),
            _ => own,
        };
        let is_summed = series.kind == Kind::Discrete || rules.sum_overlaps.contains(&*series.name);
        let kept = match series.sleep {
            _ if is_summed => candidates
                .into_iter()
                .map(|index| (index, Kept::Whole))
                .collect(),
            Some(SleepPart::Stage | SleepPart::Awake) => {
                let pieces = sweep_within(claims(&candidates, samples), &night.told);
                keep(candidates, &pieces, &night.told, samples)
            }
            Some(SleepPart::Asleep) => merge(without_parts_of_totals(candidates, samples), samples),
            None => merge(candidates, samples),
        };
        contributions.extend(kept.into_iter().map(|(sample, kept)| Contribution {
            series: id,
            sample,
            kept,
        }));
    }
    contributions
}

/// What the samples of a night tell together.
struct Night<'r> {
    /// Samples of sleep and its stages.
    asleep: Vec<usize>,
    /// Each instant by the source that tells of it, be it sleep or waking.
    told: Vec<Piece<'r>>,
}

impl<'r> Night<'r> {
    fn of(samples: &Samples<'r>) -> Self {
        let mut asleep = Vec::new();
        let mut all = Vec::new();
        for (index, sample) in samples.accepted.iter().enumerate() {
            let part = samples.series[sample.series].sleep;
            if part.is_some() {
                all.push(index);
            }
            if part.is_some_and(|part| part != SleepPart::Awake) {
                asleep.push(index);
            }
        }
        Self {
            asleep,
            told: sweep(claims(&all, samples)),
        }
    }
}

/// What is left of samples that only have each other to give way to.
fn merge(candidates: Vec<usize>, samples: &Samples<'_>) -> Vec<(usize, Kept)> {
    let pieces = sweep(claims(&candidates, samples));
    keep(candidates, &pieces, &pieces, samples)
}

/// The candidates that keep something: intervals their `pieces`, and instants
/// all or nothing, by the source that `told` has for their time.
fn keep(
    candidates: Vec<usize>,
    pieces: &[Piece<'_>],
    told: &[Piece<'_>],
    samples: &Samples<'_>,
) -> Vec<(usize, Kept)> {
    let mut stretches: BTreeMap<usize, Vec<Stretch>> = BTreeMap::new();
    for piece in pieces {
        stretches
            .entry(piece.sample)
            .or_default()
            .push(piece.stretch);
    }
    let kept = |index: usize| {
        let sample = &samples.accepted[index];
        let kept = if sample.is_as_given {
            Some(Kept::Whole)
        } else if sample.stretch.length() == 0 {
            (!is_told_by_another(sample, told)).then_some(Kept::Whole)
        } else {
            stretches.remove(&index).map(Kept::Stretches)
        };
        kept.map(|kept| (index, kept))
    };
    candidates.into_iter().filter_map(kept).collect()
}

impl Kept {
    /// What of the sample's value counts: a value is spread evenly over its
    /// time. A sample that keeps all of it keeps its value to the last bit.
    pub(super) fn amount(&self, sample: &Sample<'_>) -> f64 {
        match self {
            Kept::Whole => sample.value,
            Kept::Stretches(stretches) => {
                amount(sample, stretches.iter().map(|part| part.length()).sum())
            }
        }
    }

    /// The amount by the beginning of the local hour that it lies in.
    pub(super) fn by_hour(&self, sample: &Sample<'_>) -> BTreeMap<i64, f64> {
        let stretches = match self {
            Kept::Whole => std::slice::from_ref(&sample.stretch),
            Kept::Stretches(stretches) => stretches,
        };
        let mut kept = BTreeMap::new();
        for stretch in stretches {
            for (hour, length) in sample.hours_of(*stretch) {
                *kept.entry(hour).or_insert(0) += length;
            }
        }
        kept.into_iter()
            .map(|(hour, length)| (hour, amount(sample, length)))
            .collect()
    }
}

/// What a part of the given length has of the sample's value.
fn amount(sample: &Sample<'_>, kept: i64) -> f64 {
    let whole = sample.stretch.length();
    if kept == whole {
        return sample.value;
    }
    // At most 48 hours of microseconds: exact in a float.
    sample.value * (kept as f64 / whole as f64)
}

/// What the samples ask for. Instants ask for no time, and what a person
/// entered by hand neither gives way nor displaces anything.
fn claims<'r>(candidates: &[usize], samples: &Samples<'r>) -> Vec<Claim<'r>> {
    candidates
        .iter()
        .map(|&index| (index, &samples.accepted[index]))
        .filter(|(_, sample)| !sample.is_as_given && sample.stretch.length() > 0)
        .map(|(index, sample)| Claim {
            sample: index,
            stretch: sample.stretch,
            precedence: Precedence {
                rank: sample.rank,
                start: sample.stretch.start,
                source: sample.source,
                is_stage: samples.series[sample.series].sleep == Some(SleepPart::Stage),
                id: sample.id,
            },
        })
        .collect()
}

/// Whether an instant lies where another source, of the same rank or a
/// higher one, tells what happened.
fn is_told_by_another(instant: &Sample<'_>, winners: &[Piece<'_>]) -> bool {
    piece_at(winners, instant.stretch.start)
        .is_some_and(|piece| piece.source != instant.source && piece.rank <= instant.rank)
}

/// Without stages that are given as amounts without a time, where the same
/// source gives the night's total in the same manner: they are parts of it.
fn without_parts_of_totals(asleep: Vec<usize>, samples: &Samples<'_>) -> Vec<usize> {
    let part = |sample: &Sample<'_>| samples.series[sample.series].sleep;
    let is_amount = |sample: &Sample<'_>| sample.stretch.length() == 0 && !sample.is_as_given;
    let accepted = &samples.accepted;
    let with_total: BTreeSet<&str> = asleep
        .iter()
        .map(|&index| &accepted[index])
        .filter(|sample| is_amount(sample) && part(sample) == Some(SleepPart::Asleep))
        .map(|sample| sample.source)
        .collect();
    asleep
        .into_iter()
        .filter(|&index| {
            let sample = &accepted[index];
            !(is_amount(sample)
                && part(sample) == Some(SleepPart::Stage)
                && with_total.contains(sample.source))
        })
        .collect()
}
