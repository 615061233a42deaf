//! The ceiling: the statements of the worker's group transaction, as a server
//! logged them, replayed by pgbench over as many connections, one by one or in
//! the worker's two round trips. It looks for no work and folds nothing: every
//! group gets what one typical group did, moved to its own user and date.

use std::io::Write;

use super::recorded::{Statement, recorded};
use crate::arguments::Arguments;
use crate::line::Cost;
use crate::process;
use crate::program::Program;
use crate::server::Server;
use crate::workload::{FROM, Workload};

/// The worker's default `worker.concurrency`.
const CONNECTIONS: u64 = 6;

/// How the statements of a group are sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sent {
    /// Each is answered before the next.
    OneByOne,
    /// Those that read, then those that write, as the worker sends them. The
    /// server answers each half at once, the worker's statements one by one.
    InTwo,
}

pub(super) struct Replay {
    one_by_one: tempfile::NamedTempFile,
    in_two: tempfile::NamedTempFile,
    /// The arrays of the typical group.
    variables: Vec<(String, String)>,
}

impl Replay {
    /// Folds a few groups on a server that logs statements.
    pub(super) fn record(workload: &Workload, arguments: &Arguments) -> Replay {
        let server = Server::with(&["-c", "log_statement=all"]);
        server.sql("postgres", "create database run");
        let few = Workload {
            users: 1,
            days: workload.days.min(14),
            ..*workload
        };
        few.load(&server, "run", arguments);
        Program::on(&server.url("run"), arguments).ok(&["run-once"]);
        let log = std::fs::read_to_string(server.socket().join("log")).unwrap();
        Replay::of(workload, few.days - 1, &recorded(&log))
    }

    /// From the last group that was folded, whose week and month were there
    /// already: `last_day` days behind the first.
    fn of(workload: &Workload, last_day: u64, recorded: &[Statement]) -> Replay {
        let labs = workload.domain == "labs";
        let raw = format!("raw_{}", workload.domain);
        let (aggregates, coarse) = match labs {
            true => ("lab_aggregates", "year"),
            false => ("vitals_aggregates", "month"),
        };
        let last = |begins: &str, contains: &str| {
            recorded
                .iter()
                .rfind(|one| one.text.starts_with(begins) && one.text.contains(contains))
                .unwrap_or_else(|| panic!("the worker sent no {begins} … {contains}"))
        };
        let date = format!("(date '{FROM}' + :day::int)");
        let user = || ":user::bigint".to_owned();
        let moved = "(:day::int - :last_day::int)";

        // User, domain and date are parameters of several, in this order or that.
        let of_group = |statement: &Statement, order: [&str; 3]| {
            let domain = format!("'{}'", workload.domain);
            statement.bind(|number| match order.get(number - 1) {
                Some(&"user") => user(),
                Some(&"domain") => domain.clone(),
                Some(_) => date.clone(),
                // The ids of the changes: pgbench keeps none.
                None => format!(
                    "(select array_agg(id) from group_changes \
                     where user_id = {} and domain = {domain} and local_date = {date})",
                    user()
                ),
            })
        };
        let lock = of_group(
            last("select pg_try_advisory", "group_changes"),
            ["domain", "user", "date"],
        );
        let rejections = of_group(
            last("select row_id", "rejected_rows"),
            ["user", "domain", "date"],
        );
        let settle = of_group(
            last("delete from group_changes", "any("),
            ["user", "domain", "date"],
        );
        let read = last("select r.id", &raw);
        let rows = read.bind(|number| match number {
            1 => user(),
            _ => format!(
                "('{}'::timestamptz + make_interval(days => {moved}))",
                read.parameters[number - 1]
            ),
        });
        let days = last("select g.sealed", aggregates).bind(|number| match number {
            1 => user(),
            2 => format!("date_trunc('{coarse}', {date})::date"),
            3 => format!("(date_trunc('{coarse}', {date}) + interval '1 {coarse}')::date - 1"),
            4 => date.clone(),
            _ => format!("'{}'", workload.domain),
        });
        let mut variables = vec![("last_day".to_owned(), last_day.to_string())];
        let write = last("with inserted as", &format!("insert into {aggregates}"));
        let write_text = write.bind(|number| match number {
            1 => user(),
            _ => {
                let name = format!("write{number}");
                if !variables.iter().any(|(known, _)| *known == name) {
                    let value = write.parameters[number - 1].clone();
                    variables.push((name.clone(), value));
                }
                format!(":{name}")
            }
        });
        // It inserts, and then replaces.
        let replaces = write_text.rfind("insert into").unwrap_or_default();
        let (inserted, replaced) = write_text.split_at(replaces);
        let inserted = inserted
            .replace("s.local_date", &format!("s.local_date + {moved}"))
            .replace(
                "s.period_start",
                &format!("s.period_start + make_interval(days => {moved})"),
            );
        // A count that differs from group to group, or nothing is written.
        let replaced = replaced
            .replace(
                "s.local_date",
                &format!("date_trunc(s.period, {date})::date"),
            )
            .replace(
                "s.period_start",
                &format!("date_trunc(s.period, {date}::timestamptz)"),
            )
            .replace("s.\"count\"", "s.\"count\" + :day::int");
        let write = inserted + &replaced;
        let script = |half: fn(&str) -> String| {
            let mut script = tempfile::NamedTempFile::new().unwrap();
            write!(
                script,
                "\\set number :number + 1\n\
                 \\set user 1 + :client_id + {CONNECTIONS} * (:number / {days_each})\n\
                 \\set day mod(:number, {days_each})\n\
                 \\if :user <= {users}\n{reads}{writes}\\endif\n",
                days_each = workload.days,
                users = workload.users,
                reads = half(&format!(
                    "begin;\nset local synchronous_commit = off;\n\
                     {lock};\n{days};\n{rejections};\n{rows};\n"
                )),
                writes = half(&format!("{write};\n{settle};\ncommit;\n")),
            )
            .unwrap();
            script
        };
        Replay {
            one_by_one: script(str::to_owned),
            in_two: script(|half| format!("\\startpipeline\n{half}\\endpipeline\n")),
            variables,
        }
    }

    pub(super) fn fold(
        &self,
        sent: Sent,
        workload: &Workload,
        template: &str,
        server: &Server,
    ) -> Cost {
        let script = match sent {
            Sent::OneByOne => &self.one_by_one,
            Sent::InTwo => &self.in_two,
        };
        server.copy(template, "run");
        let groups_each = workload.users.div_ceil(CONNECTIONS) * workload.days;
        let mut pgbench = server.client("pgbench", "run");
        pgbench
            .args(["--no-vacuum", "--protocol=prepared", "--define=number=-1"])
            .arg(format!("--client={CONNECTIONS}"))
            .arg(format!("--transactions={groups_each}"))
            .arg("--file")
            .arg(script.path());
        for (name, value) in &self.variables {
            pgbench.arg(format!("--define={name}={value}"));
        }
        let cost = process::measure(server, pgbench);
        workload.assert_folded(server, "run");
        cost
    }
}
