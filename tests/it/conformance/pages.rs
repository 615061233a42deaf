//! The list of all groups.

use chrono::NaiveDate;
use vitalfold::domain::Domain;
use vitalfold::domain::vitals::Vitals;
use vitalfold::store::{GroupFilter, Store, Which};

use super::{DAY, FOLDED_ONE, all, at_ten, count, date, fold, folded, give, heart_rate, interval};
use crate::database::Database;

on_both! {
    groups_are_listed_within_a_filter,
    a_page_of_groups_ends_within_no_day,
    a_group_of_aggregates_alone_is_listed,
    outdated_groups_are_found,
}

/// All groups, page by page, as user, date and rows; every page begins where
/// the one before ended.
async fn pages<S: Store>(
    store: &S,
    within: &GroupFilter,
    which: Which,
) -> Vec<(i64, NaiveDate, u64)> {
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let page = store.groups(Domain::Vitals, within, which, from);
        let page = page.await.unwrap();
        let groups = page.groups.iter();
        found.extend(groups.map(|known| (known.key.user_id, known.key.local_date, known.rows)));
        assert!(found.is_sorted() && page.next.is_none_or(|next| Some(next) > from));
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    let mut each_once = found.clone();
    each_once.dedup_by_key(|(user, day, _)| (*user, *day));
    assert_eq!(found.len(), each_once.len(), "a group is of one page");
    found
}

async fn groups_are_listed_within_a_filter<S: Store>(_: &Database, store: S) {
    let rows = (1..=28).flat_map(|day| {
        [1, 2].map(|user| heart_rate(user, &format!("2026-02-{day:02}T10:00:00Z"), 60.0))
    });
    give(&store, rows.collect::<Vec<_>>()).await;
    // A night is listed on both of its days, and counted on the first.
    let night = interval(
        "sleep",
        "h",
        8.0,
        "2026-03-01T22:00:00Z",
        "2026-03-02T06:00:00Z",
    );
    give(&store, [night]).await;
    let filter = GroupFilter {
        users: vec![2],
        from: Some(date("2026-02-10")),
        to: Some(date("2026-02-19")),
    };
    let found = pages(&store, &filter, Which::All).await;
    let expected: Vec<_> = (10..=19)
        .map(|day| (2, date(&format!("2026-02-{day:02}")), 1))
        .collect();
    assert_eq!(found, expected);
    let march = GroupFilter {
        from: Some(date("2026-03-01")),
        ..all()
    };
    let found = pages(&store, &march, Which::All).await;
    assert!(
        found.starts_with(&[(1, date("2026-03-01"), 1), (1, date("2026-03-02"), 0)]),
        "{found:?}"
    );
    assert!(found.iter().all(|(_, _, rows)| *rows < 2), "{found:?}");
    let from = Some((2, date("2026-02-28")));
    let all = all();
    let page = store.groups(Domain::Vitals, &all, Which::All, from).await;
    let last = page.unwrap().groups;
    assert_eq!(last.len(), 1, "{last:?}");
}

/// Days longer than a page, several users, and a night behind them.
async fn a_page_of_groups_ends_within_no_day<S: Store>(db: &Database, store: S) {
    let many = |user: i64, rows: u64, day: &str| match db {
        Database::Postgres { .. } => format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at, utc_offset_minutes) \
             select {user}, 'heart_rate', 60, '/min', \
               timestamptz '{day} 00:00:00Z' + make_interval(secs => n % 86400), 0 \
             from generate_series(1, {rows}) n"
        ),
        Database::Sqlite { .. } => format!(
            "with recursive n(n) as (select 1 union all select n + 1 from n where n < {rows}) \
             insert into raw_vitals (user_id, metric, value, unit, started_at, utc_offset_minutes) \
             select {user}, 'heart_rate', 60, '/min', \
               strftime('%Y-%m-%d %H:%M:%S', '{day} 00:00:00', (n % 86400) || ' seconds') \
               || '.000000+00:00', 0 from n"
        ),
    };
    if matches!(db, Database::Sqlite { .. }) {
        // One for each row takes its time.
        db.execute("drop trigger raw_vitals_inserted");
    }
    db.execute(&many(1, 1_000, "2026-01-04"));
    db.execute(&many(1, 250_000, DAY));
    db.execute(&many(2, 150_000, DAY));
    db.execute(&many(2, 100_000, "2026-01-06"));
    let night = interval(
        "sleep",
        "h",
        8.0,
        "2026-01-08T22:00:00Z",
        "2026-01-09T06:00:00Z",
    );
    let night = [1, 2, 3].map(|user| {
        let mut night = night.clone();
        night.user_id = user;
        night
    });
    give(&store, night).await;
    let found = pages(&store, &all(), Which::All).await;
    let expected = [
        (1, "2026-01-04", 1_000),
        (1, DAY, 250_000),
        (1, "2026-01-08", 1),
        (1, "2026-01-09", 0),
        (2, DAY, 150_000),
        (2, "2026-01-06", 100_000),
        (2, "2026-01-08", 1),
        (2, "2026-01-09", 0),
        (3, "2026-01-08", 1),
        (3, "2026-01-09", 0),
    ];
    // A sleep is looked for on the day after its last one, too.
    let found: Vec<_> = found
        .into_iter()
        .filter(|(_, day, _)| *day != date("2026-01-10"))
        .collect();
    assert_eq!(
        found,
        expected.map(|(user, day, rows)| (user, date(day), rows))
    );
}

async fn a_group_of_aggregates_alone_is_listed<S: Store>(db: &Database, store: S) {
    folded(&store, [at_ten(1, DAY), at_ten(1, "2026-01-06")]).await;
    db.execute("delete from raw_vitals where user_id = 1 and started_at < '2026-01-06'");
    assert_eq!(
        pages(&store, &all(), Which::All).await,
        [(1, date(DAY), 0), (1, date("2026-01-06"), 1)]
    );
}

async fn outdated_groups_are_found<S: Store>(db: &Database, store: S) {
    let mut rows = [DAY, "2026-01-06", "2026-01-07"].map(|day| at_ten(1, day));
    rows[2].payload.metric = "no_such_metric".into();
    folded(&store, rows).await;
    assert_eq!(count(db, "rejected_rows"), 1);
    assert_eq!(pages(&store, &all(), Which::Outdated).await.len(), 1);
    db.execute(
        "update vitals_aggregates set algorithm_version = 0 where local_date = '2026-01-06'",
    );
    let days: Vec<_> = pages(&store, &all(), Which::Outdated)
        .await
        .into_iter()
        .map(|(_, day, _)| day)
        .collect();
    assert_eq!(days, [date("2026-01-06"), date("2026-01-07")]);
    assert_eq!(
        store
            .insert_raw::<Vitals>(vec![at_ten(1, DAY)])
            .await
            .unwrap()
            .inserted,
        1
    );
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
}
