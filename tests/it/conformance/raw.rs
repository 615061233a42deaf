//! The door of importers.

use vitalfold::domain::vitals::Vitals;
use vitalfold::store::{Inserted, ResourceVersion, Resources, Store, VersionRow, Versioned};

use super::{
    DAY, at_ten, changes, count, date, fold, folded, give, heart_rate, listed, means, unsettled,
    with_id,
};
use crate::database::Database;

on_both! {
    a_row_sent_twice_by_its_source_id_is_stored_once,
    rows_without_a_source_id_are_all_new,
    a_correction_updates_its_row_and_marks_its_group,
    the_time_is_part_of_what_a_row_is,
    references_keep_their_user,
    zones_are_read_of_those_who_have_one,
    what_a_source_takes_back_is_deleted,
    only_the_newest_version_of_a_resource_has_rows,
    a_new_version_moves_its_rows_to_another_time,
    imports_at_once_leave_the_newest_version,
}

async fn a_row_sent_twice_by_its_source_id_is_stored_once<S: Store>(db: &Database, store: S) {
    let row = with_id(at_ten(1, DAY), "a");
    let mut another_source = row.clone();
    another_source.source = "other".into();
    let other = with_id(at_ten(1, DAY), "b");
    let rows = vec![row.clone(), row.clone(), other, another_source];
    let first = store.insert_raw::<Vitals>(rows).await.unwrap();
    assert_eq!(
        first,
        Inserted {
            inserted: 3,
            corrected: 0,
            duplicate: 1
        }
    );
    let second = store.insert_raw::<Vitals>(vec![row]).await.unwrap();
    assert_eq!(
        second,
        Inserted {
            inserted: 0,
            corrected: 0,
            duplicate: 1
        }
    );
    assert_eq!(count(db, "raw_vitals"), 3);
    assert_eq!(changes(db), ["1 2026-01-05 insert 3"]);
}

async fn rows_without_a_source_id_are_all_new<S: Store>(db: &Database, store: S) {
    let row = at_ten(1, DAY);
    let rows = vec![row.clone(), row.clone(), row];
    let sent = store.insert_raw::<Vitals>(rows).await.unwrap();
    assert_eq!(
        sent,
        Inserted {
            inserted: 3,
            corrected: 0,
            duplicate: 0
        }
    );
    assert_eq!(count(db, "raw_vitals"), 3);
}

async fn a_correction_updates_its_row_and_marks_its_group<S: Store>(db: &Database, store: S) {
    let row = with_id(at_ten(1, DAY), "a");
    let untouched = with_id(at_ten(1, "2026-01-06"), "b");
    folded(&store, [row.clone(), untouched.clone()]).await;
    assert!(unsettled(db).is_empty());
    // Of two versions in one batch the last counts.
    let mut wrong = row.clone();
    wrong.payload.value = Some(1.0);
    let mut right = row;
    right.payload.value = Some(90.0);
    let rows = vec![wrong, right, untouched];
    let sent = store.insert_raw::<Vitals>(rows).await.unwrap();
    assert_eq!(sent.inserted, 0);
    assert!(sent.corrected >= 1 && sent.duplicate >= 1, "{sent:?}");
    assert_eq!(unsettled(db), ["1 2026-01-05"]);
    fold(&store, 1, DAY).await;
    assert_eq!(
        means(&store).await,
        [(date(DAY), Some(90.0)), (date("2026-01-06"), Some(60.0))]
    );
    assert!(unsettled(db).is_empty());
}

async fn the_time_is_part_of_what_a_row_is<S: Store>(db: &Database, store: S) {
    let row = with_id(at_ten(1, DAY), "a");
    let later = with_id(heart_rate(1, "2026-01-05T10:00:01Z", 60.0), "a");
    let mut another_metric = row.clone();
    another_metric.payload.metric = "resting_heart_rate".into();
    let rows = vec![row, later, another_metric];
    let sent = store.insert_raw::<Vitals>(rows).await.unwrap();
    assert_eq!((sent.inserted, count(db, "raw_vitals")), (3, 3));
}

async fn references_keep_their_user<S: Store>(_: &Database, store: S) {
    give(&store, [at_ten(41, DAY)]).await;
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let first = store.resolve_users(&names(&["x", "y", "x"])).await.unwrap();
    assert_eq!(
        first,
        [42, 43, 42],
        "new users lie above those that have rows"
    );
    let second = store.resolve_users(&names(&["z", "y", "x"])).await.unwrap();
    assert_eq!(second, [44, 43, 42]);
}

async fn zones_are_read_of_those_who_have_one<S: Store>(db: &Database, store: S) {
    db.execute("insert into user_time_zones values (1, 'Asia/Kathmandu'), (3, 'UTC')");
    let zones = store.time_zones(&[1, 2]).await.unwrap();
    assert_eq!(zones, [(1, "Asia/Kathmandu".to_owned())].into());
}

/// A version of the resource of rows with this `source_id`.
fn version(id: &str, number: i64) -> ResourceVersion {
    ResourceVersion {
        resource: format!("Observation/{id}"),
        source: Some("test".into()),
        scope: None,
        user_id: None,
        last_updated: None,
        number: Some(number),
        retracted: false,
        formerly: Vec::new(),
    }
}

/// A version, and user, metric and value of its rows.
type Given<'a> = (ResourceVersion, &'a [(i64, &'a str, f64)]);

async fn versions<S: Store>(store: &S, versions: &[Given<'_>]) -> Versioned {
    let mut resources = Resources::default();
    for (index, (version, rows)) in versions.iter().enumerate() {
        let id = version.resource.strip_prefix("Observation/").unwrap();
        resources.versions.push(version.clone());
        for (user, metric, value) in *rows {
            let mut row = with_id(at_ten(*user, DAY), id);
            row.payload.value = Some(*value);
            (*metric).clone_into(&mut row.payload.metric);
            let version = Some(index);
            resources.vitals.push(VersionRow { version, row });
        }
    }
    store.store_versions(resources).await.unwrap()
}

async fn only_the_newest_version_of_a_resource_has_rows<S: Store>(db: &Database, store: S) {
    let shown = || {
        let line = "user_id || ' ' || metric || ' ' || cast(value as integer)";
        listed(db, line, "raw_vitals order by user_id, metric")
    };
    let give = async |given: &[Given<'_>]| versions(&store, given).await;
    let done = give(&[
        (version("a", 2), &[(1, "m", 2.0), (1, "n", 2.0)]),
        (version("b", 1), &[(1, "b", 1.0)]),
        (version("a", 1), &[(1, "m", 1.0)]),
    ])
    .await;
    assert_eq!(
        (done.rows.inserted, done.rows.duplicate, done.older),
        (3, 0, 1)
    );
    assert_eq!(shown(), ["1 b 1", "1 m 2", "1 n 2"]);
    let done = give(&[(version("a", 1), &[(1, "m", 1.0)])]).await;
    assert_eq!((done.older, done.rows.duplicate), (1, 0));
    // Another code, and another person.
    let done = give(&[(version("a", 3), &[(1, "m", 3.0)])]).await;
    assert_eq!((done.rows.corrected, done.retracted), (1, 1));
    let done = give(&[(version("a", 4), &[(2, "m", 3.0)])]).await;
    assert_eq!((done.rows.inserted, done.retracted), (1, 1));
    assert_eq!(shown(), ["1 b 1", "2 m 3"]);
    // Taken back, without a word of whose it was or where it came from.
    let nobodys = ResourceVersion {
        source: None,
        retracted: true,
        ..version("a", 5)
    };
    assert_eq!(give(&[(nobodys, &[])]).await.retracted, 1);
    let done = give(&[(version("a", 4), &[(2, "m", 3.0)])]).await;
    assert_eq!((done.rows.inserted, done.older), (0, 1));
    assert_eq!(shown(), ["1 b 1"]);
    let done = give(&[(version("a", 6), &[(2, "m", 6.0)])]).await;
    assert_eq!((done.rows.inserted, done.older), (1, 0));
    // Within one batch in its order.
    let back = ResourceVersion {
        retracted: true,
        number: None,
        ..version("c", 0)
    };
    let stays = ResourceVersion {
        number: None,
        ..version("c", 0)
    };
    let both = [
        (back.clone(), &[][..]),
        (stays.clone(), &[(3, "c", 1.0)][..]),
    ];
    assert_eq!(give(&both).await.rows.inserted, 1);
    let done = give(&[(stays, &[(3, "c", 1.0)]), (back, &[])]).await;
    assert_eq!((done.rows.duplicate, done.retracted), (1, 1));
    assert_eq!(shown(), ["1 b 1", "2 m 6"]);
}

async fn a_new_version_moves_its_rows_to_another_time<S: Store>(db: &Database, store: S) {
    let give = async |number, day| {
        let resources = Resources {
            versions: vec![version("a", number)],
            vitals: vec![VersionRow {
                version: Some(0),
                row: with_id(at_ten(1, day), "a"),
            }],
            ..Resources::default()
        };
        store.store_versions(resources).await.unwrap()
    };
    assert_eq!(give(1, DAY).await.rows.inserted, 1);
    fold(&store, 1, DAY).await;
    let moved = give(2, "2026-01-07").await;
    assert_eq!((moved.rows.inserted, moved.retracted), (1, 1));
    assert_eq!(
        changes(db),
        ["1 2026-01-05 delete 0", "1 2026-01-07 insert 1"]
    );
    fold(&store, 1, DAY).await;
    fold(&store, 1, "2026-01-07").await;
    assert_eq!(means(&store).await, [(date("2026-01-07"), Some(60.0))]);
    // An older version does not bring the old time back.
    assert_eq!(give(1, DAY).await.older, 1);
    assert_eq!(count(db, "raw_vitals"), 1);
}

async fn imports_at_once_leave_the_newest_version<S: Store>(db: &Database, store: S) {
    let give = |number: i64, backwards: bool| {
        let mut resources = Resources::default();
        let mut ids: Vec<i64> = (0..50).collect();
        if backwards {
            ids.reverse();
        }
        for (index, id) in ids.into_iter().enumerate() {
            let id = format!("o{id}");
            resources.versions.push(version(&id, number));
            let row = heart_rate(number % 3 + 1, "2026-01-05T10:00:00Z", number as f64);
            resources.vitals.push(VersionRow {
                version: Some(index),
                row: with_id(row, &id),
            });
        }
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                match store.store_versions(resources.clone()).await {
                    Err(error) if error.is_transient() => {}
                    done => return done.map(|_| ()),
                }
            }
        })
    };
    let imports: Vec<_> = (1..=8)
        .map(|number| give(number, number % 2 == 0))
        .collect();
    for import in imports {
        import.await.unwrap().unwrap();
    }
    let rows =
        db.value("(select count(*) || ' ' || min(value) || ' ' || max(value) from raw_vitals)");
    let rows = rows.replace(".0", "");
    assert_eq!(rows, "50 8 8");
}

async fn what_a_source_takes_back_is_deleted<S: Store>(db: &Database, store: S) {
    let row = |user, id| with_id(at_ten(user, DAY), id);
    folded(&store, [row(1, "a"), row(1, "b"), row(2, "a")]).await;
    let back = |id: &str| Resources {
        versions: vec![ResourceVersion {
            user_id: Some(1),
            retracted: true,
            ..version(id, 1)
        }],
        ..Resources::default()
    };
    // Rows that were stored before versions were kept.
    let retracted = async |id| store.store_versions(back(id)).await.unwrap().retracted;
    assert_eq!((retracted("a").await, retracted("a").await), (1, 0));
    assert_eq!(changes(db), ["1 2026-01-05 delete 0"]);
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "raw_vitals"), 2);
    assert_eq!(
        count(
            db,
            "vitals_aggregates where period = 'day' and user_id = 1 and \"count\" = 1"
        ),
        1
    );
}
