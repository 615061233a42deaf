//! The third domain, on both backends and from the command line.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use vitalfold::domain::group::fold_group;
use vitalfold::domain::nutrition::{Nutrition, NutritionEntry, registry};
use vitalfold::domain::units::convert;
use vitalfold::domain::{Aggregate, Domain, Fold, FoldRules, GroupKey, NewRow, Period, RawRow};
use vitalfold::store::{
    AggregateQuery, GroupFilter, GroupOutcome, Inserted, KnownGroup, Mark, Pull, PulledGroup,
    Store, Which,
};

use crate::database::Database;
use crate::program::{Program, shared_data};
use crate::states::UNSETTLED;

on_both! {
    stored_days_fold_to_the_same_bits_as_those_in_memory,
    a_diary_entry_sent_twice_by_its_source_id_is_stored_once,
    a_correction_and_an_edit_mark_their_groups,
    a_rejected_entry_keeps_its_reason_and_spoils_nothing,
    an_emptied_day_leaves_nothing_behind,
    the_worker_and_the_backfill_find_nutrition,
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// An entry of user 1 at a local time five hours behind UTC.
fn entry(at: &str, nutrient: &str, amount: f64, unit: &str, meal: &str) -> NewRow<NutritionEntry> {
    let local: DateTime<Utc> = format!("{at}Z").parse().unwrap();
    NewRow {
        user_id: 1,
        utc_offset_minutes: -300,
        source: "diary".into(),
        source_id: None,
        device: None,
        note: None,
        payload: NutritionEntry {
            nutrient: nutrient.into(),
            amount: Some(amount),
            unit: Some(unit.into()),
            meal: (!meal.is_empty()).then(|| meal.into()),
            eaten_at: local + chrono::TimeDelta::hours(5),
        },
    }
}

fn raw(id: usize, row: &NewRow<NutritionEntry>) -> RawRow<NutritionEntry> {
    RawRow {
        id: id.try_into().unwrap(),
        utc_offset_minutes: row.utc_offset_minutes,
        source: row.source.clone(),
        device: None,
        note: None,
        payload: row.payload.clone(),
    }
}

async fn rows_of<S: Store>(
    store: &S,
    period: Period,
) -> Vec<Aggregate<<Nutrition as Fold>::Measure>> {
    let query = AggregateQuery {
        user_id: 1,
        series: None,
        period,
        from: None,
        to: None,
    };
    store.aggregates::<Nutrition>(&query).await.unwrap()
}

fn key(day: &str) -> GroupKey {
    GroupKey {
        domain: Domain::Nutrition,
        user_id: 1,
        local_date: date(day),
    }
}

async fn fold<S: Store>(store: &S, day: &str) -> GroupOutcome {
    store.fold(key(day)).await.unwrap()
}

async fn pulled<S: Store>(store: &S) -> Vec<PulledGroup> {
    let pull = Pull {
        domain: Domain::Nutrition,
        after: 0,
        limit: 10,
        settle: Duration::ZERO,
        within: GroupFilter::default(),
    };
    store.pull(&pull).await.unwrap().groups
}

/// The days that have changes.
async fn changed<S: Store>(store: &S) -> Vec<String> {
    let groups = pulled(store).await.into_iter();
    groups
        .map(|group| group.key.local_date.to_string())
        .collect()
}

/// Amounts whose digits databases like to change, and whose sums are not exact.
const AMOUNTS: [f64; 10] = [
    1e-7,
    5e-324,
    0.1,
    0.2,
    0.3,
    1.0 / 3.0,
    -0.0,
    1e21,
    123_456_789.123_456_78,
    9_007_199_254_740_993.0,
];

async fn stored_days_fold_to_the_same_bits_as_those_in_memory<S: Store>(db: &Database, store: S) {
    // A LOINC code outside the registry has no limit.
    let diary = |day: &str| {
        let entries = AMOUNTS.iter().enumerate().map(|(hour, amount)| {
            let at = format!("{day}T{:02}:30:00", hour + 10);
            entry(
                &at,
                "72514-3",
                *amount,
                "g",
                ["Lunch", "dinner", ""][hour % 3],
            )
        });
        entries.collect::<Vec<_>>()
    };
    let rules = FoldRules::default();
    let mut days: Vec<Aggregate<_>> = Vec::new();
    let mut last = Vec::new();
    for day in ["2026-01-05", "2026-01-06", "2026-01-07"] {
        let entries = diary(day);
        let rows: Vec<_> = entries.iter().enumerate().map(|(i, e)| raw(i, e)).collect();
        let folded = fold_group::<Nutrition>(date(day), &rows, days.clone(), &rules);
        let is_day = |row: &&Aggregate<_>| row.key.period == Period::Day;
        days.extend(folded.aggregates.iter().filter(is_day).cloned());
        last = folded.aggregates;
        store.insert_raw::<Nutrition>(entries).await.unwrap();
        let expected = GroupOutcome::Folded {
            completed: 10,
            rejected: 0,
        };
        assert_eq!(fold(&store, day).await, expected);
    }
    let stored = rows_of(&store, Period::Day).await;
    assert_eq!(format!("{stored:?}"), format!("{days:?}"));
    for period in [Period::Week, Period::Month] {
        let stored = rows_of(&store, period).await;
        last.retain(|row| row.key.period != Period::Day);
        let folded: Vec<_> = last.iter().filter(|row| row.key.period == period).collect();
        assert_eq!(format!("{stored:?}"), format!("{folded:?}"));
        let [row] = &stored[..] else {
            panic!("{stored:?}")
        };
        assert_eq!(row.measure.days_covered, Some(3));
        let meals: Vec<_> = row.measure.meals.keys().map(String::as_str).collect();
        assert_eq!(meals, ["dinner", "lunch", "unspecified"]);
    }
    for view in ["nutrition_daily", "nutrition_weekly", "nutrition_monthly"] {
        let rows = if view == "nutrition_daily" { "3" } else { "1" };
        assert_eq!(db.value(&format!("(select count(*) from {view})")), rows);
    }

    let written = "(select max(updated_at) from nutrition_aggregates)";
    let before = db.value(written);
    let known = KnownGroup {
        key: key("2026-01-06"),
        rows: 10,
    };
    store
        .mark(Domain::Nutrition, &[known], Mark::Refold)
        .await
        .unwrap();
    assert!(matches!(
        fold(&store, "2026-01-06").await,
        GroupOutcome::Folded { .. }
    ));
    assert_eq!(db.value(written), before, "what is the same is not written");
}

async fn a_diary_entry_sent_twice_by_its_source_id_is_stored_once<S: Store>(
    db: &Database,
    store: S,
) {
    let with_id = |mut row: NewRow<NutritionEntry>| {
        row.source_id = Some("n1".into());
        row
    };
    let apple = with_id(entry(
        "2026-01-05T12:00:00",
        "energy",
        95.0,
        "kcal",
        "snack",
    ));
    // The same record tells of another nutrient, or of another time.
    let fat = with_id(entry("2026-01-05T12:00:00", "fat", 1.0, "g", "snack"));
    let later = with_id(entry(
        "2026-01-05T12:00:01",
        "energy",
        95.0,
        "kcal",
        "snack",
    ));
    let sent = vec![apple.clone(), apple.clone(), fat, later];
    let inserted = store.insert_raw::<Nutrition>(sent.clone()).await.unwrap();
    let expected = |inserted, duplicate| Inserted {
        inserted,
        corrected: 0,
        duplicate,
    };
    assert_eq!(inserted, expected(3, 1));
    let again = store.insert_raw::<Nutrition>(sent).await.unwrap();
    assert_eq!(again, expected(0, 4));
    assert_eq!(db.value("(select count(*) from raw_nutrition)"), "3");
}

async fn a_correction_and_an_edit_mark_their_groups<S: Store>(db: &Database, store: S) {
    let with_id = |mut row: NewRow<NutritionEntry>| {
        row.source_id = Some("n1".into());
        row
    };
    let days = ["2026-01-05", "2026-01-06", "2026-01-07"];
    let lunch = with_id(entry("2026-01-05T12:00:00", "protein", 30.0, "g", "lunch"));
    // The same record gives another nutrient: another row.
    let fat = with_id(entry("2026-01-05T12:00:00", "fat", 10.0, "g", "lunch"));
    let others = days[1..]
        .iter()
        .map(|day| entry(&format!("{day}T12:00:00"), "protein", 30.0, "g", "lunch"));
    let rows = [lunch.clone(), fat].into_iter().chain(others).collect();
    store.insert_raw::<Nutrition>(rows).await.unwrap();
    for day in days {
        fold(&store, day).await;
    }
    assert_eq!(changed(&store).await, Vec::<String>::new());

    let mut corrected = lunch;
    corrected.payload.amount = Some(25.0);
    let sent = store
        .insert_raw::<Nutrition>(vec![corrected])
        .await
        .unwrap();
    assert_eq!((sent.inserted, sent.corrected), (0, 1));
    let on = |day: &str| format!("where eaten_at between '{day} 00:00' and '{day} 23:59'");
    db.execute(&format!(
        "update raw_nutrition set amount = amount {}",
        on("2026-01-06")
    ));
    assert_eq!(changed(&store).await, ["2026-01-05"]);
    db.execute(&format!(
        "update raw_nutrition set meal = 'dinner' {}",
        on("2026-01-06")
    ));
    db.execute(&format!("delete from raw_nutrition {}", on("2026-01-07")));
    assert_eq!(changed(&store).await, days);
    for day in days {
        fold(&store, day).await;
    }
    let rows = rows_of(&store, Period::Day).await;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let meals: Vec<_> = row.measure.meals.iter().collect();
            format!("{} {} {meals:?}", row.key.local_date, row.key.series)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2026-01-05 fat_total [(\"lunch\", 10.0)]",
            "2026-01-05 protein [(\"lunch\", 25.0)]",
            "2026-01-06 protein [(\"dinner\", 30.0)]",
        ]
    );
}

async fn a_rejected_entry_keeps_its_reason_and_spoils_nothing<S: Store>(db: &Database, store: S) {
    let rows = vec![
        entry("2026-01-05T08:00:00", "vitamin_a", 10.0, "ug", ""),
        entry("2026-01-05T08:00:00", "vitamin_a", 400.0, "IU", ""),
        entry("2026-01-05T08:00:00", "vitamin_a", 77.25, "furlong", ""),
        entry("2026-01-05T08:00:00", "salt", 77.25, "g", ""),
    ];
    store.insert_raw::<Nutrition>(rows).await.unwrap();
    let expected = GroupOutcome::Folded {
        completed: 2,
        rejected: 2,
    };
    assert_eq!(fold(&store, "2026-01-05").await, expected);
    let rows = rows_of(&store, Period::Month).await;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                &*row.key.unit,
                row.measure.total,
                row.measure.rejected_count,
            )
        })
        .collect();
    assert_eq!(shown, [("[IU]", 400.0, 0), ("ug", 10.0, 1)]);
    for rule in ["unit_unknown: %", "nutrient_unknown: `salt`%"] {
        let found = format!(
            "(select count(*) from raw_nutrition_states where state = 'rejected' \
             and reason like '{rule}' and reason not like '%77%')"
        );
        assert_eq!(db.value(&found), "1", "{rule}");
    }
}

async fn an_emptied_day_leaves_nothing_behind<S: Store>(db: &Database, store: S) {
    let row = entry("2026-01-05T08:00:00", "water", 0.25, "L", "");
    store.insert_raw::<Nutrition>(vec![row]).await.unwrap();
    fold(&store, "2026-01-05").await;
    assert_eq!(rows_of(&store, Period::Week).await[0].measure.total, 250.0);
    db.execute("delete from raw_nutrition");
    fold(&store, "2026-01-05").await;
    for table in ["nutrition_aggregates", UNSETTLED] {
        assert_eq!(db.value(&format!("(select count(*) from {table})")), "0");
    }
}

async fn the_worker_and_the_backfill_find_nutrition<S: Store>(_: &Database, store: S) {
    let rows = ["2026-01-05", "2026-01-06"]
        .map(|day| entry(&format!("{day}T23:00:00"), "carbs", 12.0, "g", "supper"));
    store.insert_raw::<Nutrition>(rows.into()).await.unwrap();
    let users = store.pending_users(Domain::Nutrition).await.unwrap();
    assert_eq!(users, Some((1, 1)));
    let group = |day| PulledGroup {
        key: key(day),
        rows: 1,
    };
    assert_eq!(
        pulled(&store).await,
        [group("2026-01-05"), group("2026-01-06")]
    );
    let status = store.status(&[Domain::Nutrition]).await.unwrap();
    assert_eq!(status.domains[0].pending_rows, 2);

    fold(&store, "2026-01-05").await;
    fold(&store, "2026-01-06").await;
    let all = GroupFilter::default();
    let page = store
        .groups(Domain::Nutrition, &all, Which::All, None)
        .await;
    let page = page.unwrap();
    assert_eq!((page.groups.len(), page.next), (2, None));
    store
        .mark(Domain::Nutrition, &page.groups, Mark::Refold)
        .await
        .unwrap();
    assert_eq!(changed(&store).await, ["2026-01-05", "2026-01-06"]);
}

#[test]
fn a_food_diary_goes_from_file_to_table() {
    let program = Program::on_sqlite();
    let file = program.file(
        "diary.csv",
        "user_id,nutrient,amount,unit,meal,eaten_at\n\
         1,calories,500,kcal,Lunch,2026-01-05 12:00:00 +0100\n\
         1,Energy,836.8,kJ,dinner,2026-01-05 19:00:00 +0100\n\
         1,protein,30,g,lunch,2026-01-05 12:00:00 +0100\n",
    );
    program.ok(&["import", "csv", &file]);
    program.ok(&["run-once"]);
    let args = ["aggregates", "nutrition", "--user", "1", "--metric"];
    let week = ["Calories", "--period", "week", "--json"];
    let shown = program.ok(&[&args[..], &week].concat());
    let rows: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let [row] = &rows.as_array().unwrap()[..] else {
        panic!("{shown}")
    };
    assert_eq!(row["nutrient"], "energy");
    assert_eq!(row["local_date"], "2026-01-05");
    assert_eq!(row["total"].as_f64(), Some(700.0));
    assert_eq!(row["meals"]["lunch"].as_f64(), Some(500.0));
    assert_eq!(row["meals"]["dinner"].as_f64(), Some(200.0));
    let table = program.ok(&["aggregates", "nutrition", "--user", "1"]);
    assert!(
        table.contains("protein") && table.contains("MEALS"),
        "{table}"
    );
    program.ok(&["verify", "--all"]);
    let status = program.ok(&["status", "--json"]);
    assert!(status.contains("\"nutrition\""), "{status}");
}

#[test]
fn every_dietary_type_of_healthkit_is_a_nutrient() {
    let Some(map) = shared_data("loinc-maps/healthkit_to_loinc.csv") else {
        return;
    };
    let mut reader = csv::Reader::from_path(map).unwrap();
    let mut found = 0;
    for record in reader.records() {
        let record = record.unwrap();
        if !record[0].contains("Dietary") {
            continue;
        }
        found += 1;
        let nutrient = registry::lookup(&record[0]).unwrap_or_else(|| panic!("{}", &record[0]));
        assert!(
            convert(1.0, &record[4], nutrient.unit).is_ok(),
            "{}",
            &record[0]
        );
    }
    assert_eq!(found, 39);
}
