//! How stored aggregates differ from what their raw rows fold to.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::table::Columns;
use super::{Aggregate, AggregateKey, Period};

/// An aggregate that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    pub key: AggregateKey,
    pub what: DriftKind,
}

/// In which way it differs. Columns are named, values are not shown: they are
/// people's health.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Not stored.
    Missing,
    /// Stored without raw rows behind it.
    Extra,
    /// Stored with other content in these columns.
    Differs(Vec<&'static str>),
    /// Right, but written by this older version of the fold.
    Outdated(i32),
}

impl Drift {
    /// Whether it is of an hour that retention removes, or has removed.
    pub fn is_of_expired_hour(&self, first_kept: NaiveDate) -> bool {
        self.key.period == Period::Hour && self.key.local_date < first_kept
    }
}

/// Compares what was folded with what is stored, as (row, algorithm version).
pub fn compare<M: Columns + Clone>(
    folded: &[Aggregate<M>],
    stored: &[(Aggregate<M>, i32)],
    algorithm_version: i32,
) -> Vec<Drift> {
    let mut rest: BTreeMap<&AggregateKey, (&M, i32)> = stored
        .iter()
        .map(|(row, version)| (&row.key, (&row.measure, *version)))
        .collect();
    let mut drifts = Vec::new();
    for row in folded {
        let what = match rest.remove(&row.key) {
            None => DriftKind::Missing,
            Some((measure, version)) => match differing(&row.measure, measure) {
                columns if !columns.is_empty() => DriftKind::Differs(columns),
                _ if version != algorithm_version => DriftKind::Outdated(version),
                _ => continue,
            },
        };
        drifts.push(Drift {
            key: row.key.clone(),
            what,
        });
    }
    drifts.extend(rest.into_keys().map(|key| Drift {
        key: key.clone(),
        what: DriftKind::Extra,
    }));
    drifts
}

/// Bit for bit, but for the sign of zero, which the databases do not tell apart
/// either. JSON is written by the same code on both sides.
fn differing<M: Columns + Clone>(one: &M, other: &M) -> Vec<&'static str> {
    let values = one.clone().into_values().zip(other.clone().into_values());
    M::COLUMNS
        .iter()
        .zip(values)
        .filter(|(_, (one, other))| one != other)
        .map(|(column, _)| column.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fold, FoldRules, RawRow, vitals::VitalSample, vitals::Vitals};

    #[test]
    fn each_kind_of_drift_is_told_apart() {
        let at = "2026-01-05T10:00:00Z".parse().unwrap();
        let row = RawRow {
            id: 1,
            utc_offset_minutes: 0,
            source: "watch".into(),
            device: None,
            note: None,
            payload: VitalSample {
                metric: "heart_rate".into(),
                value: Some(60.0),
                comparator: None,
                unit: Some("/min".into()),
                started_at: at,
                ended_at: at,
            },
        };
        let date = "2026-01-05".parse().unwrap();
        let folded = Vitals::fold_day(date, &[row], &FoldRules::default()).aggregates;
        let stored = |version| {
            folded
                .iter()
                .cloned()
                .map(|row| (row, version))
                .collect::<Vec<_>>()
        };
        assert_eq!(compare(&folded, &stored(7), 7), []);

        let kinds = |drifts: Vec<Drift>| drifts.into_iter().map(|d| d.what).collect::<Vec<_>>();
        assert_eq!(
            kinds(compare(&folded, &stored(6), 7)),
            [DriftKind::Outdated(6), DriftKind::Outdated(6)]
        );
        assert_eq!(
            kinds(compare(&folded, &stored(7)[1..], 7)),
            [DriftKind::Missing]
        );
        assert_eq!(
            kinds(compare(&folded[1..], &stored(7), 7)),
            [DriftKind::Extra]
        );
        let mut wrong = stored(7);
        wrong[0].0.measure.mean = Some(60.000_000_000_000_01);
        wrong[0].0.measure.count = 2;
        let differs = DriftKind::Differs(vec!["count", "mean"]);
        assert_eq!(kinds(compare(&folded, &wrong, 7)), [differs]);
    }
}
