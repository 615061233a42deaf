//! What is folded.

use crate::arguments::Arguments;
use crate::program::Program;
use crate::server::Server;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) users: u64,
    pub(crate) days: u64,
    /// Of each user and day.
    pub(crate) rows: u64,
    pub(crate) series: u64,
}

/// Phones that sync a week.
pub(crate) const SYNC: Workload = Workload {
    name: "sync",
    domain: "vitals",
    users: 1000,
    days: 7,
    rows: 40,
    series: 6,
};
/// Devices that report all the time.
pub(crate) const DENSE: Workload = Workload {
    name: "dense",
    users: 20,
    days: 5,
    rows: 2000,
    ..SYNC
};
/// Thirty results of each person, on three days.
pub(crate) const LABS: Workload = Workload {
    name: "labs",
    domain: "labs",
    users: 5000,
    days: 3,
    rows: 10,
    series: 8,
};
/// A year of history at once.
pub(crate) const BACKFILL: Workload = Workload {
    name: "backfill",
    users: 100,
    days: 365,
    rows: 40,
    ..SYNC
};

/// Lines of raw rows that are still to be folded.
pub(crate) const PENDING: &str = "select coalesce(sum(rows), 0) from group_changes";

/// The first local date of every workload, a Monday.
pub(crate) const FROM: &str = "2026-01-05";

impl Workload {
    /// A tenth of the users for a quick run.
    pub(crate) fn sized(mut self, arguments: &Arguments) -> Workload {
        self.users = arguments.pick((self.users / 10).max(8), self.users);
        self
    }

    pub(crate) fn total(&self) -> u64 {
        self.users * self.days * self.rows
    }

    /// A database with all of it pending, to be copied; returns its name.
    pub(crate) fn template(&self, server: &Server, arguments: &Arguments) -> String {
        let name = format!("template_{}", self.name);
        server.sql("postgres", &format!("create database {name}"));
        self.load(server, &name, arguments);
        server.sql(&name, "vacuum (analyze)");
        server.settled();
        name
    }

    /// Nothing is measured that did not do the work: no change is left, and the
    /// day rows count every raw row.
    pub(crate) fn assert_folded(&self, server: &Server, database: &str) {
        let aggregates = self.aggregates();
        let query = format!(
            "select (select count(*) from group_changes) || ' changes left, ' || \
               coalesce(sum(count), 0) || ' rows' from {aggregates} where period = 'day'"
        );
        let folded = server.sql(database, &query);
        let expected = format!("0 changes left, {} rows", self.total());
        assert_eq!(folded, expected, "{self:?}");
    }

    pub(crate) fn aggregates(&self) -> &'static str {
        match self.domain {
            "labs" => "lab_aggregates",
            _ => "vitals_aggregates",
        }
    }

    /// Loads it into an empty database.
    pub(crate) fn load(&self, server: &Server, database: &str, arguments: &Arguments) {
        let program = Program::on(&server.url(database), arguments);
        program.ok(&["migrate"]);
        let number = |number: u64| number.to_string();
        program.ok(&[
            "generate",
            "--domain",
            self.domain,
            "--users",
            &number(self.users),
            "--days",
            &number(self.days),
            "--rows",
            &number(self.rows),
            "--series",
            &number(self.series),
            "--from",
            FROM,
        ]);
    }
}
