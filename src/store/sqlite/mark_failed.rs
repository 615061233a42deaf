//! The transaction that records a group's failure.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Text};

use super::rows::{self, NOW};
use crate::domain::{Fold, GroupKey};
use crate::store::{ErrorClass, Failure, GroupState};

#[derive(QueryableByName)]
struct MarkedState {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
}

pub(super) fn mark_failed<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    failure: &Failure,
) -> QueryResult<Option<GroupState>> {
    let blame = i64::from(failure.class != ErrorClass::Transient);
    let pause = |attempts: &str| {
        rows::now_plus(&format!(
            "(min(?6 * (1 << min({attempts}, 30)), ?7) * ?8) || ' seconds'"
        ))
    };
    let marked: Option<MarkedState> = diesel::sql_query(format!(
        "insert into aggregation_groups \
           (user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class) \
         values (?1, ?2, ?3, case when ?4 >= ?5 then 'dead' else 'due' end, ?4, {first}, ?9, ?10) \
         on conflict (user_id, domain, local_date) do update set \
           state = case when attempts + ?4 >= ?5 then 'dead' else 'due' end, \
           attempts = attempts + ?4, next_attempt_at = {next}, \
           error = excluded.error, error_class = excluded.error_class, updated_at = {NOW} \
         where state = 'due' and next_attempt_at <= {NOW} \
         returning state, attempts",
        first = pause("0"),
        next = pause("attempts"),
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(key.local_date.to_string())
    .bind::<BigInt, _>(blame)
    .bind::<BigInt, _>(i64::from(failure.max_attempts))
    .bind::<Double, _>(failure.backoff.as_secs_f64())
    .bind::<Double, _>(failure.max_backoff.as_secs_f64())
    .bind::<Double, _>(failure.jitter)
    .bind::<Text, _>(&failure.error)
    .bind::<Text, _>(failure.class.name())
    .get_result(connection)
    .optional()?;
    // Put off by now: another process tried it at the same time and recorded it.
    let Some(marked) = marked else {
        return Ok(None);
    };
    diesel::sql_query(format!(
        "update {table} set status = 'failed', error = ?, attempts = attempts + ? \
         where user_id = ? and local_date = ? and status in ('pending', 'failed')",
        table = F::RAW_TABLE,
    ))
    .bind::<Text, _>(&failure.error)
    .bind::<BigInt, _>(blame)
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(key.local_date.to_string())
    .execute(connection)?;
    diesel::sql_query(
        "insert into aggregation_errors \
           (user_id, domain, local_date, attempts, error_class, error, worker) \
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Text, _>(key.local_date.to_string())
    .bind::<BigInt, _>(marked.attempts)
    .bind::<Text, _>(failure.class.name())
    .bind::<Text, _>(&failure.error)
    .bind::<Text, _>(&failure.worker)
    .execute(connection)?;
    let attempts = u32::try_from(marked.attempts).unwrap_or(0);
    Ok(Some(match marked.state.as_str() {
        "dead" => GroupState::Dead { attempts },
        _ => GroupState::Due { attempts },
    }))
}
