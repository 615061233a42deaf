//! The shape that the field came from: a loop over rows which reads and writes
//! through an object mapper, statement by statement. Correct only while nothing
//! is sent twice.

use std::fmt::Write;

use crate::arguments::Arguments;
use crate::line::Cost;
use crate::process;
use crate::server::Server;
use crate::workload::Workload;

/// The state that such a loop keeps in the rows, and its index.
const STATES: &str = "alter table raw_vitals disable trigger user; \
    alter table raw_vitals add column status text not null default 'pending', \
      add column aggregated_at timestamptz; \
    create index on raw_vitals (user_id, started_at) where status = 'pending'";

/// Rows that are folded; the whole would take too long.
pub(super) fn sample(arguments: &Arguments) -> u64 {
    arguments.pick(500, 3000)
}

/// A transaction for one row: find it, and for each period read the aggregate
/// and write it; then the row's state.
fn script() -> String {
    let mut script = String::from(
        "begin;\n\
         select id, user_id, metric, value, unit, \
           (started_at at time zone 'UTC' + make_interval(mins => utc_offset_minutes))::date as local_date, \
           extract(epoch from date_trunc('hour', started_at))::bigint as hour \
         from raw_vitals where status = 'pending' order by user_id, started_at limit 1 \\gset\n\
         select user_id from user_time_zones where user_id = :user_id;\n",
    );
    for (period, date, start) in [
        ("hour", ":local_date::date", "to_timestamp(:hour::bigint)"),
        ("day", ":local_date::date", ":local_date::date::timestamptz"),
        (
            "week",
            "date_trunc('week', :local_date::date)::date",
            "date_trunc('week', :local_date::date)",
        ),
        (
            "month",
            "date_trunc('month', :local_date::date)::date",
            "date_trunc('month', :local_date::date)",
        ),
    ] {
        let key = format!(
            "user_id = :user_id and period = '{period}' and local_date = {date} \
             and period_start = {start} and metric = :metric and unit = :unit"
        );
        write!(
            script,
            "select count(*) as known from vitals_aggregates where {key} \\gset\n\
             \\if :known\n\
             select * from vitals_aggregates where {key};\n\
             update vitals_aggregates set count = count + 1, value_sum = value_sum + :value::float8, \
               mean = (value_sum + :value::float8) / (count + 1), min = least(min, :value::float8), \
               max = greatest(max, :value::float8), last = :value::float8, updated_at = now() \
             where {key};\n\
             \\else\n\
             insert into vitals_aggregates (user_id, period, local_date, period_start, metric, unit, \
               count, value_sum, mean, min, max, first, last, sources, rejected_count, algorithm_version) \
             values (:user_id, '{period}', {date}, {start}, :metric, :unit, 1, :value, :value, :value, \
               :value, :value, :value, '[\"watch\"]', 0, 1);\n\
             \\endif\n"
        )
        .unwrap();
    }
    script.push_str(
        "update raw_vitals set status = 'completed', aggregated_at = now() \
         where user_id = :user_id and id = :id;\n\
         commit;\n",
    );
    script
}

pub(super) fn fold(
    workload: &Workload,
    template: &str,
    server: &Server,
    arguments: &Arguments,
) -> Cost {
    assert_eq!(workload.domain, "vitals");
    server.copy(template, "run");
    server.sql("run", STATES);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script()).unwrap();
    let mut pgbench = server.client("pgbench", "run");
    pgbench
        .args(["--no-vacuum", "--protocol=prepared", "--client=1"])
        .arg(format!("--transactions={}", sample(arguments)))
        .arg("--file")
        .arg(file.path());
    let cost = process::measure(server, pgbench);
    let query = "select count(*) from raw_vitals where status = 'completed'";
    assert_eq!(server.sql("run", query), sample(arguments).to_string());
    cost
}
