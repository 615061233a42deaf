//! What the aggregates must be, found out without the workers under test.

use std::collections::HashMap;

use crate::arena::Backlog;
use crate::cluster::Cluster;
use crate::program::Program;
use crate::sql::Sql;

/// All raw rows and their states, as far as all domains have the same columns.
pub(crate) const RAW: &str = "select 'vitals' as domain, user_id, id, local_date, state from raw_vitals_states \
     union all select 'labs', user_id, id, local_date, state from raw_labs_states \
     union all select 'nutrition', user_id, id, local_date, state from raw_nutrition_states";

/// Rejections that no fold would ever take back: of rows that are gone, or that
/// are of another day by now.
pub(crate) fn stuck() -> String {
    format!(
        "rejected_rows j where not exists (select from ({RAW}) r where r.domain = j.domain \
           and r.user_id = j.user_id and r.id::text = j.row_id and r.local_date = j.local_date)"
    )
}

/// Locks and transactions that sessions other than this one hold open.
pub(crate) const OPEN: &str = "(select pid from pg_locks where locktype = 'advisory' \
     union select pid from pg_stat_activity where state like 'idle in transaction%' \
       and datname = current_database()) o where pid <> pg_backend_pid()";

/// Inserts a backlog: metrics of several kinds, samples that overlap, one row
/// in fifty out of range, users in four zones.
pub(crate) fn fill(backlog: Backlog) -> String {
    let Backlog { users, days, rows } = backlog;
    format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, ended_at, source, \
           utc_offset_minutes) \
         select u, (array['heart_rate', 'body_weight', 'steps', 'heart_rate'])[r % 4 + 1], \
           case when (u + d + r) % 50 = 0 then 900 else 40 + (u * 7 + d * 3 + r) % 60 end, \
           (array['/min', 'kg', 'count', '/min'])[r % 4 + 1], \
           t, t + case r % 4 when 2 then interval '40 minutes' else interval '0' end, \
           (array['watch', 'phone'])[r / 4 % 2 + 1], (array[0, 60, 345, -480])[u % 4 + 1] \
         from generate_series(1, {users}) u, generate_series(0, {days} - 1) d, \
           generate_series(0, {rows} - 1) r, \
           lateral (select timestamptz '2026-01-01 00:00:00Z' \
             + make_interval(days => d, secs => (r * 1237) % 86400) as t) at; \
         insert into raw_labs (user_id, code, name, value, unit, collected_at, utc_offset_minutes) \
         select u, '2345-7', 'Glucose', (70 + (u + d) % 90)::text, 'mg/dL', \
           timestamptz '2026-01-01 08:00:00Z' + make_interval(days => d), 0 \
         from generate_series(1, {users}) u, generate_series(0, {days} - 1) d; \
         insert into raw_nutrition (user_id, nutrient, amount, unit, meal, eaten_at, \
           utc_offset_minutes) \
         select u, 'protein', 10 + (u + d) % 40, 'g', 'dinner', \
           timestamptz '2026-01-01 12:00:00Z' + make_interval(days => d), 0 \
         from generate_series(1, {users}) u, generate_series(0, {days} - 1) d"
    )
}

/// Counts, sums and extremes by a plain group-by; only of metrics in which
/// samples do not overlap, and only of values in range.
const BY_HAND: &str = "with days as ( \
       select user_id, metric, local_date, value, \
         (date_trunc('hour', (started_at at time zone 'UTC') \
           + make_interval(mins => coalesce(utc_offset_minutes, 0))) \
           - make_interval(mins => coalesce(utc_offset_minutes, 0))) at time zone 'UTC' as hour \
       from raw_vitals_states r where metric in ('heart_rate', 'body_weight') and value < 500 \
         and not exists (select from failed_groups g where g.user_id = r.user_id \
           and g.domain = 'vitals' and g.local_date = r.local_date and g.state = 'dead') \
         and not coalesce(note = 'poison', false)), \
     expected as ( \
       select user_id, metric, 'hour' as period, local_date, hour, \
         count(*), sum(value), min(value), max(value) from days group by 1, 2, 3, 4, 5 \
       union all \
       select user_id, metric, p.period, date_trunc(p.period, local_date::timestamp)::date, null::timestamptz, \
         count(*), sum(value), min(value), max(value) \
       from days, (values ('day'), ('week'), ('month')) p (period) group by 1, 2, 3, 4, 5), \
     actual as ( \
       select user_id, metric, period, local_date, \
         case when period = 'hour' then period_start end as hour, \
         \"count\", value_sum, \"min\", \"max\" \
       from vitals_aggregates where metric in ('heart_rate', 'body_weight') and \"count\" > 0) \
     select count(*) from ( \
       (select * from expected except all select * from actual) \
       union all (select * from actual except all select * from expected)) d";

/// Every aggregate, but for when it was written.
const AGGREGATES: &[(&str, &str)] = &[
    ("vitals", "vitals_aggregates"),
    ("labs", "lab_aggregates"),
    ("nutrition", "nutrition_aggregates"),
];

/// How many aggregates differ from what either oracle says; drift that
/// `verify --all` finds counts as well.
pub(crate) fn difference(cluster: &Cluster, program: &Program, sql: &Sql) -> u64 {
    let by_hand: u64 = sql.value(BY_HAND).parse().unwrap();
    let direct = Program::on(&cluster.url("app"));
    let verified = direct.run(&["verify", "--all", "--json"]);
    let drifts = match verified.code {
        Some(0) => 0,
        _ => 1 + verified.stdout.matches("\"series\"").count() as u64,
    };
    if by_hand + drifts > 0 {
        eprintln!("group-by: {by_hand} differ; verify: {}", verified.stdout);
    }
    let fresh = fresh(cluster, program, sql);
    let mut different = 0;
    for (_, table) in AGGREGATES {
        let (old, new) = (aggregates(sql, table), aggregates(&fresh, table));
        let keys = old.iter().filter(|(key, row)| new.get(*key) != Some(row));
        let missing = new.keys().filter(|key| !old.contains_key(*key));
        let keys: Vec<_> = keys.map(|(key, _)| key).chain(missing).collect();
        for key in keys.iter().take(3) {
            eprintln!(
                "{table} {key}: {:?}, fresh {:?}",
                old.get(*key),
                new.get(*key)
            );
        }
        different += keys.len() as u64;
    }
    by_hand + drifts + different
}

/// Rows by their keys, both as JSON.
fn aggregates(sql: &Sql, table: &str) -> HashMap<String, String> {
    let series = if table == "lab_aggregates" {
        "analyte"
    } else if table == "vitals_aggregates" {
        "metric"
    } else {
        "nutrient"
    };
    let rows = sql
        .run(&format!(
            "select concat_ws(' ', user_id, period, local_date, period_start, {series}, unit) \
               || e'\\t' || (to_jsonb(a) - 'updated_at')::text from {table} a"
        ))
        .unwrap();
    rows.into_iter()
        .map(|row| {
            let (key, row) = row.split_once('\t').unwrap();
            (key.to_owned(), row.to_owned())
        })
        .collect()
}

/// A fresh database with the same raw rows, in their order, folded by one
/// quiet run. Rows of dead groups and poison rows stay out.
fn fresh(cluster: &Cluster, program: &Program, sql: &Sql) -> Sql {
    cluster.psql("postgres", "drop database if exists fresh");
    cluster.psql("postgres", "create database fresh");
    let url = cluster.url("fresh");
    let quiet = Program::on(&url);
    quiet.file("config.toml", "[pool]\nsize = 8\nmax_overflow = 2");
    quiet.ok(&["migrate"]);
    let fresh = Sql::connect(&url).unwrap();
    for (domain, columns) in [
        (
            "vitals",
            "user_id, metric, value, unit, started_at, ended_at",
        ),
        (
            "labs",
            "user_id, code, name, category, value, unit, reference_range, interpretation, \
          collected_at",
        ),
        (
            "nutrition",
            "user_id, nutrient, amount, unit, meal, eaten_at",
        ),
    ] {
        let columns = format!("{columns}, utc_offset_minutes, source, source_id, device, note");
        let file = cluster.socket_dir().join(domain);
        let file = file.display();
        sql.run(&format!(
            "copy (select {columns} from raw_{domain}_states r \
               where not coalesce(note = 'poison', false) and not exists ( \
                 select from failed_groups g where g.user_id = r.user_id \
                   and g.domain = '{domain}' and g.local_date = r.local_date and g.state = 'dead') \
               order by user_id, id) to '{file}'"
        ))
        .unwrap();
        fresh
            .run(&format!("copy raw_{domain} ({columns}) from '{file}'"))
            .unwrap();
    }
    let ran = quiet.run(&["run-once"]);
    assert_eq!(ran.code, Some(0), "{ran:?} beside {}", program.url);
    fresh
}
