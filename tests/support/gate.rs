//! Folds of some users that wait for a lock, as long as a test wants them to.

use crate::cluster::{Session, wait_until};
use crate::database::Database;

/// A lock of an application, in a transaction of its own.
pub(crate) struct Gate<'a> {
    db: &'a Database,
    application: Session,
}

/// Sessions of the database that wait for an advisory lock.
const WAITING: &str = "(select count(*) from pg_locks where locktype = 'advisory' and not granted \
     and database = (select oid from pg_database where datname = current_database()))";

const HELD: &str = "(select count(*) from pg_locks where locktype = 'advisory' and granted \
     and objid = 45 and mode = 'ExclusiveLock' \
     and database = (select oid from pg_database where datname = current_database()))";

impl Gate<'_> {
    /// Whoever writes aggregates for which the condition holds, such as
    /// `new.user_id = 2`, waits from now on.
    pub(crate) fn shut<'a>(db: &'a Database, condition: &str) -> Gate<'a> {
        db.execute(&format!(
            "create or replace function pass_gate() returns trigger language plpgsql as $$ begin \
               perform pg_advisory_xact_lock_shared(45); return new; end $$; \
             create or replace trigger gate before insert or update on vitals_aggregates \
               for each row when ({condition}) execute function pass_gate()"
        ));
        let mut application = db.session();
        application.send("begin; select pg_advisory_xact_lock(45);");
        wait_until("the gate is shut", || db.value(HELD) == "1");
        Gate { db, application }
    }

    /// Waits until a fold does.
    pub(crate) fn is_met(&self) {
        wait_until("a fold waits at the gate", || self.db.value(WAITING) != "0");
    }

    /// Lets everybody through from now on.
    pub(crate) fn open(mut self) {
        self.application.send("rollback;");
        self.application.end();
    }
}
