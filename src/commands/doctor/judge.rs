//! From what was asked to what is right or wrong about it. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::finding::Finding;
use crate::config::PoolConfig;
use crate::store::postgres::UNICODE;
use crate::store::postgres::examine::{Server, Sessions, Tables};
use crate::store::postgres::locks::LockHolder;
use crate::store::{Result as StoreResult, RetentionStatus, Status, StoreError};

/// PostgreSQL 13, the oldest that the statements are written for.
const OLDEST_VERSION: i32 = 130_000;
/// Clocks that differ more make the history and the ages confusing.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);
/// Rows that wait this long wait for something other than their turn.
const LONG_WAIT: i64 = 15 * 60;

pub(super) fn connection(url: &str, error: &StoreError) -> Finding {
    Finding::error(
        "connection",
        format!("{url}: {}", error.message),
        "check that the server runs, database.url, the password and pg_hba.conf",
    )
}

pub(super) fn version(server: &Server) -> Finding {
    if server.version_number < OLDEST_VERSION {
        return Finding::error(
            "server version",
            format!("PostgreSQL {}", server.version),
            "upgrade the server to PostgreSQL 13 or later",
        );
    }
    Finding::ok("server version", format!("PostgreSQL {}", server.version))
}

pub(super) fn writable(server: &Server) -> Finding {
    if server.read_only {
        return Finding::error(
            "writable",
            "the server takes no writes: it is a standby, or default_transaction_read_only is on",
            "set database.url to the primary; `target_session_attrs=read-write` finds it among hosts",
        );
    }
    Finding::ok("writable", "yes")
}

pub(super) fn encoding(server: &Server) -> Finding {
    if server.encoding == UNICODE {
        return Finding::ok("encoding", UNICODE);
    }
    Finding::error(
        "encoding",
        format!("the database's encoding is {}", server.encoding),
        "create a database with encoding 'UTF8' template template0, and name it in database.url",
    )
}

/// Functions of the tables run with their owner's rights.
pub(super) fn owner(server: &Server) -> Finding {
    match &server.superuser_owner {
        None => Finding::ok("owner", "no superuser"),
        Some(owner) => Finding::warn(
            "owner",
            format!(
                "the tables belong to the superuser {}",
                owner.escape_debug()
            ),
            "give them to a role of their own: docs/operations.md, Roles",
        ),
    }
}

pub(super) fn locks(holders: &[LockHolder]) -> Vec<Finding> {
    let strangers: Vec<_> = holders.iter().filter(|holder| !holder.is_ours()).collect();
    if strangers.is_empty() {
        return vec![Finding::ok("advisory locks", "held by vitalfold alone")];
    }
    let finding = |holder: &LockHolder| {
        Finding::warn(
            "advisory locks",
            format!("{} wait for {}", holder.lock, holder.session()),
            "find out whose session it is; pg_terminate_backend(pid) ends it",
        )
    };
    strangers.into_iter().map(finding).collect()
}

pub(super) fn clock(
    server: DateTime<Utc>,
    asked: DateTime<Utc>,
    answered: DateTime<Utc>,
) -> Finding {
    // The server looked at its clock somewhere in between.
    let skew = if server < asked {
        asked - server
    } else if server > answered {
        server - answered
    } else {
        TimeDelta::zero()
    };
    if skew > CLOCK_TOLERANCE {
        return Finding::warn(
            "clock",
            format!(
                "this machine and the server differ by {} s",
                skew.num_seconds()
            ),
            "synchronise both with NTP; work is not affected, times in logs are",
        );
    }
    Finding::ok("clock", "agrees with the server's")
}

pub(super) fn room(pool: &PoolConfig, checked: StoreResult<()>) -> Finding {
    let most = pool.size + pool.max_overflow;
    match checked {
        Ok(()) => Finding::ok("connections", format!("the server has room for {most}")),
        Err(error) => Finding::error(
            "connections",
            error.message,
            "or put PgBouncer in session mode in between",
        ),
    }
}

pub(super) fn sessions(found: &Sessions, idle: Duration, long: Duration) -> Vec<Finding> {
    let time = humantime::format_duration;
    let seconds = |seconds: i64| {
        time(Duration::from_secs(
            u64::try_from(seconds).unwrap_or_default(),
        ))
    };
    let mut findings = vec![
        match found.idle {
            0 => Finding::ok(
                "idle in transaction",
                format!("none for longer than {}", time(idle)),
            ),
            count => Finding::warn(
                "idle in transaction",
                format!(
                    "{count} sessions, the longest for {}: they keep their locks",
                    seconds(found.longest_idle_seconds)
                ),
                "find them in pg_stat_activity; set idle_in_transaction_session_timeout for their role",
            ),
        },
        match found.pinning {
            0 => Finding::ok(
                "long transactions",
                format!("none for longer than {}", time(long)),
            ),
            count => Finding::warn(
                "long transactions",
                format!(
                    "{count}, the oldest for {}: vacuum cannot remove what the last {} transactions replaced",
                    seconds(found.longest_pinning_seconds),
                    found.xmin_age
                ),
                "find them in pg_stat_activity (backend_xmin) or pg_prepared_xacts and end them",
            ),
        },
    ];
    if found.hidden > 0 {
        findings.push(Finding::warn(
            "sessions seen",
            format!(
                "{} sessions of other roles could not be looked at",
                found.hidden
            ),
            "grant pg_read_all_stats to this role",
        ));
    }
    findings
}

pub(super) fn schema(pending: &[String]) -> Finding {
    if pending.is_empty() {
        return Finding::ok("schema", "up to date");
    }
    Finding::error(
        "schema",
        format!("migrations missing: {}", pending.join(", ")),
        "run `vitalfold migrate`",
    )
}

/// Of indexes and triggers: missing ones, invalid ones, disabled ones.
pub(super) fn objects(check: &'static str, broken: &[String]) -> Finding {
    if broken.is_empty() {
        return Finding::ok(check, "all there");
    }
    let advice = match check {
        "indexes" => {
            "`reindex index concurrently` an invalid one; create a missing one again as in migrations/"
        }
        _ => "create them again as in migrations/, then `vitalfold backfill` marks what was missed",
    };
    Finding::error(
        check,
        format!("missing, invalid or disabled: {}", broken.join(", ")),
        advice,
    )
}

/// What would hide a change or a row from a worker.
pub(super) fn tables(found: &Tables) -> [Finding; 3] {
    let judge = |check, fine: &str, trouble: &str, tables: &[String], advice: &str| match tables {
        [] => Finding::ok(check, fine),
        _ => Finding::error(check, format!("{trouble}: {}", tables.join(", ")), advice),
    };
    [
        judge(
            "triggers",
            "all there",
            "missing or disabled",
            &found.without_triggers,
            "`alter table … enable trigger`, or create it as in migrations/, on a partition too; \
             then `vitalfold backfill` marks what was missed",
        ),
        judge(
            "subscriptions",
            "none writes raw rows",
            "logical replication writes into these and fires no trigger of statements",
            &found.subscribed,
            "fold where the rows are first written, or run `vitalfold backfill` after them",
        ),
        judge(
            "row security",
            "hides no rows",
            "policies would hide rows of these from this role, so that reading them is an error",
            &found.hidden,
            "give the role `bypassrls`; then `vitalfold verify --all --repair`",
        ),
    ]
}

pub(super) fn privileges(missing: &[String]) -> Finding {
    if missing.is_empty() {
        return Finding::ok("privileges", "all that the worker needs");
    }
    Finding::error(
        "privileges",
        format!("missing: {}", missing.join(", ")),
        "grant them to this role",
    )
}

pub(super) fn default_zone(configured: &str, stored: &str) -> Finding {
    if configured == stored {
        return Finding::ok("default time zone", configured);
    }
    Finding::warn(
        "default time zone",
        format!("{configured} in the configuration, {stored} in the database"),
        "correct aggregation.default_time_zone, or run `vitalfold migrate` to change the database",
    )
}

pub(super) fn zones(names: &[String]) -> Finding {
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| name.parse::<chrono_tz::Tz>().is_err())
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Finding::ok("time zones", format!("{} in use, all known", names.len()));
    }
    Finding::error(
        "time zones",
        format!(
            "in user_time_zones and not known here: {}",
            unknown.join(", ")
        ),
        "write IANA names such as Europe/Berlin",
    )
}

pub(super) fn work(status: &Status) -> Vec<Finding> {
    let dead: i64 = status.domains.iter().map(|domain| domain.dead_groups).sum();
    let oldest = status
        .domains
        .iter()
        .filter_map(|domain| domain.oldest_pending_seconds)
        .max()
        .unwrap_or(0);
    let waited = humantime::format_duration(Duration::from_secs(
        u64::try_from(oldest).unwrap_or_default(),
    ));
    let advice = match (status.paused, status.workers.is_empty()) {
        (true, _) => "`vitalfold resume` lets the workers go on",
        (false, true) => "no worker is running: start one, or `vitalfold run-once`",
        (false, false) => "see the worker's log; start a second worker if it cannot keep up",
    };
    vec![
        match dead {
            0 => Finding::ok("dead groups", "none"),
            dead => Finding::warn(
                "dead groups",
                format!("{dead} groups failed until their attempts were used up"),
                "`vitalfold failed list --dead`, then `failed retry` or `failed discard`",
            ),
        },
        match oldest {
            LONG_WAIT.. => {
                Finding::warn("oldest pending row", format!("waits for {waited}"), advice)
            }
            _ => Finding::ok("oldest pending row", format!("waits for {waited}")),
        },
    ]
}

pub(super) fn retention(domains: &[RetentionStatus]) -> Finding {
    let notes: Vec<_> = domains.iter().flat_map(RetentionStatus::notes).collect();
    if notes.is_empty() {
        return Finding::ok("retention", "nothing is held up");
    }
    let advice = "see docs/retention.md";
    Finding::warn("retention", notes.join("; "), advice)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn servers_before_13_are_refused() {
        let server = |version_number| Server {
            version: "12.9".into(),
            version_number,
            encoding: UNICODE.into(),
            superuser_owner: None,
            read_only: false,
            clock: Utc::now(),
        };
        assert_eq!(version(&server(120_009)).level, Level::Error);
        assert_eq!(version(&server(130_000)).level, Level::Ok);
    }

    #[test]
    fn a_slow_answer_is_no_skew() {
        let asked = Utc::now();
        let at = |seconds| asked + TimeDelta::seconds(seconds);
        assert_eq!(clock(at(20), asked, at(30)).level, Level::Ok);
        assert_eq!(clock(at(36), asked, at(30)).level, Level::Warn);
        assert_eq!(clock(at(-6), asked, at(30)).level, Level::Warn);
    }
}
