//! What every cell on PostgreSQL needs: a server of its own, a backlog, an
//! application beside it, and the end that all of them share.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::application::Application;
use crate::cluster::Cluster;
use crate::oracle;
use crate::program::Program;
use crate::sql::Sql;
use crate::states::{DEAD, DUE};
use crate::table::Outcome;
use crate::workers::Workers;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) full: bool,
    pub(crate) seed: u64,
}

impl Setting {
    pub(crate) fn pick<T>(self, short: T, full: T) -> T {
        if self.full { full } else { short }
    }

    pub(crate) fn rng(self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }
}

/// How much there is to fold: users × days × rows of vitals, and a lab result
/// and a meal for each user and day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backlog {
    pub(crate) users: u32,
    pub(crate) days: u32,
    pub(crate) rows: u32,
}

impl Backlog {
    pub(crate) const SMALL: Backlog = Backlog {
        users: 20,
        days: 10,
        rows: 10,
    };
    pub(crate) const LARGE: Backlog = Backlog {
        users: 100,
        days: 25,
        rows: 20,
    };
}

pub(crate) struct Arena {
    pub(crate) setting: Setting,
    pub(crate) cluster: Cluster,
    pub(crate) program: Program,
    backlog: Backlog,
    faults: Cell<u32>,
    recovery: Cell<Duration>,
}

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(300);

impl Arena {
    pub(crate) fn new(setting: &Setting, options: &[&str]) -> Arena {
        let backlog = setting.pick(Backlog::SMALL, Backlog::LARGE);
        Arena::with(setting, backlog, options)
    }

    pub(crate) fn with(setting: &Setting, backlog: Backlog, options: &[&str]) -> Arena {
        Arena::on(Cluster::start(options), setting, backlog)
    }

    pub(crate) fn on(cluster: Cluster, setting: &Setting, backlog: Backlog) -> Arena {
        cluster.psql("postgres", "create database app");
        let program = Program::on(&cluster.url("app"));
        program.ok(&["migrate"]);
        let arena = Arena {
            setting: *setting,
            cluster,
            program,
            backlog,
            faults: Cell::new(0),
            recovery: Cell::new(Duration::ZERO),
        };
        arena.sql().run(&oracle::fill(backlog)).unwrap();
        arena
    }

    /// A session straight to the server, whatever stands before the workers.
    pub(crate) fn sql(&self) -> Sql {
        Sql::connect(&self.cluster.url("app")).unwrap()
    }

    pub(crate) fn application(&self) -> Application {
        let Backlog { users, days, .. } = self.backlog;
        Application::start(self.cluster.url("app"), users, days, self.setting.seed)
    }

    pub(crate) fn workers(&self, count: usize, settings: &[(&str, &str)]) -> Workers {
        Workers::start(&self.program, count, settings, |_| Vec::new())
    }

    /// Waits until every worker has got past its start.
    pub(crate) fn work_begins(&self, workers: &Workers) {
        let sql = self.sql();
        self.wait("every worker is at work", || {
            sql.count("worker_heartbeats") == workers.len() as u64
        });
        self.recovers();
    }

    pub(crate) fn fault(&self) {
        self.faults.set(self.faults.get() + 1);
    }

    /// After a fault has ended: waits for a commit that began later; a row
    /// that arrives now sees to it that there is something to commit.
    pub(crate) fn recovers(&self) {
        let started = Instant::now();
        let sql = self.sql();
        let since = sql.value(
            "insert into raw_vitals (user_id, metric, value, unit, started_at) \
             values (1000000, 'body_weight', 70, 'kg', clock_timestamp()) \
             returning clock_timestamp()",
        );
        self.wait("a group is folded after the fault", || {
            sql.count(&format!("vitals_aggregates where updated_at > '{since}'")) > 0
        });
        self.recovery
            .set(self.recovery.get().max(started.elapsed()));
    }

    pub(crate) fn wait(&self, what: &str, state: impl FnMut() -> bool) {
        wait_for(
            self.setting.pick(Duration::from_secs(60), PATIENCE),
            what,
            state,
        );
    }

    /// Ends the application's load, lets the workers drain everything, and
    /// looks for what they left. `dead` groups are meant to be left.
    pub(crate) fn finish(self, workers: Workers, application: Option<Application>) -> Outcome {
        self.finish_with(workers, application, 0)
    }

    pub(crate) fn finish_with(
        self,
        workers: Workers,
        application: Option<Application>,
        dead: u64,
    ) -> Outcome {
        if let Some(application) = application {
            assert!(application.stop() > 0, "the application did nothing");
        }
        let sql = self.sql();
        self.wait("the backlog is drained", || sql.count(DUE) == 0);
        assert_eq!(sql.count(DEAD), dead, "dead groups");
        // With the workers still there: nothing of theirs is left open.
        self.wait("no lock and no transaction is left", || {
            sql.count(oracle::OPEN) == 0
        });
        let retries = workers.retries();
        workers.stop();
        let rescues = sql.count(&oracle::stuck()) + sql.count(oracle::OPEN);
        let difference = oracle::difference(&self.cluster, &self.program, &sql);
        Outcome {
            faults: self.faults.get(),
            rows: sql.count(&format!("({}) r", oracle::RAW)),
            groups: sql.count(&format!(
                "(select distinct domain, user_id, local_date from ({}) r) g",
                oracle::RAW
            )),
            retries,
            rescues,
            recovery: self.recovery.get(),
            difference,
        }
    }
}

/// Polls a state until it is reached, at most for `limit`.
pub(crate) fn wait_for(limit: Duration, what: &str, mut state: impl FnMut() -> bool) {
    let give_up = Instant::now() + limit;
    while !state() {
        assert!(Instant::now() < give_up, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
