//! What people look at.

use vitalfold::domain::labs::{LabResult, Labs};
use vitalfold::domain::nutrition::{Nutrition, NutritionEntry};
use vitalfold::domain::{Domain, GroupKey, NewRow};
use vitalfold::store::{DomainStatus, ErrorClass, Store};

use super::{
    DAY, HOUR, at_ten, count, deadly, failure, fold, folded, give, group, heart_rate, listed, time,
};
use crate::database::Database;

on_both! {
    the_status_counts_what_waits_what_failed_and_what_is_rejected,
    a_view_tells_the_state_of_each_raw_row,
    the_views_of_labs_and_nutrition_tell_it_too,
    users_and_their_series_are_listed,
}

async fn the_status_counts_what_waits_what_failed_and_what_is_rejected<S: Store>(
    _: &Database,
    store: S,
) {
    let mut bad = at_ten(1, DAY);
    bad.payload.metric = "no_such_metric".into();
    folded(&store, [bad, at_ten(1, "2026-01-06")]).await;
    give(&store, [2, 3, 4].map(|user| at_ten(user, DAY))).await;
    give(&store, [heart_rate(2, "2026-01-05T11:00:00Z", 61.0)]).await;
    let later = failure(ErrorClass::Data, HOUR);
    store.mark_failed(group(3, DAY), &later).await.unwrap();
    store.mark_failed(group(4, DAY), &deadly()).await.unwrap();
    let status = store.status(&[Domain::Labs, Domain::Vitals]).await.unwrap();
    let [labs, vitals] = &status.domains[..] else {
        panic!("{status:?}");
    };
    assert_eq!((labs.domain, vitals.domain), (Domain::Labs, Domain::Vitals));
    assert_eq!(
        (
            vitals.pending_rows,
            vitals.failed_rows,
            vitals.rejected_rows
        ),
        (2, 2, 1)
    );
    let groups = |of: &DomainStatus| (of.pending_groups, of.waiting_groups, of.dead_groups);
    assert_eq!(groups(vitals), (1, 1, 1));
    assert!(matches!(vitals.oldest_pending_seconds, Some(0..=600)));
    assert_eq!((labs.pending_rows, groups(labs)), (0, (0, 0, 0)));
    assert_eq!(labs.oldest_pending_seconds, None);
}

async fn a_view_tells_the_state_of_each_raw_row<S: Store>(db: &Database, store: S) {
    let mut bad = heart_rate(1, "2026-01-05T11:00:00Z", 66.0);
    bad.payload.unit = Some("furlong".into());
    folded(
        &store,
        [at_ten(1, DAY), bad, at_ten(2, DAY), at_ten(3, DAY)],
    )
    .await;
    give(
        &store,
        [2, 3].map(|user| heart_rate(user, "2026-01-05T11:00:00Z", 61.0)),
    )
    .await;
    store.mark_failed(group(3, DAY), &deadly()).await.unwrap();
    let states = || {
        let line = "user_id || ' ' || state || ' ' || coalesce(substr(reason, 1, 6), '-')";
        let from = "raw_vitals_states where local_date = '2026-01-05' order by user_id, started_at";
        listed(db, line, from)
    };
    assert_eq!(
        states(),
        [
            "1 completed -",
            "1 rejected unit_u",
            // A group is folded as a whole.
            "2 pending -",
            "2 pending -",
            "3 failed forced",
            "3 failed forced",
        ]
    );
    // What is rejected is so whatever becomes of its group.
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 61.0)]).await;
    assert_eq!(
        states()[..3],
        ["1 pending -", "1 rejected unit_u", "1 pending -"]
    );
    store.mark_failed(group(1, DAY), &deadly()).await.unwrap();
    assert_eq!(
        states()[..3],
        ["1 failed forced", "1 rejected unit_u", "1 failed forced"]
    );
    // It has all that the table has.
    let columns = match db {
        Database::Postgres { .. } => {
            "(select count(*) from information_schema.columns t where table_name = 'raw_vitals' \
               and not exists (select from information_schema.columns v \
                 where v.table_name = 'raw_vitals_states' and v.column_name = t.column_name))"
        }
        Database::Sqlite { .. } => {
            "(select count(*) from pragma_table_info('raw_vitals') \
              where name not in (select name from pragma_table_info('raw_vitals_states')))"
        }
    };
    assert_eq!(db.value(columns), "0");
}

async fn the_views_of_labs_and_nutrition_tell_it_too<S: Store>(db: &Database, store: S) {
    fn row<P>(payload: P) -> NewRow<P> {
        NewRow {
            user_id: 1,
            utc_offset_minutes: -300,
            source: "test".into(),
            source_id: None,
            device: None,
            note: None,
            payload,
        }
    }
    let lab = |value: Option<&str>| {
        row(LabResult {
            code: Some("2823-3".into()),
            name: "Potassium".into(),
            category: None,
            value: value.map(str::to_owned),
            unit: Some("mmol/L".into()),
            reference_range: None,
            interpretation: None,
            collected_at: time("2026-01-06T03:00:00Z"),
        })
    };
    let meal = |unit: &str| {
        row(NutritionEntry {
            nutrient: "protein".into(),
            amount: Some(10.0),
            unit: Some(unit.into()),
            meal: None,
            eaten_at: time("2026-01-06T03:00:00Z"),
        })
    };
    let labs = vec![lab(Some("5.4")), lab(Some("5.5"))];
    store.insert_raw::<Labs>(labs).await.unwrap();
    let meals = vec![meal("g"), meal("furlong")];
    store.insert_raw::<Nutrition>(meals).await.unwrap();
    for domain in [Domain::Labs, Domain::Nutrition] {
        let states = || {
            let view = format!("raw_{}_states order by id", domain.name());
            listed(db, "local_date || ' ' || state", &view)
        };
        assert_eq!(states(), ["2026-01-05 pending", "2026-01-05 pending"]);
        let key = GroupKey {
            domain,
            ..group(1, DAY)
        };
        store.fold(key).await.unwrap();
        let second = match domain {
            Domain::Nutrition => "2026-01-05 rejected",
            _ => "2026-01-05 completed",
        };
        assert_eq!(states(), ["2026-01-05 completed", second]);
    }
}

async fn users_and_their_series_are_listed<S: Store>(db: &Database, store: S) {
    give(&store, [3, -7, 5].map(|user| at_ten(user, "2026-03-02"))).await;
    give(&store, [heart_rate(5, "2026-03-09T10:00:00Z", 61.0)]).await;
    for (user, day) in [
        (3, "2026-03-02"),
        (-7, "2026-03-02"),
        (5, "2026-03-02"),
        (5, "2026-03-09"),
    ] {
        fold(&store, user, day).await;
    }
    assert_eq!(count(db, "vitals_aggregates where period = 'day'"), 4);
    let users = async |after, limit| store.users(Domain::Vitals, after, limit).await.unwrap();
    assert_eq!(users(i64::MIN, 10).await, [-7, 3, 5]);
    assert_eq!(users(-7, 1).await, [3]);
    assert!(users(5, 10).await.is_empty());
    let series = store.series(Domain::Vitals, 5, 10).await.unwrap();
    assert_eq!(
        serde_json::json!(series),
        serde_json::json!([{
            "series": "heart_rate", "label": "heart_rate", "unit": "/min", "days": 2,
            "first_date": "2026-03-02", "last_date": "2026-03-09",
        }])
    );
    assert!(store.series(Domain::Labs, 5, 10).await.unwrap().is_empty());
}
