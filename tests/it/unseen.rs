//! Raw rows that change and no trigger sees it: what is said then, and the one
//! command that mends it.

use std::process::{Command, Stdio};

use crate::cluster::{self, Cluster, binary, wait_until};
use crate::program::Program;

/// A migrated database of a server.
struct Site {
    server: &'static Cluster,
    name: String,
    program: Program,
}

impl Site {
    fn on(server: &'static Cluster) -> Site {
        let url = server.database();
        let program = Program::on(&url);
        program.ok(&["migrate"]);
        let name = url.rsplit('/').next().unwrap().to_owned();
        Site {
            server,
            name,
            program,
        }
    }

    fn new() -> Site {
        Site::on(cluster::shared())
    }

    fn psql(&self, statements: &str) -> String {
        self.server.psql(&self.name, statements)
    }

    fn count(&self, rows: &str) -> String {
        self.psql(&format!("select count(*) from {rows}"))
    }

    /// Inserts a heart rate of user 1 at noon of a day in 2026.
    fn insert(&self, table: &str, id: u32, day: &str) {
        self.psql(&insert(table, id, day));
    }

    /// What `doctor` says of one check.
    fn finding(&self, program: &Program, check: &str) -> String {
        let ran = program.run(&["doctor", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|found| found["check"] == check);
        let finding = finding.unwrap_or_else(|| panic!("no check {check}: {report}"));
        let text = |key: &str| finding[key].as_str().unwrap();
        format!("{}: {}", text("level"), text("found"))
    }

    /// Nothing is to be done, but what is stored is not what the rows say.
    fn drifted_unseen(&self) {
        assert_eq!(self.count("group_changes"), "0");
        let ran = self.program.run(&["verify", "--all"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
    }

    /// A backfill folds what was missed.
    fn mended(&self, day_rows: &str) {
        self.program.ok(&["backfill"]);
        self.program.ok(&["verify", "--all"]);
        let days = "vitals_aggregates where period = 'day'";
        assert_eq!(self.count(days), day_rows);
    }
}

fn insert(table: &str, id: u32, day: &str) -> String {
    format!(
        "insert into {table} (user_id, id, metric, value, unit, started_at, utc_offset_minutes) \
         overriding system value \
         values (1, {id}, 'heart_rate', 60, '/min', '2026-{day} 12:00Z', 0)"
    )
}

#[test]
fn a_bulk_load_without_triggers_is_found_and_mended() {
    let site = Site::new();
    let triggers = |site: &Site| site.finding(&site.program, "triggers");
    assert_eq!(triggers(&site), "ok: all there");
    site.insert("raw_vitals", 1, "01-05");
    site.program.ok(&["run-once"]);

    site.psql("alter table raw_vitals disable trigger user");
    site.insert("raw_vitals", 2, "01-06");
    assert_eq!(
        triggers(&site),
        "error: missing or disabled: raw_vitals: delete, raw_vitals: insert, \
         raw_vitals: truncate, raw_vitals: update"
    );
    site.psql("alter table raw_vitals enable trigger user");
    assert_eq!(triggers(&site), "ok: all there");
    site.drifted_unseen();
    site.mended("2");

    // A user's zone moves rows to other days.
    site.psql("alter table user_time_zones disable trigger raw_labs_rezoned");
    let found = triggers(&site);
    assert!(found.contains("user_time_zones: update"), "{found}");
}

#[test]
fn a_restore_of_data_alone_is_mended_and_one_of_all_brings_its_changes() {
    let from = Site::new();
    from.insert("raw_vitals", 1, "01-05");
    from.program.ok(&["run-once"]);
    from.insert("raw_vitals", 2, "01-06");

    let whole = from.server.database();
    let whole = Site {
        name: whole.rsplit('/').next().unwrap().to_owned(),
        program: Program::on(&whole),
        server: from.server,
    };
    restore(&from, &whole, &[], &[]);
    assert_eq!(whole.finding(&whole.program, "triggers"), "ok: all there");
    assert_eq!(whole.count("group_changes"), "1");
    whole.program.ok(&["run-once"]);
    whole.program.ok(&["verify", "--all"]);

    let rows_alone = ["--data-only", "--table", "raw_vitals"];
    let seen = Site::new();
    restore(&from, &seen, &rows_alone, &[]);
    assert_eq!(seen.count("group_changes"), "2");

    let unseen = Site::new();
    restore(
        &from,
        &unseen,
        &rows_alone,
        &["--data-only", "--disable-triggers"],
    );
    assert_eq!(unseen.count("raw_vitals"), "2");
    unseen.drifted_unseen();
    unseen.mended("2");
}

/// Dumps one database into another.
fn restore(from: &Site, to: &Site, dumped: &[&str], restored: &[&str]) {
    let command = |program: &str, database: &str| {
        let mut command = Command::new(binary(program));
        command
            .arg("-h")
            .arg(from.server.socket_dir())
            .args(["-U", "postgres", "-d", database]);
        command
    };
    let mut dump = command("pg_dump", &from.name)
        .args(["-Fc"])
        .args(dumped)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let restored = command("pg_restore", &to.name)
        .arg("--exit-on-error")
        .args(restored)
        .stdin(dump.stdout.take().unwrap())
        .status();
    assert!(restored.unwrap().success());
    assert!(dump.wait().unwrap().success());
}

#[test]
fn what_logical_replication_applies_is_found_and_mended() {
    static SERVER: std::sync::OnceLock<Cluster> = std::sync::OnceLock::new();
    let server = SERVER.get_or_init(|| Cluster::start(&["-c", "wal_level=logical"]));
    let (from, to) = (Site::on(server), Site::on(server));
    from.psql("create publication vitals for table raw_vitals");
    // Within one server the slot must be there first.
    from.psql("select pg_create_logical_replication_slot('vitals', 'pgoutput')");
    to.psql(&format!(
        "create subscription vitals connection 'host={} user=postgres dbname={}' \
         publication vitals with (create_slot = false, copy_data = false)",
        server.socket_dir().display(),
        from.name
    ));
    from.insert("raw_vitals", 1, "01-05");
    wait_until("the row has arrived", || to.count("raw_vitals") == "1");

    assert_eq!(
        to.finding(&to.program, "subscriptions"),
        "error: logical replication writes into these and fires no trigger of statements: raw_vitals"
    );
    to.drifted_unseen();
    to.mended("1");
    assert_eq!(
        from.finding(&from.program, "subscriptions"),
        "ok: none writes raw rows"
    );
}

/// Makes the raw table a partitioned one, with the triggers on the whole alone.
const PARTITIONED: &str = "
alter table raw_vitals rename to whole;
create table raw_vitals (like whole including defaults including identity, primary key (user_id, id, started_at))
    partition by range (started_at);
create unique index on raw_vitals (user_id, source, source_id, metric, started_at) where source_id is not null;
create index on raw_vitals (user_id, started_at);
create table january partition of raw_vitals for values from ('2026-01-01Z') to ('2026-02-01Z');
create table february partition of raw_vitals for values from ('2026-02-01Z') to ('2026-03-01Z');
create function follow(raw regclass) returns void language plpgsql as $$
declare definition text; begin
    for definition in select pg_get_triggerdef(oid) from pg_trigger where tgrelid = 'whole'::regclass loop
        execute replace(definition, 'public.whole', raw::text);
    end loop;
end $$;
select follow('raw_vitals');
";

#[test]
fn a_partition_written_directly_is_found_and_a_dropped_one_is_reported() {
    let site = Site::new();
    site.psql(PARTITIONED);
    site.insert("raw_vitals", 1, "01-05");
    assert_eq!(site.count("group_changes"), "1");
    site.program.ok(&["run-once"]);

    site.insert("february", 2, "02-05");
    let triggers = || site.finding(&site.program, "triggers");
    let found = triggers();
    assert!(
        found.starts_with("error: missing or disabled: february: delete, february: insert"),
        "{found}"
    );
    site.drifted_unseen();
    site.mended("2");

    site.psql("select follow('january'), follow('february')");
    assert_eq!(triggers(), "ok: all there");
    site.insert("february", 3, "02-06");
    assert_eq!(site.count("group_changes"), "1");
    site.program.ok(&["run-once"]);
    site.program.ok(&["verify", "--all"]);

    // An import is one statement for every partition.
    site.program.file(
        "vitals.csv",
        "user_id,metric,value,unit,started_at,source,source_id\n\
         1,heart_rate,70,/min,2026-01-07T12:00:00Z,watch,a\n\
         1,heart_rate,71,/min,2026-02-07T12:00:00Z,watch,b\n",
    );
    let import = || site.program.ok(&["import", "csv", "vitals.csv"]);
    import();
    import();
    assert_eq!(site.count("raw_vitals"), "5");
    site.program.ok(&["run-once"]);

    site.psql("drop table february");
    assert_eq!(site.count("group_changes"), "0");
    let days = "vitals_aggregates where period = 'day'";
    let ran = site.program.run(&["verify", "--all", "--repair"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("raw rows are missing"), "{ran:?}");
    assert_eq!(site.count(days), "5", "the aggregates stay");
    let accepted = ["verify", "--all", "--repair", "--accept-missing"];
    let ran = site.program.run(&accepted);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(site.count(days), "2");
    site.program.ok(&["verify", "--all"]);
}

#[test]
fn rows_that_a_policy_hides_are_an_error_and_no_empty_day() {
    let site = Site::new();
    let role = format!("{}_worker", site.name);
    site.psql(&format!(
        "create role {role} login; grant all on all tables in schema public to {role}; \
         grant execute on all functions in schema public to {role}"
    ));
    site.insert("raw_vitals", 1, "01-05");
    let url = site.program.url.replace("postgres@", &format!("{role}@"));
    let program = Program::on(&url);
    program.ok(&["run-once"]);
    assert_eq!(site.finding(&program, "row security"), "ok: hides no rows");

    site.psql(
        "alter table raw_vitals enable row level security; \
         create policy nothing on raw_vitals using (false); update raw_vitals set value = 61",
    );
    let found = site.finding(&program, "row security");
    assert!(found.starts_with("error: "), "{found}");
    assert!(found.ends_with(": raw_vitals"), "{found}");
    let ran = program.run(&["run-once"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let days = "vitals_aggregates where period = 'day'";
    assert_eq!(site.count(days), "1");
    // Its owner and those whom policies do not concern see every row.
    assert_eq!(
        site.finding(&site.program, "row security"),
        "ok: hides no rows"
    );
    site.psql(&format!("alter role {role} bypassrls"));
    assert_eq!(site.finding(&program, "row security"), "ok: hides no rows");
    // Of an application's table behind a view it counts as whom the view reads.
    site.psql(&format!(
        "alter role {role} nobypassrls; alter table raw_vitals rename to own; \
         create role {role}_owner; grant select on own to {role}_owner; \
         create view raw_vitals as select * from own; alter view raw_vitals owner to {role}_owner; \
         grant select on raw_vitals to {role}"
    ));
    let found = site.finding(&program, "row security");
    assert!(found.ends_with(": own"), "{found}");
    assert_eq!(site.finding(&program, "triggers"), "ok: all there");
    site.psql("alter table own disable row level security; alter table own disable trigger user");
    assert_eq!(site.finding(&program, "row security"), "ok: hides no rows");
    let found = site.finding(&program, "triggers");
    assert!(found.contains("own: delete, own: insert"), "{found}");
}
