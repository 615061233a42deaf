//! Writing what a fold gave.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use super::super::rows::{self, StoredKey, json, time_text};
use super::super::texts::of_domain;
use crate::domain::group::GroupFold;
use crate::domain::{AggregateKey, Columns, Fold, GroupKey};
use crate::store::rejections::Rejections;
use crate::store::sql::{aggregate_key, flat, list, measure_columns};
use crate::store::stored_group::{Changes, Folded};

pub(super) fn write<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    folded: Folded<F>,
    changes: &Changes,
) -> QueryResult<()> {
    delete_vanished::<F>(connection, key, &folded.fold)?;
    upsert::<F>(connection, key, folded.fold)?;
    reject(connection, key, folded.rejections)?;
    diesel::sql_query(flat(include_str!("../sql/delete_changes.sql")))
        .bind::<Text, _>(json(&changes.ids))
        .execute(connection)?;
    if changes.failure.is_some() {
        let text = of_domain(include_str!("../sql/forget_failure.sql"), key.domain);
        diesel::sql_query(text)
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(key.local_date.to_string())
            .execute(connection)?;
    }
    Ok(())
}

fn delete_vanished<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    folded: &GroupFold<F::Measure>,
) -> QueryResult<()> {
    let kept: HashSet<&AggregateKey> = folded.aggregates.iter().map(|row| &row.key).collect();
    let stored = of_domain(include_str!("../sql/period_rows.sql"), F::DOMAIN).replace("{more}", "");
    let delete = of_domain(include_str!("../sql/delete_aggregate.sql"), F::DOMAIN);
    for (period, first) in &folded.periods {
        let stored: Vec<StoredKey> = diesel::sql_query(stored.clone())
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(period.name())
            .bind::<Text, _>(first.to_string())
            .load(connection)?;
        for StoredKey(vanished) in stored {
            if kept.contains(&vanished) {
                continue;
            }
            diesel::sql_query(delete.clone())
                .bind::<BigInt, _>(key.user_id)
                .bind::<Text, _>(vanished.period.name())
                .bind::<Text, _>(vanished.local_date.to_string())
                .bind::<Text, _>(time_text(vanished.period_start))
                .bind::<Text, _>(vanished.series)
                .bind::<Text, _>(vanished.unit)
                .execute(connection)?;
        }
    }
    Ok(())
}

fn upsert<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    folded: GroupFold<F::Measure>,
) -> QueryResult<()> {
    let names = measure_columns::<F>();
    let each = |of: fn(&String) -> String| names.iter().map(of).collect::<Vec<_>>();
    let set = each(|name| format!("{name} = excluded.{name}"));
    let changed = each(|name| format!("a.{name} is not excluded.{name}"));
    let text = of_domain(include_str!("../sql/write_aggregate.sql"), F::DOMAIN)
        .replace("{identity}", &aggregate_key::<F>())
        .replace("{columns}", &list("", &names))
        .replace("{values}", &rows::placeholders(7 + names.len()))
        .replace("{set}", &set.join(", "))
        .replace("{changed}", &changed.join(" or "));
    for row in folded.aggregates {
        let statement = diesel::sql_query(text.clone())
            .into_boxed()
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(row.key.period.name())
            .bind::<Text, _>(row.key.local_date.to_string())
            .bind::<Text, _>(time_text(row.key.period_start))
            .bind::<Text, _>(row.key.series)
            .bind::<Text, _>(row.key.unit)
            .bind::<Integer, _>(F::ALGORITHM_VERSION);
        rows::bind_values(statement, F::Measure::COLUMNS, row.measure.into_values())
            .execute(connection)?;
    }
    Ok(())
}

fn reject(
    connection: &mut SqliteConnection,
    key: GroupKey,
    rejections: Rejections,
) -> QueryResult<()> {
    let text = of_domain(include_str!("../sql/reject.sql"), key.domain);
    for line in rejections.written {
        diesel::sql_query(text.clone())
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(key.local_date.to_string())
            .bind::<Text, _>(line.row_id.to_string())
            .bind::<Text, _>(line.reason)
            .bind::<Bool, _>(line.poison)
            .execute(connection)?;
    }
    if rejections.deleted.is_empty() {
        return Ok(());
    }
    diesel::sql_query(of_domain(include_str!("../sql/accept.sql"), key.domain))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string())
        .bind::<Text, _>(json(&rejections.deleted))
        .execute(connection)
        .map(|_| ())
}
