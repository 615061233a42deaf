//! The sentences of the contract in `store/mod.rs`, one file per door, held
//! against both backends.

mod between;
mod checks;
mod days;
mod failures;
mod fleet;
mod groups;
mod pages;
mod poison;
mod queue;
mod raw;
mod retention;
mod server;
mod view;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use vitalfold::domain::vitals::{VitalSample, Vitals};
use vitalfold::domain::{Domain, GroupKey, NewRow, Period};
use vitalfold::store::{
    AggregateQuery, ErrorClass, Failure, GroupFilter, GroupOutcome, KnownGroup, Mark, Store, Which,
};

use crate::database::Database;
use crate::states::UNSETTLED;

const DAY: &str = "2026-01-05";

const FOLDED_ONE: GroupOutcome = GroupOutcome::Folded {
    completed: 1,
    rejected: 0,
};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A heart rate of one user.
fn heart_rate(user_id: i64, at: &str, value: f64) -> NewRow<VitalSample> {
    NewRow {
        user_id,
        utc_offset_minutes: 0,
        source: "test".into(),
        source_id: None,
        device: None,
        note: None,
        payload: VitalSample {
            metric: "heart_rate".into(),
            value: Some(value),
            comparator: None,
            unit: Some("/min".into()),
            started_at: time(at),
            ended_at: time(at),
        },
    }
}

/// A heart rate at ten in the morning.
fn at_ten(user_id: i64, day: &str) -> NewRow<VitalSample> {
    heart_rate(user_id, &format!("{day}T10:00:00Z"), 60.0)
}

fn with_id(mut row: NewRow<VitalSample>, id: &str) -> NewRow<VitalSample> {
    row.source_id = Some(id.into());
    row
}

/// A sample of a metric that goes on for a while.
fn interval(metric: &str, unit: &str, value: f64, from: &str, to: &str) -> NewRow<VitalSample> {
    let mut row = heart_rate(1, from, value);
    row.payload.metric = metric.into();
    row.payload.unit = Some(unit.into());
    row.payload.ended_at = time(to);
    row
}

fn failure(class: ErrorClass, backoff: Duration) -> Failure {
    Failure {
        error: "forced".into(),
        class,
        worker: "test".into(),
        max_attempts: 2,
        backoff,
        max_backoff: Duration::from_secs(3600),
        jitter: 1.0,
    }
}

/// A failure that leaves a group dead at once.
fn deadly() -> Failure {
    Failure {
        max_attempts: 1,
        ..failure(ErrorClass::Data, HOUR)
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// All groups.
fn all() -> GroupFilter {
    GroupFilter::default()
}

/// A group of vitals.
fn group(user_id: i64, day: &str) -> GroupKey {
    GroupKey {
        domain: Domain::Vitals,
        user_id,
        local_date: date(day),
    }
}

fn query(period: Period) -> AggregateQuery {
    AggregateQuery {
        user_id: 1,
        series: None,
        period,
        from: None,
        to: None,
    }
}

async fn give<S: Store>(store: &S, rows: impl Into<Vec<NewRow<VitalSample>>>) {
    store.insert_raw::<Vitals>(rows.into()).await.unwrap();
}

async fn fold<S: Store>(store: &S, user_id: i64, day: &str) -> GroupOutcome {
    store.fold(group(user_id, day)).await.unwrap()
}

/// Stores rows and folds each of their days.
async fn folded<S: Store>(store: &S, rows: impl Into<Vec<NewRow<VitalSample>>>) {
    give(store, rows).await;
    let all = GroupFilter::default();
    let page = store.groups(Domain::Vitals, &all, Which::All, None).await;
    for known in page.unwrap().groups {
        store.fold(known.key).await.unwrap();
    }
}

/// Asks for a group to be folded again.
async fn refold<S: Store>(store: &S, key: GroupKey, rows: u64) {
    let known = KnownGroup { key, rows };
    store
        .mark(key.domain, &[known], Mark::Refold)
        .await
        .unwrap();
}

/// The day rows of a heart rate of user 1: date and mean.
async fn means<S: Store>(store: &S) -> Vec<(NaiveDate, Option<f64>)> {
    let days = store.aggregates::<Vitals>(&query(Period::Day)).await;
    let days = days.unwrap();
    days.iter()
        .map(|row| (row.key.local_date, row.measure.mean))
        .collect()
}

fn count(db: &Database, table: &str) -> u64 {
    let count = db.value(&format!("(select count(*) from {table})"));
    count.parse().unwrap()
}

/// Groups with work left, as `user date`, in order.
fn unsettled(db: &Database) -> Vec<String> {
    listed(
        db,
        "user_id || ' ' || local_date",
        &format!("{UNSETTLED} order by 1"),
    )
}

/// The lines of the changes, as `user date kind rows`; those of one kind and
/// group are summed: a backend writes one for each row or each statement.
fn changes(db: &Database) -> Vec<String> {
    listed(
        db,
        "user_id || ' ' || local_date || ' ' || kind || ' ' || sum(rows)",
        "group_changes group by user_id, local_date, kind order by 1",
    )
}

/// One text per row of a query.
fn listed(db: &Database, text: &str, from: &str) -> Vec<String> {
    let joined = match db {
        Database::Postgres { .. } => "string_agg(line, '; ')",
        Database::Sqlite { .. } => "group_concat(line, '; ')",
    };
    let lines = db.value(&format!(
        "(select {joined} from (select {text} as line from {from}) lines)"
    ));
    let lines = lines.split("; ").filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}
