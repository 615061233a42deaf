//! `vitalfold demo`

use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::{Exit, aggregates, open, output};
use crate::config::Config;
use crate::domain::labs::Labs;
use crate::domain::vitals::Vitals;
use crate::domain::{Domain, Fold, Period};
use crate::sample::Person;
use crate::store::{AggregateQuery, Inserted, RawRows, View};
use crate::with_store;
use crate::worker::Engine;
use crate::worker::scheduler::{self, Mode};

/// Its own file: sample rows never mix with a user's own.
const URL: &str = "sqlite://vitalfold-demo.db";

// Safety: the second of March exists.
const FROM: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();

/// Two weeks of two people, one of them 5 hours 45 minutes east of UTC.
fn people() -> [Person; 2] {
    [(1, -300, 11), (2, 345, 12)].map(|(user_id, utc_offset_minutes, seed)| Person {
        user_id,
        utc_offset_minutes,
        from: FROM,
        days: 14,
        seed,
    })
}

pub async fn run(mut config: Config) -> anyhow::Result<Exit> {
    URL.clone_into(&mut config.database.url);
    let any = open::for_folding(&config, "demo").await?;
    with_store!(any, store => {
        let mut inserted = Inserted::default();
        for person in people() {
            inserted.add(store.insert_raw::<Vitals>(person.vitals()).await?);
            inserted.add(store.insert_raw::<Labs>(person.labs()).await?);
        }
        let mode = Mode {
            name: "demo",
            settle: std::time::Duration::ZERO,
            until_idle: true,
            budget: None,
            within: None,
        };
        let engine =
            Engine::new(store.clone(), &config, mode.name, CancellationToken::new());
        let report = scheduler::run(&engine, Domain::ALL, &mode, |_| {}).await?;
        let days = daily::<Vitals, _>(&store, &["sleep", "steps", "heart_rate"]).await?;
        let labs = daily::<Labs, _>(&store, &[]).await?;
        output::print(&format!(
            "Raw rows: {} new, {} stored already. Groups folded: {}.\n\n\
             The last days of user 1:\n{days}\n\nLaboratory results of user 1:\n{labs}\n\n\
             The data is in ./vitalfold-demo.db. Try next:\n\
             \x20 export DATABASE_URL={URL}\n\
             \x20 vitalfold aggregates vitals --user 2 --period week\n\
             \x20 vitalfold aggregates vitals --user 1 --metric heart_rate --period hour --format csv\n\
             \x20 vitalfold status\n\
             \x20 vitalfold worker    # and open http://{listen}/#person in a browser\n\
             (`cargo run --release --` stands for `vitalfold` until `cargo install --path .`)",
            inserted.inserted, inserted.duplicate, report.groups_ok, listen = config.http.listen,
        ))?;
        Ok(Exit::Done)
    })
}

/// The latest days of user 1 of the series named, or of all.
async fn daily<F: Fold, S: View>(store: &S, series: &[&str]) -> anyhow::Result<String> {
    let query = AggregateQuery {
        user_id: 1,
        series: None,
        period: Period::Day,
        from: (!series.is_empty()).then_some(FROM + chrono::Days::new(11)),
        to: None,
    };
    let mut rows = store.aggregates::<F>(&query).await?;
    rows.retain(|row| series.is_empty() || series.contains(&row.key.series.as_str()));
    Ok(aggregates::as_table::<F>(rows))
}
