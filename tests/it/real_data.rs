//! Third-party data, folded end to end. Skipped where it is absent.

use std::collections::BTreeMap;

use vitalfold::domain::labs::Labs;
use vitalfold::domain::vitals::Vitals;
use vitalfold::domain::{Aggregate, Fold, Period};
use vitalfold::store::{AggregateQuery, Store};
use vitalfold::with_store;

use crate::database::Database;
use crate::program::{Program, shared_data};

/// What `StepCount.csv` implies, day by day.
fn steps_by_day(csv: &str) -> BTreeMap<String, f64> {
    let mut days = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for record in reader.records() {
        let record = record.unwrap();
        *days.entry(record[6][..10].to_owned()).or_default() += record[8].parse::<f64>().unwrap();
    }
    days
}

#[test]
fn apple_health_gives_the_daily_steps_of_its_csv() {
    let Some(export) = shared_data("apple-health/tdda/export6s3sample.xml") else {
        return;
    };
    let csv = std::fs::read_to_string(shared_data("apple-health/tdda/StepCount.csv").unwrap());
    let program = Program::on_sqlite();
    program.ok(&[
        "import",
        "apple-health",
        "--user",
        "7",
        export.to_str().unwrap(),
    ]);
    program.ok(&["run-once"]);
    let shown = program.ok(&[
        "aggregates",
        "vitals",
        "--user",
        "7",
        "--metric",
        "steps",
        "--json",
    ]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&shown).unwrap();
    let folded: BTreeMap<_, _> = rows
        .iter()
        .map(|row| {
            (
                row["local_date"].as_str().unwrap().to_owned(),
                row["total"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(folded, steps_by_day(&csv.unwrap()));
}

/// Imports and folds the whole set; the summary lines of both.
fn fold_synthea(db: &Database) -> Option<()> {
    let file = shared_data("synthea-r4-smart/Observation.ndjson")?;
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    let import = ["import", "fhir", "--json", file.to_str().unwrap()];
    let summary: serde_json::Value = serde_json::from_str(&program.ok(&import)).unwrap();
    assert_eq!(summary["read"], 15_659);
    assert_eq!(summary["inserted"], 15_631);
    assert_eq!(
        summary["skipped"],
        serde_json::json!({
            "category survey": 869, "category procedure": 48, "category social-history": 36,
            "category exam": 26, "category imaging": 12,
        })
    );
    program.ok(&["run-once"]);
    let again: serde_json::Value = serde_json::from_str(&program.ok(&import)).unwrap();
    assert_eq!(
        (&again["inserted"], &again["duplicate"]),
        (&0.into(), &15_631.into())
    );
    assert_eq!(program.ok(&["run-once"]), "nothing to do\n");
    Some(())
}

async fn everything<F: Fold, S: Store>(store: &S) -> Vec<(i64, Aggregate<F::Measure>)> {
    let mut all = Vec::new();
    for user_id in 1..=106 {
        for &period in F::PERIODS {
            let query = AggregateQuery {
                user_id,
                series: None,
                period,
                from: None,
                to: None,
            };
            let rows = store.aggregates::<F>(&query).await.unwrap();
            all.extend(rows.into_iter().map(|row| (user_id, row)));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospitals_observations_fold_to_the_same_on_both_backends() {
    let (postgres, sqlite) = (Database::postgres(), Database::sqlite());
    if fold_synthea(&postgres).is_none() {
        return;
    }
    fold_synthea(&sqlite);
    for db in [&postgres, &sqlite] {
        let number = |expression: &str| db.value(expression).parse::<u64>().unwrap();
        let rejected = number("(select count(*) from raw_vitals_states where state = 'rejected')")
            + number("(select count(*) from raw_labs_states where state = 'rejected')");
        assert!(rejected * 50 <= 15_631, "{rejected} of 15,631 rejected");
        let counted = number("(select sum(\"count\") from vitals_daily)")
            + number("(select sum(\"count\" + no_result_count) from labs_daily)");
        assert_eq!(counted + rejected, 15_631);
        let without_unit =
            "(select count(*) from raw_vitals_states where reason like 'unit_missing%')";
        assert_eq!(
            number(without_unit),
            194,
            "97 blood pressures came without a unit"
        );
    }
    agrees_with_a_group_by(&postgres);
    with_store!(postgres.store().await, one => with_store!(sqlite.store().await, other => {
        let (a, b) = (everything::<Vitals, _>(&one).await, everything::<Vitals, _>(&other).await);
        assert!(a.len() > 5000 && a == b, "vitals differ");
        let (a, b) = (everything::<Labs, _>(&one).await, everything::<Labs, _>(&other).await);
        assert!(a.len() > 5000 && a == b, "labs differ");
    }));
}

/// A `group by` over the raw rows, which knows nothing of the folds but the
/// names of metrics.
fn agrees_with_a_group_by(db: &Database) {
    for (period, unit) in [
        (Period::Day, "day"),
        (Period::Week, "week"),
        (Period::Month, "month"),
    ] {
        let differences = db.value(&format!(
            "(with names (code, metric) as (values \
                ('8302-2', 'body_height'), ('29463-7', 'body_weight'), \
                ('39156-5', 'body_mass_index'), ('8331-1', 'body_temperature'), \
                ('8480-6', 'systolic_blood_pressure'), ('8462-4', 'diastolic_blood_pressure')), \
              raw as (select user_id, coalesce(n.metric, r.metric) as metric, \
                  date_trunc('{unit}', local_date)::date as local_date, count(*) as n, \
                  avg(value) as mean, min(value) as low, max(value) as high \
                from raw_vitals_states r left join names n on n.code = r.metric \
                where state = 'completed' group by 1, 2, 3), \
              folded as (select * from vitals_aggregates where period = '{period}') \
            select count(*) from raw full join folded f using (user_id, metric, local_date) \
            where f.count is distinct from raw.n or f.min is distinct from raw.low \
              or f.max is distinct from raw.high \
              or abs(f.mean - raw.mean) > 1e-9 * greatest(1, abs(raw.mean)))"
        ));
        assert_eq!(differences, "0", "{period}");
    }
    let lab_differences = db.value(
        "(with raw as (select user_id, code, local_date, count(*) as n from raw_labs_states \
            where state = 'completed' group by 1, 2, 3), \
          folded as (select user_id, code, local_date, sum(count + no_result_count) as n from labs_daily group by 1, 2, 3) \
        select count(*) from raw full join folded f using (user_id, code, local_date) \
        where f.n is distinct from raw.n)",
    );
    assert_eq!(lab_differences, "0");
}
