//! What an application's insert costs, beside the same into a bare table: its
//! key and one index for the time.

use tokio_postgres::error::SqlState;

use crate::arguments::Arguments;
use crate::line::{Against, Line, Report};
use crate::process;
use crate::server::Server;
use crate::sql::Sql;
use crate::workload::{SYNC, Workload};

/// One user's rows of one day in a statement, as a phone syncs them.
struct Insert {
    rows: u64,
    offset: bool,
    /// The bare table's cost, at most so many times.
    target: f64,
}

const INSERTS: &[Insert] = &[
    Insert {
        rows: 1,
        offset: true,
        target: 1.6,
    },
    Insert {
        rows: 1,
        offset: false,
        target: 1.6,
    },
    Insert {
        rows: 40,
        offset: true,
        target: 1.3,
    },
    Insert {
        rows: 40,
        offset: false,
        target: 1.3,
    },
];

/// A table of the same columns, without anything of ours.
const BARE: &str = include_str!("insert_bare.sql");

pub(super) fn run(_: &Server, arguments: &Arguments, report: &mut Report) {
    // A vacuum that comes meanwhile would be counted to one of them.
    let server = Server::with(&["-c", "autovacuum=off"]);
    let history = Workload {
        name: "insert",
        ..SYNC
    }
    .sized(arguments);
    let database = history.template(&server, arguments);
    server.sql(&database, BARE);
    server.sql(&database, "vacuum (analyze)");
    for insert in INSERTS {
        let cost = |table| insert.cost(table, &history, &database, &server, arguments);
        let pairs: Vec<_> = (0..arguments.pick(3, 5))
            .map(|_| (cost("raw_vitals"), cost("bare")))
            .collect();
        let offset = if insert.offset { "with" } else { "without" };
        report.lines.push(Line::of_pairs(
            "insert",
            format!(
                "server's CPU per statement of {} {offset} offset, to a bare table",
                match insert.rows {
                    1 => "1 row".to_owned(),
                    rows => format!("{rows} rows"),
                }
            ),
            "µs",
            Against::AtMost(insert.target),
            &pairs,
        ));
    }
    report.lines.push(Line::limit(
        "insert",
        "statements of one day that waited for another transaction",
        "",
        waits(&server, &database),
        0.0,
    ));
}

impl Insert {
    fn script(&self, table: &str, history: &Workload) -> String {
        let (column, value) = match self.offset {
            true => (", utc_offset_minutes", ", 60"),
            false => ("", ""),
        };
        format!(
            "\\set user random(1, {users})\n\
             \\set day random(0, {days} - 1)\n\
             \\set second random(0, 82800000000) / 1000000.0\n\
             insert into {table} (user_id, metric, value, unit, started_at, ended_at, source{column}) \
             select :user, 'heart_rate', 60 + n, '/min', at, at, 'application'{value} \
             from (select n, timestamptz '2026-01-05 00:00+01' \
                 + make_interval(days => :day::int, secs => :second::float8 + n) as at \
               from generate_series(1, {rows}) n) s;\n",
            users = history.users,
            days = history.days,
            rows = self.rows,
        )
    }

    /// Microseconds of the server's for each statement.
    fn cost(
        &self,
        table: &str,
        history: &Workload,
        database: &str,
        server: &Server,
        arguments: &Arguments,
    ) -> f64 {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.script(table, history)).unwrap();
        let statements = match self.rows {
            1 => arguments.pick(5_000, 30_000),
            _ => arguments.pick(1_000, 6_000),
        };
        server.sql("postgres", "checkpoint");
        let mut pgbench = server.client("pgbench", database);
        pgbench
            .args(["--no-vacuum", "--protocol=prepared", "--client=1"])
            .arg(format!("--transactions={statements}"))
            .arg("--file")
            .arg(file.path());
        process::measure(server, pgbench).server_cpu / f64::from(statements) * 1e6
    }
}

/// Two transactions edit, delete and insert rows of one day, each its own:
/// statements of the second that had to wait for the first.
fn waits(server: &Server, database: &str) -> f64 {
    let [first, second] = [(); 2].map(|()| Sql::connect(&server.url(database)).unwrap());
    let insert = |source| {
        format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at, ended_at, source) \
             select 1, metric, 60 + random(), '/min', at, at, '{source}' \
             from (values ('heart_rate'), ('heart_rate_resting')) m (metric), \
               (values (timestamptz '2026-02-02 12:00+00')) t (at)"
        )
    };
    let own = |source, metric| {
        format!("where user_id = 1 and source = '{source}' and metric = '{metric}'")
    };
    let edit = |source| {
        let own = own(source, "heart_rate");
        format!("update raw_vitals set value = value + 1 {own}")
    };
    let delete = |source| {
        let own = own(source, "heart_rate_resting");
        format!("delete from raw_vitals {own}")
    };
    for (session, source) in [(&first, "first"), (&second, "second")] {
        session.run(&insert(source)).unwrap();
    }
    second.run("set lock_timeout = '200ms'").unwrap();
    let steps: [&dyn Fn(&'static str) -> String; 3] = [&edit, &delete, &insert];
    let mut waited = 0.0;
    for step in steps {
        first.run(&format!("begin; {}", step("first"))).unwrap();
        if let Err(error) = second.run(&step("second")) {
            assert_eq!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{error}");
            waited += 1.0;
        }
        first.run("commit").unwrap();
    }
    waited
}
