//! What happens to a PostgreSQL database while or before a group is folded.

use vitalfold::domain::Domain;
use vitalfold::store::{
    AnyStore, ErrorClass, GroupCheck, GroupOutcome, Groups, KnownGroup, Mark, Queue, Seal,
};

use super::{
    DAY, FOLDED_ONE, at_ten, changes, count, date, fold, folded, give, group, heart_rate, means,
    refold, unsettled,
};
use crate::cluster::wait_until;
use crate::database::Database;
use crate::gate::Gate;

async fn open() -> (Database, vitalfold::store::postgres::PgStore) {
    let db = Database::postgres();
    match db.store().await {
        AnyStore::Postgres(store) => (db, store),
        AnyStore::Sqlite(_) => unreachable!(),
    }
}

fn row(at: &str, value: u32) -> String {
    format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, utc_offset_minutes) \
         values (1, 'heart_rate', {value}, '/min', '2026-01-05 {at}:00Z', 0);"
    )
}

fn waits_for(db: &Database, relation: &str) -> bool {
    count(
        db,
        &format!(
            "pg_locks where relation = '{relation}'::regclass and not granted \
             and database = (select oid from pg_database where datname = current_database())"
        ),
    ) > 0
}

/// The lines are read before the rows: a row that commits between them is
/// counted now, and its line leads to one fold more, never to none.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_commits_between_lines_and_rows_is_folded_now_and_once_more() {
    let (db, store) = open().await;
    give(&store, [at_ten(1, DAY), at_ten(9, DAY)]).await;
    // Its statements are prepared: the lock holds up none of their parsing.
    fold(&store, 9, DAY).await;
    let mut application = db.session();
    application.send("begin; lock table raw_vitals in access exclusive mode;");
    wait_until("the table is locked", || {
        count(
            &db,
            "pg_locks where relation = 'raw_vitals'::regclass and granted",
        ) > 0
    });
    let folding = tokio::spawn({
        let store = store.clone();
        async move { fold(&store, 1, DAY).await }
    });
    wait_until("the fold waits for the rows", || {
        waits_for(&db, "raw_vitals")
    });
    application.send(&row("12:00", 64));
    application.send("commit;");
    application.end();
    assert_eq!(folding.await.unwrap(), FOLDED_ONE, "one line was read");
    assert_eq!(means(&store).await, [(date(DAY), Some(62.0))]);
    assert_eq!(changes(&db), ["1 2026-01-05 insert 1"]);
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
    assert_eq!(means(&store).await, [(date(DAY), Some(62.0))]);
    assert!(unsettled(&db).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_lines_that_were_read_are_deleted() {
    let (db, store) = open().await;
    give(&store, [at_ten(1, DAY)]).await;
    let gate = Gate::shut(&db, "new.user_id = 1");
    let folding = tokio::spawn({
        let store = store.clone();
        async move { fold(&store, 1, DAY).await }
    });
    gate.is_met();
    // The application goes on meanwhile, and is not held up.
    db.execute(&format!("set lock_timeout = '1ms'; {}", row("12:00", 64)));
    gate.open();
    assert_eq!(folding.await.unwrap(), FOLDED_ONE);
    assert_eq!(means(&store).await, [(date(DAY), Some(60.0))]);
    assert_eq!(changes(&db), ["1 2026-01-05 insert 1"]);
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
    assert_eq!(means(&store).await, [(date(DAY), Some(62.0))]);
    assert!(unsettled(&db).is_empty());
}

/// Whatever they do, in whatever order they end.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_on_one_day_do_not_wait_for_each_other() {
    let (db, store) = open().await;
    folded(
        &store,
        [at_ten(1, DAY), heart_rate(1, "2026-01-05T11:00:00Z", 61.0)],
    )
    .await;
    let mut first = db.session();
    first.send("\\set ON_ERROR_STOP on\nset lock_timeout = '1ms'; begin;");
    first.send(&row("12:00", 64));
    first.send("update raw_vitals set value = 65 where value = 60;");
    wait_until("the first has begun", || {
        count(
            &db,
            "pg_stat_activity where state = 'idle in transaction' \
                    and datname = current_database()",
        ) == 1
    });
    db.execute(&format!(
        "set lock_timeout = '1ms'; begin; {} delete from raw_vitals where value = 61; commit",
        row("13:00", 70)
    ));
    // Nor does a fold, which sees what is committed.
    fold(&store, 1, DAY).await;
    assert_eq!(means(&store).await, [(date(DAY), Some(65.0))]);
    first.send("commit;");
    first.end();
    assert_eq!(
        changes(&db),
        ["1 2026-01-05 edit 1", "1 2026-01-05 insert 1"]
    );
    fold(&store, 1, DAY).await;
    assert_eq!(
        count(
            &db,
            "vitals_aggregates where period = 'day' and \"count\" = 3"
        ),
        1
    );
    assert!(unsettled(&db).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_another_worker_folds_is_left_alone() {
    let (db, store) = open().await;
    folded(&store, [at_ten(1, DAY), at_ten(2, DAY)]).await;
    let mut other = db.session();
    other.send(
        "select pg_advisory_lock(hashint8extended(1, hashtextextended('vitalfold vitals', 0)));",
    );
    wait_until("another has the lock", || {
        count(
            &db,
            "pg_locks where locktype = 'advisory' \
                    and database = (select oid from pg_database where datname = current_database())",
        ) > 0
    });
    assert_eq!(
        store.seal(group(1, DAY), false).await.unwrap(),
        Seal::Locked
    );
    for user in [1, 2] {
        refold(&store, group(user, DAY), 1).await;
    }
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
    assert_eq!(fold(&store, 2, DAY).await, FOLDED_ONE);
    assert_eq!(unsettled(&db), ["1 2026-01-05"]);
    other.end();
    wait_until("the server has let go of it", || {
        count(
            &db,
            "pg_locks where locktype = 'advisory' \
                    and database = (select oid from pg_database where datname = current_database())",
        ) == 0
    });
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
}

/// A policy may hide rows of which the worker's role is not told.
#[tokio::test(flavor = "multi_thread")]
async fn hidden_rows_are_an_error_and_no_aggregate_goes() {
    let (db, store) = open().await;
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    folded(&store, [at_ten(1, DAY), at_ten(1, "2026-01-06")]).await;
    let role = format!("hidden_{name}");
    db.execute(&format!(
        "create role {role} login; \
         grant select, insert, update, delete on all tables in schema public to {role}; \
         alter table raw_vitals enable row level security; \
         create policy january on raw_vitals using (started_at < '2026-01-06')"
    ));
    let before = count(&db, "vitals_aggregates");
    let store = db.store_as(&role);
    refold(&store, group(1, "2026-01-06"), 1).await;
    // Even where a line says that rows were deleted.
    db.execute(
        "delete from group_changes; \
         insert into group_changes (user_id, domain, local_date, kind, rows) \
         values (1, 'vitals', '2026-01-06', 'delete', 0)",
    );
    let error = store.fold(group(1, "2026-01-06")).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
    assert!(store.check(group(1, DAY)).await.is_err());
    assert_eq!(count(&db, "vitals_aggregates"), before);
    assert_eq!(unsettled(&db), ["1 2026-01-06"]);
    db.execute(&format!("drop owned by {role} cascade; drop role {role}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncate_empties_every_group() {
    let (db, store) = open().await;
    folded(&store, [at_ten(1, DAY), at_ten(2, "2026-01-06")]).await;
    db.execute("truncate raw_vitals");
    assert_eq!(
        changes(&db),
        ["1 2026-01-05 delete 0", "2 2026-01-06 delete 0"]
    );
    fold(&store, 1, DAY).await;
    fold(&store, 2, "2026-01-06").await;
    assert_eq!(count(&db, "vitals_aggregates"), 0);
    assert!(unsettled(&db).is_empty());
}

/// No trigger tells of it: its days are reported, not emptied.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_dropped_leaves_its_aggregates() {
    let (db, store) = open().await;
    // The contract, over a partitioned table.
    db.execute(
        "alter table raw_vitals rename to plain; \
         create table raw_vitals (like plain including defaults including constraints) \
           partition by range (started_at); \
         create sequence raw_vitals_ids; \
         alter table raw_vitals alter id set default nextval('raw_vitals_ids'); \
         create table january partition of raw_vitals \
           for values from ('2026-01-01 00:00Z') to ('2026-02-01 00:00Z'); \
         create table february partition of raw_vitals \
           for values from ('2026-02-01 00:00Z') to ('2026-03-01 00:00Z'); \
         create index on raw_vitals (user_id, started_at); \
         do $$ declare text text; begin \
           for text in select pg_get_triggerdef(oid) from pg_trigger \
             where tgrelid = 'plain'::regclass and not tgisinternal loop \
             execute replace(text, 'public.plain', 'public.raw_vitals'); \
           end loop; end $$",
    );
    let row = |day: &str| {
        format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at) \
             values (1, 'heart_rate', 60, '/min', '{day} 10:00Z');"
        )
    };
    db.execute(&[row(DAY), row("2026-02-05")].concat());
    for day in [DAY, "2026-02-05"] {
        assert_eq!(fold(&store, 1, day).await, FOLDED_ONE);
    }
    db.execute("drop table january");
    assert!(changes(&db).is_empty());
    let key = group(1, DAY);
    assert_eq!(store.check(key).await.unwrap(), GroupCheck::RowsMissing);
    refold(&store, key, 0).await;
    let error = store.fold(key).await.unwrap_err();
    assert!(error.to_string().contains("rows_missing: "), "{error}");
    assert_eq!(error.class, ErrorClass::Data);
    assert_eq!(means(&store).await.len(), 2);
    let known = KnownGroup { key, rows: 0 };
    store
        .mark(Domain::Vitals, &[known], Mark::Emptied)
        .await
        .unwrap();
    fold(&store, 1, DAY).await;
    assert_eq!(means(&store).await, [(date("2026-02-05"), Some(60.0))]);
}
