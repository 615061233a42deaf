//! What every sample counts for in its series, once overlaps are resolved.
//!
//! Amounts and durations are swept (`overlap`): each instant counts once.
//! States are all counted: heart rates by watch and by strap are samples of
//! one heart.

use std::collections::BTreeSet;

use super::overlap::{Claim, Piece, Precedence, Stretch, piece_at, sweep, sweep_within};
use super::registry::{Kind, SleepPart};
use super::sample::{Sample, Samples, Series, SeriesId};
use super::source::SourceId;
use crate::domain::FoldRules;

/// The part of a sample that counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept<'p> {
    Whole,
    /// In the order of time, without overlaps.
    Pieces(&'p [Piece]),
}

/// Gives each series, in the order of samples, what counts of which sample:
/// of its own, and to `sleep` also of its stages.
pub(super) fn contribute(
    samples: &Samples<'_>,
    rules: &FoldRules,
    mut give: impl FnMut(SeriesId, &Sample, Kept<'_>),
) {
    let is_summed = |series: &Series| {
        series.kind == Kind::Discrete || rules.sum_overlaps.contains(&*series.name)
    };
    let is_asleep = |series: &Series| series.sleep == Some(SleepPart::Asleep);
    // All of whose own samples count, and no others.
    let is_plain: Vec<_> = (samples.series.iter())
        .map(|series| is_summed(series) && !is_asleep(series))
        .collect();
    // Of those that are not.
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); samples.series.len()];
    for (index, sample) in samples.accepted.iter().enumerate() {
        if is_plain[sample.series] {
            give(sample.series, sample, Kept::Whole);
        } else {
            members[sample.series].push(index);
        }
    }

    let night = Night::of(samples);
    for (id, own) in members.into_iter().enumerate() {
        if is_plain[id] {
            continue;
        }
        let series = &samples.series[id];
        let mut give = |sample: &Sample, kept: Kept<'_>| give(id, sample, kept);
        match series.sleep {
            Some(SleepPart::Asleep) if is_summed(series) => {
                for &index in &night.asleep {
                    give(&samples.accepted[index], Kept::Whole);
                }
            }
            Some(SleepPart::Asleep) => {
                let asleep = without_parts_of_totals(&night.asleep, samples);
                merge(&asleep, samples, give);
            }
            Some(SleepPart::Stage | SleepPart::Awake) => {
                let pieces = sweep_within(claims(&own, samples), &night.told);
                keep(&own, pieces, &night.told, samples, give);
            }
            None => merge(&own, samples, give),
        }
    }
}

/// What the samples of a night tell together.
#[derive(Default)]
struct Night {
    /// Samples of sleep and its stages.
    asleep: Vec<usize>,
    /// Each instant by the source that tells of it, be it sleep or waking.
    told: Vec<Piece>,
}

impl Night {
    fn of(samples: &Samples<'_>) -> Self {
        if samples.series.iter().all(|series| series.sleep.is_none()) {
            return Self::default();
        }
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

/// Gives what is left of samples that only have each other to give way to.
fn merge(candidates: &[usize], samples: &Samples<'_>, give: impl FnMut(&Sample, Kept<'_>)) {
    let pieces = sweep(claims(candidates, samples));
    keep(candidates, pieces.clone(), &pieces, samples, give);
}

/// Gives the candidates that keep something: intervals their `pieces`, and
/// instants all or nothing, by the source that `told` has for their time.
fn keep(
    candidates: &[usize],
    mut pieces: Vec<Piece>,
    told: &[Piece],
    samples: &Samples<'_>,
    mut give: impl FnMut(&Sample, Kept<'_>),
) {
    // In the order of candidates, and those of each in the order of time.
    pieces.sort_by_key(|piece| piece.sample);
    let mut pieces = pieces.chunk_by(|a, b| a.sample == b.sample).peekable();
    for &index in candidates {
        let sample = &samples.accepted[index];
        if sample.is_as_given {
            give(sample, Kept::Whole);
        } else if sample.stretch.length() == 0 {
            if !is_told_by_another(sample, told) {
                give(sample, Kept::Whole);
            }
        } else if let Some(own) = pieces.next_if(|own| own[0].sample == index) {
            give(sample, Kept::Pieces(own));
        }
    }
}

impl Kept<'_> {
    /// What of the sample's value counts: a value is spread evenly over its
    /// time. A sample that keeps all of it keeps its value to the last bit.
    pub(super) fn amount(self, sample: &Sample) -> f64 {
        match self {
            Kept::Whole => sample.value,
            Kept::Pieces(pieces) => {
                let lengths = pieces.iter().map(|piece| piece.stretch.length());
                amount(sample, lengths.sum())
            }
        }
    }

    /// Gives the amount by the beginning of the local hour that it lies in, in
    /// order.
    pub(super) fn by_hour(self, sample: &Sample, mut give: impl FnMut(i64, f64)) {
        let mut so_far: Option<(i64, i64)> = None;
        let mut add = |stretch: Stretch| {
            for (hour, length) in sample.hours_of(stretch) {
                match &mut so_far {
                    Some((last, kept)) if *last == hour => *kept += length,
                    _ => {
                        if let Some((hour, kept)) = so_far.replace((hour, length)) {
                            give(hour, amount(sample, kept));
                        }
                    }
                }
            }
        };
        match self {
            Kept::Whole => add(sample.stretch),
            Kept::Pieces(pieces) => pieces.iter().for_each(|piece| add(piece.stretch)),
        }
        if let Some((hour, kept)) = so_far {
            give(hour, amount(sample, kept));
        }
    }
}

/// What a part of the given length has of the sample's value.
fn amount(sample: &Sample, kept: i64) -> f64 {
    let whole = sample.stretch.length();
    if kept == whole {
        return sample.value;
    }
    // At most 48 hours of microseconds: exact in a float.
    sample.value * (kept as f64 / whole as f64)
}

/// What the samples ask for. Instants ask for no time, and what a person
/// entered by hand neither gives way nor displaces anything.
fn claims(candidates: &[usize], samples: &Samples<'_>) -> Vec<Claim> {
    candidates
        .iter()
        .map(|&index| (index, &samples.accepted[index]))
        .filter(|(_, sample)| !sample.is_as_given && sample.stretch.length() > 0)
        .map(|(index, sample)| Claim {
            precedence: Precedence {
                rank: sample.rank,
                start: sample.stretch.start,
                source: sample.source,
                is_stage: samples.series[sample.series].sleep == Some(SleepPart::Stage),
                id: sample.id,
            },
            sample: index,
            stretch: sample.stretch,
        })
        .collect()
}

/// Whether an instant lies where another source, of the same rank or a
/// higher one, tells what happened.
fn is_told_by_another(instant: &Sample, winners: &[Piece]) -> bool {
    piece_at(winners, instant.stretch.start)
        .is_some_and(|piece| piece.source != instant.source && piece.rank <= instant.rank)
}

/// Without stages that are given as amounts without a time, where the same
/// source gives the night's total in the same manner: they are parts of it.
fn without_parts_of_totals(asleep: &[usize], samples: &Samples<'_>) -> Vec<usize> {
    let part = |sample: &Sample| samples.series[sample.series].sleep;
    let is_amount = |sample: &Sample| sample.stretch.length() == 0 && !sample.is_as_given;
    let accepted = &samples.accepted;
    let with_total: BTreeSet<SourceId> = asleep
        .iter()
        .map(|&index| &accepted[index])
        .filter(|sample| is_amount(sample) && part(sample) == Some(SleepPart::Asleep))
        .map(|sample| sample.source)
        .collect();
    asleep
        .iter()
        .copied()
        .filter(|&index| {
            let sample = &accepted[index];
            !(is_amount(sample)
                && part(sample) == Some(SleepPart::Stage)
                && with_total.contains(&sample.source))
        })
        .collect()
}
