//! What the page reads.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use chrono::{NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::problem::{self, Problem};
use crate::domain::{Aggregate, Domain, Fold, Period, UserId, json as as_json};
use crate::store::{AggregateQuery, ErrorClass, FailedFilter, Store, StoreError};
use crate::with_domain;

/// Groups shown of each domain.
const FAILED: usize = 50;
const USERS: i64 = 100;
const SERIES: i64 = 500;

type Answer = Result<Json<Value>, Problem>;

/// Everything that the first view shows; from memory.
pub(super) async fn overview<S: Store>(State(app): State<Arc<App<S>>>) -> Json<Value> {
    let pool = app.store.pool_stats();
    let reading = app.monitor.reading();
    let token = !app.config.token.is_empty();
    let loopback = app.config.listen.ip().is_loopback();
    Json(json!({
        // Only where the page's charts end.
        "now": Utc::now(),
        "version": env!("CARGO_PKG_VERSION"),
        "worker": &*app.worker,
        "stopping": app.stopping.is_cancelled(),
        "actions": token,
        "people": match (token, loopback) {
            (true, _) => "token",
            (false, true) => "open",
            (false, false) => "closed",
        },
        "breaker_open": app.breaker.is_open(),
        "seconds_since_progress": app.progress.age().as_secs(),
        "pool": {
            "status": pool.status().name(),
            "usage_percent": pool.usage_percent(),
            "in_use": pool.checked_out,
            "available": pool.available,
            "waiting": pool.waiting,
            "size": pool.size,
            "max": pool.max,
        },
        "trouble": reading.trouble(),
        "read_seconds_ago": reading.read_at.map(|at| at.elapsed().as_secs()),
        "status": reading.status,
        "history": reading.history,
        "samples": reading.samples,
    }))
}

/// Groups whose last attempt failed, dead ones and those that wait.
pub(super) async fn failed<S: Store>(State(app): State<Arc<App<S>>>) -> Answer {
    let (store, domains) = (app.store.clone(), app.domains.clone());
    let groups = app.reads.run(async move {
        let filter = FailedFilter::default();
        let mut groups = Vec::new();
        for domain in domains {
            for group in store.failed_groups(domain, &filter, None, FAILED).await? {
                let mut object = json!(group);
                object["domain"] = domain.name().into();
                // JavaScript rounds large numbers.
                object["user_id"] = group.user_id.to_string().into();
                groups.push(object);
            }
        }
        Ok(groups)
    });
    Ok(Json(json!({"groups": groups.await?, "per_domain": FAILED})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<UserId>,
}

/// Users who have aggregates in any domain.
pub(super) async fn users<S: Store>(
    State(app): State<Arc<App<S>>>,
    query: Result<Query<After>, QueryRejection>,
) -> Answer {
    let Query(query) = query.map_err(Problem::bad_request)?;
    let after = query.after.unwrap_or(UserId::MIN);
    let store = app.store.clone();
    let users = app.reads.run(async move {
        let mut users = Vec::new();
        for &domain in Domain::ALL {
            users.extend(store.users(domain, after, USERS).await?);
        }
        users.sort_unstable();
        users.dedup();
        users.truncate(usize::try_from(USERS).unwrap_or(usize::MAX));
        Ok(users)
    });
    let users: Vec<_> = users.await?.iter().map(UserId::to_string).collect();
    Ok(Json(
        json!({"users": users, "more": users.len() as i64 == USERS}),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfUser {
    user: UserId,
}

/// What there is of one user: series, their dates, the periods they come in.
pub(super) async fn series<S: Store>(
    State(app): State<Arc<App<S>>>,
    query: Result<Query<OfUser>, QueryRejection>,
) -> Answer {
    let Query(OfUser { user }) = query.map_err(Problem::bad_request)?;
    let store = app.store.clone();
    let domains = app.reads.run(async move {
        let mut domains = Vec::new();
        for &domain in Domain::ALL {
            let series = store.series(domain, user, SERIES).await?;
            let periods = with_domain!(domain, F => F::PERIODS);
            domains.push(json!({"domain": domain, "periods": periods, "series": series}));
        }
        Ok(domains)
    });
    Ok(Json(json!({"domains": domains.await?})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    user: UserId,
    series: String,
    period: Period,
    /// First and last local date, inclusive.
    #[serde(deserialize_with = "problem::date")]
    from: NaiveDate,
    #[serde(deserialize_with = "problem::date")]
    to: NaiveDate,
}

/// Days that one answer covers at most: a few hundred rows of each period.
fn longest(period: Period) -> i64 {
    match period {
        Period::Hour => 14,
        Period::Day => 400,
        Period::Week => 400 * 7,
        Period::Month | Period::Quarter | Period::Year => 400 * 31,
    }
}

/// One series of one user over a range of dates.
pub(super) async fn aggregates<S: Store>(
    State(app): State<Arc<App<S>>>,
    domain: Result<Path<Domain>, PathRejection>,
    query: Result<Query<Range>, QueryRejection>,
) -> Answer {
    let Path(domain) = domain.map_err(Problem::bad_request)?;
    let Query(range) = query.map_err(Problem::bad_request)?;
    if range.series.contains('\0') {
        return Err(Problem::bad_request("`series` holds a NUL character"));
    }
    if range.from > range.to {
        return Err(Problem::bad_request("`from` is after `to`"));
    }
    let days = longest(range.period);
    if (range.to - range.from).num_days() >= days {
        let period = range.period;
        let error = format!("`from` to `to` are more than {days} days, too many by {period}");
        return Err(Problem::bad_request(error));
    }
    let store = app.store.clone();
    let rows = app
        .reads
        .run(async move { with_domain!(domain, F => read::<F, S>(&store, range).await) });
    Ok(Json(json!({"rows": rows.await?})))
}

async fn read<F: Fold, S: Store>(store: &S, range: Range) -> crate::store::Result<Vec<Value>> {
    let query = AggregateQuery {
        user_id: range.user,
        series: Some(range.series),
        period: range.period,
        from: Some(range.from),
        to: Some(range.to),
    };
    let rows = store.aggregates::<F>(&query).await?.into_iter();
    let object = |row: Aggregate<F::Measure>| {
        as_json::aggregate::<F>(row)
            .map(Value::Object)
            .map_err(|error| {
                StoreError::new(ErrorClass::Data, "read aggregates", error.to_string())
            })
    };
    rows.map(object).collect()
}
