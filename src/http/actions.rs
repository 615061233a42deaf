//! What the page changes. Every action is logged.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use chrono::NaiveDate;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tracing::info;

use super::App;
use super::problem::{self, Problem};
use crate::domain::{Domain, GroupKey, UserId};
use crate::store::Store;

type Answer = Result<Json<Value>, Problem>;

pub(super) async fn pause<S: Store>(State(app): State<Arc<App<S>>>) -> Answer {
    set_paused(&app, true).await
}

pub(super) async fn resume<S: Store>(State(app): State<Arc<App<S>>>) -> Answer {
    set_paused(&app, false).await
}

async fn set_paused<S: Store>(app: &App<S>, paused: bool) -> Answer {
    let store = app.store.clone();
    app.reads
        .run(async move { store.set_paused(paused).await })
        .await?;
    info!(
        paused,
        "{} on the page",
        if paused { "paused" } else { "resumed" }
    );
    app.monitor.wake();
    Ok(Json(json!({"paused": paused})))
}

/// One failed group.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    domain: Domain,
    #[serde(deserialize_with = "text")]
    user_id: UserId,
    #[serde(deserialize_with = "problem::date")]
    local_date: NaiveDate,
}

impl Group {
    fn key(self) -> GroupKey {
        GroupKey {
            domain: self.domain,
            user_id: self.user_id,
            local_date: self.local_date,
        }
    }
}

/// A number as text: JavaScript rounds large ones.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.parse();
    number.map_err(|_| serde::de::Error::custom("`user_id` is not a whole number"))
}

type Body = Result<Json<Group>, JsonRejection>;

pub(super) async fn retry<S: Store>(State(app): State<Arc<App<S>>>, body: Body) -> Answer {
    let Json(group) = body.map_err(Problem::bad_request)?;
    let store = app.store.clone();
    let key = group.key();
    let done = app.reads.run(async move { store.retry_failed(key).await });
    finish(&app, "retried", group, done.await?)
}

pub(super) async fn discard<S: Store>(State(app): State<Arc<App<S>>>, body: Body) -> Answer {
    let Json(group) = body.map_err(Problem::bad_request)?;
    let store = app.store.clone();
    let key = group.key();
    let done = app
        .reads
        .run(async move { store.discard_failed(key).await });
    finish(&app, "discarded", group, done.await?)
}

fn finish<S>(app: &App<S>, what: &str, group: Group, done: bool) -> Answer {
    if !done {
        return Err(Problem::not_found(
            "this group has not failed, or not any more",
        ));
    }
    info!(
        domain = %group.domain, user.id = group.user_id, date = %group.local_date,
        "group {what} on the page"
    );
    app.monitor.wake();
    Ok(Json(json!({"done": what})))
}
