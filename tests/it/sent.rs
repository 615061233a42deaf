//! What is sent to a server for one group: the statements of its transaction, in
//! order, beside those of `tests/it/sent`. A change of a statement is a change of
//! a file there, written anew by `SENT=write cargo test --test it sent`.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::program::Program;

const ROWS: [(&str, &str); 3] = [
    (
        "vitals",
        "insert into raw_vitals (user_id, metric, value, unit, started_at, utc_offset_minutes) values \
         (1, 'heart_rate', 70, '/min', '2026-01-05 10:00Z', 0), \
         (1, 'heart_rate', 7000, '/min', '2026-01-05 10:00Z', 0)",
    ),
    (
        "labs",
        "insert into raw_labs (user_id, name, value, unit, collected_at, utc_offset_minutes) values \
         (1, 'Glucose', '90', 'mg/dL', '2026-01-05 10:00Z', 0)",
    ),
    (
        "nutrition",
        "insert into raw_nutrition (user_id, nutrient, amount, unit, eaten_at, utc_offset_minutes) \
         values (1, 'energy', 500, 'kcal', '2026-01-05 10:00Z', 0)",
    ),
];

#[test]
fn a_group_is_read_and_written_by_these_statements() {
    let server = Cluster::start(&["-c", "log_statement=all", "-c", "log_line_prefix=%p "]);
    for (domain, rows) in ROWS {
        server.psql("postgres", &format!("create database {domain}"));
        let program = Program::on(&server.url(domain));
        program.ok(&["migrate"]);
        server.psql(domain, rows);
        let before = server.log().len();
        program.ok(&["run-once"]);
        let sent = transactions(&server.log()[before..]);
        assert_eq!(sent.len(), 1, "one transaction folds the group: {sent:?}");
        let sent = sent[0].join(";\n") + ";\n";
        let path = format!("{}/tests/it/sent/{domain}.sql", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("SENT").is_some_and(|value| value == "write") {
            std::fs::write(&path, &sent).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert_eq!(sent, expected, "{path}");
        let raw = format!("raw_{domain}");
        for statement in sent.lines() {
            let writes = ["insert into ", "update ", "delete from "];
            let touches = |verb: &&str| statement.contains(&format!("{verb}{raw}"));
            assert!(!writes.iter().any(touches), "{statement}");
        }
    }
}

/// The statements of each transaction that folds a group. Sessions write their
/// lines among each other's.
fn transactions(log: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut open: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        let Some((session, line)) = line.split_once(' ') else {
            continue;
        };
        let executed = line.strip_prefix("LOG:  execute ");
        let executed = executed.and_then(|rest| Some(rest.split_once(": ")?.1));
        let Some(statement) = line.strip_prefix("LOG:  statement: ").or(executed) else {
            continue;
        };
        if statement.starts_with("begin isolation level read committed") {
            open.insert(session, vec![statement.to_owned()]);
        } else if let Some(statements) = open.get_mut(session) {
            statements.push(statement.to_owned());
            if statement == "commit" {
                all.extend(open.remove(session));
            }
        }
    }
    all
}
