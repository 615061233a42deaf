//! The pure folds: raw rows a second on one core.
//!
//! `cargo bench --bench folds`

use chrono::TimeDelta;
use divan::Bencher;
use divan::counter::ItemsCount;
use vitalfold::domain::labs::Labs;
use vitalfold::domain::nutrition::Nutrition;
use vitalfold::domain::vitals::Vitals;
use vitalfold::domain::{Fold, FoldRules, RawRow};
use vitalfold::synthetic::{Load, Synthetic};

fn main() {
    divan::main();
}

/// Rows of one group.
const ROWS: &[usize] = &[40, 2000];

/// A group in (time, id) order, as the store hands it over.
fn group<F: Synthetic>(load: &Load) -> Vec<RawRow<F::Payload>> {
    load.places()
        .zip(1..)
        .map(|(place, id)| {
            let new = F::row(load, place);
            RawRow {
                id,
                utc_offset_minutes: new.utc_offset_minutes,
                source: new.source,
                device: new.device,
                note: new.note,
                payload: new.payload,
            }
        })
        .collect()
}

fn load(rows: usize, series: usize) -> Load {
    Load {
        first_user: 1,
        users: 1,
        from: "2026-01-05".parse().unwrap(),
        days: 1,
        first_row: 0,
        rows: rows as u64,
        series,
        seed: 1,
    }
}

fn fold<F: Fold>(bencher: Bencher, rows: &[RawRow<F::Payload>]) {
    let date = "2026-01-05".parse().unwrap();
    let rules = FoldRules::default();
    assert!(F::fold_day(date, rows, &rules).rejected.is_empty());
    bencher
        .counter(ItemsCount::new(rows.len()))
        .bench(|| F::fold_day(date, divan::black_box(rows), &rules));
}

#[divan::bench(args = ROWS)]
fn discrete(bencher: Bencher, rows: usize) {
    let mut rows = group::<Vitals>(&load(rows, 1));
    rows.sort_by_key(|row| (row.payload.started_at, row.id));
    fold::<Vitals>(bencher, &rows);
}

/// Steps of five minutes from two sources, most of which overlap several
/// others.
#[divan::bench(args = ROWS)]
fn overlapping(bencher: Bencher, rows: usize) {
    let mut rows = group::<Vitals>(&load(rows, 1));
    for (number, row) in rows.iter_mut().enumerate() {
        row.payload.metric = "steps".to_owned();
        row.payload.unit = Some("{steps}".to_owned());
        row.payload.ended_at = row.payload.started_at + TimeDelta::minutes(5);
        row.source = ["watch", "phone"][number % 2].to_owned();
    }
    rows.sort_by_key(|row| (row.payload.started_at, row.id));
    fold::<Vitals>(bencher, &rows);
}

/// The six metrics of the system benchmark's phones.
#[divan::bench(args = ROWS)]
fn mixed(bencher: Bencher, rows: usize) {
    let mut rows = group::<Vitals>(&load(rows, 6));
    rows.sort_by_key(|row| (row.payload.started_at, row.id));
    fold::<Vitals>(bencher, &rows);
}

#[divan::bench(args = ROWS)]
fn labs(bencher: Bencher, rows: usize) {
    let mut rows = group::<Labs>(&load(rows, 8));
    rows.sort_by_key(|row| (row.payload.collected_at, row.id));
    fold::<Labs>(bencher, &rows);
}

#[divan::bench(args = ROWS)]
fn nutrition(bencher: Bencher, rows: usize) {
    let mut rows = group::<Nutrition>(&load(rows, 6));
    rows.sort_by_key(|row| (row.payload.eaten_at, row.id));
    fold::<Nutrition>(bencher, &rows);
}
