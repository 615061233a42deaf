//! Which sample an instant counts from, where samples overlap.
//!
//! Knows times and precedence only; what the samples measure is decided in
//! `merge`. The rule is explained in `docs/overlap.md`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::source::SourceId;

/// From `start` up to `end`, without `end`, in microseconds since the epoch:
/// what both databases store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Stretch {
    pub(super) fn length(self) -> i64 {
        self.end - self.start
    }

    fn intersection(self, other: Stretch) -> Option<Stretch> {
        let start = self.start.max(other.start);
        let end = self.end.min(other.end);
        (start < end).then_some(Stretch { start, end })
    }
}

/// Of the samples that cover an instant, the least counts. A total order of
/// what the samples say, so that neither the order nor the batch in which
/// rows arrived can matter. The fields are in the order in which they decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    pub(super) rank: usize,
    pub(super) start: i64,
    pub(super) source: SourceId,
    /// A night's total says more than one stage that is given the same time.
    pub(super) is_stage: bool,
    pub(super) id: i64,
}

/// A sample that asks for the time that it covers, which is longer than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) precedence: Precedence,
    pub(super) sample: usize,
    pub(super) stretch: Stretch,
}

/// Time that counts from one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) stretch: Stretch,
    pub(super) sample: usize,
    pub(super) rank: usize,
    pub(super) source: SourceId,
}

/// Gives every instant that is claimed to the claim that takes precedence.
/// The pieces are in the order of time and do not overlap.
pub(super) fn sweep(mut claims: Vec<Claim>) -> Vec<Piece> {
    // As samples come: a stable sort notices that nothing is left to do.
    claims.sort_by_key(|claim| claim.stretch.start);
    let mut coming = claims.iter().peekable();
    let mut pieces: Vec<Piece> = Vec::with_capacity(claims.len());
    // Claims that have begun. Those that have ended are among them until they
    // would be first.
    let mut begun: BinaryHeap<Reverse<&Claim>> = BinaryHeap::new();
    let mut now = i64::MIN;
    loop {
        while let Some(claim) = coming.next_if(|claim| claim.stretch.start <= now) {
            begun.push(Reverse(claim));
        }
        while begun
            .peek()
            .is_some_and(|Reverse(claim)| claim.stretch.end <= now)
        {
            begun.pop();
        }
        let next = coming.peek().map(|claim| claim.stretch.start);
        now = match (begun.peek(), next) {
            (Some(Reverse(first)), next) => {
                let end = first.stretch.end;
                let end = next.map_or(end, |next| next.min(end));
                give(&mut pieces, Stretch { start: now, end }, first);
                end
            }
            (None, Some(next)) => next,
            (None, None) => return pieces,
        };
    }
}

fn give(pieces: &mut Vec<Piece>, stretch: Stretch, claim: &Claim) {
    match pieces.last_mut() {
        Some(last) if last.sample == claim.sample && last.stretch.end == stretch.start => {
            last.stretch.end = stretch.end;
        }
        _ => pieces.push(Piece {
            stretch,
            sample: claim.sample,
            rank: claim.precedence.rank,
            source: claim.precedence.source,
        }),
    }
}

/// A sweep in which a claim asks only for the time that `winners` give to its
/// source.
pub(super) fn sweep_within(claims: Vec<Claim>, winners: &[Piece]) -> Vec<Piece> {
    // Within the time of a source only its own claims meet, so that they are
    // swept by themselves: two sorted lists to intersect instead of every
    // claim with every winner.
    let mut by_source: BTreeMap<SourceId, (Vec<Claim>, Vec<Stretch>)> = BTreeMap::new();
    for claim in claims {
        let source = by_source.entry(claim.precedence.source).or_default();
        source.0.push(claim);
    }
    for winner in winners {
        if let Some((_, won)) = by_source.get_mut(&winner.source) {
            won.push(winner.stretch);
        }
    }

    let mut pieces = Vec::new();
    for (claims, won) in by_source.into_values() {
        let mut won = won.into_iter().peekable();
        for piece in sweep(claims) {
            while let Some(stretch) = won.peek() {
                if let Some(stretch) = piece.stretch.intersection(*stretch) {
                    pieces.push(Piece { stretch, ..piece });
                }
                if stretch.end > piece.stretch.end {
                    break;
                }
                won.next();
            }
        }
    }
    pieces.sort_unstable_by_key(|piece| piece.stretch);
    pieces
}

/// The piece that an instant lies in; `pieces` are those of a sweep.
pub(super) fn piece_at(pieces: &[Piece], instant: i64) -> Option<&Piece> {
    let next = pieces.partition_point(|piece| piece.stretch.end <= instant);
    pieces
        .get(next)
        .filter(|piece| piece.stretch.start <= instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(sample: usize, rank: usize, source: &'static str, (start, end): (i64, i64)) -> Claim {
        let names = ["a", "b", "phone", "ring", "watch"];
        let source = names.iter().position(|name| *name == source).unwrap();
        Claim {
            sample,
            stretch: Stretch { start, end },
            precedence: Precedence {
                rank,
                start,
                source,
                is_stage: false,
                id: i64::try_from(sample).unwrap(),
            },
        }
    }

    fn shown(pieces: &[Piece]) -> Vec<(i64, i64, usize)> {
        pieces
            .iter()
            .map(|piece| (piece.stretch.start, piece.stretch.end, piece.sample))
            .collect()
    }

    #[test]
    fn every_instant_goes_to_the_claim_that_takes_precedence() {
        for (claims, pieces) in [
            (vec![], vec![]),
            // A gap is filled, and the lower rank loses its middle.
            (
                vec![
                    claim(0, 1, "phone", (0, 100)),
                    claim(1, 0, "watch", (20, 50)),
                ],
                vec![(0, 20, 0), (20, 50, 1), (50, 100, 0)],
            ),
            // Of equal rank: the earlier start, then the name, then the id.
            (
                vec![claim(0, 1, "b", (0, 60)), claim(1, 1, "a", (30, 90))],
                vec![(0, 60, 0), (60, 90, 1)],
            ),
            (
                vec![claim(0, 1, "b", (0, 60)), claim(1, 1, "a", (0, 30))],
                vec![(0, 30, 1), (30, 60, 0)],
            ),
            (
                vec![claim(1, 1, "a", (0, 60)), claim(0, 1, "a", (0, 70))],
                vec![(0, 70, 0)],
            ),
            // Neighbours do not meet.
            (
                vec![claim(0, 1, "a", (0, 60)), claim(1, 0, "b", (60, 70))],
                vec![(0, 60, 0), (60, 70, 1)],
            ),
        ] {
            let mut reversed = claims.clone();
            reversed.reverse();
            assert_eq!(shown(&sweep(claims)), pieces);
            assert_eq!(shown(&sweep(reversed)), pieces);
        }
    }

    #[test]
    fn a_claim_within_the_time_of_others_is_cut_to_that_of_its_source() {
        let winners = sweep(vec![
            claim(0, 0, "watch", (20, 40)),
            claim(1, 0, "watch", (40, 60)),
            claim(2, 1, "phone", (0, 100)),
        ]);
        let claims = vec![
            claim(3, 0, "watch", (10, 30)),
            claim(4, 0, "watch", (25, 45)),
            claim(5, 1, "phone", (30, 90)),
            claim(6, 1, "phone", (80, 95)),
            claim(7, 1, "ring", (0, 100)),
        ];
        assert_eq!(
            shown(&sweep_within(claims, &winners)),
            [
                (20, 30, 3),
                (30, 40, 4),
                (40, 45, 4),
                (60, 90, 5),
                (90, 95, 6)
            ]
        );
    }

    #[test]
    fn an_instant_lies_in_the_piece_that_begins_with_it() {
        let pieces = sweep(vec![claim(0, 0, "a", (0, 10)), claim(1, 0, "a", (10, 20))]);
        let at = |instant| piece_at(&pieces, instant).map(|piece| piece.sample);
        assert_eq!(
            [-1, 0, 9, 10, 19, 20].map(at),
            [None, Some(0), Some(0), Some(1), Some(1), None]
        );
    }
}
