//! The integration tests: real databases, the real binary, real signals.

#[macro_use]
#[path = "../support/backends.rs"]
mod backends;
#[path = "../support/cluster.rs"]
mod cluster;
#[path = "../support/database.rs"]
mod database;
#[path = "../support/gate.rs"]
mod gate;
#[path = "../support/pooler.rs"]
#[expect(dead_code, reason = "the chaos suite restarts it")]
mod pooler;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/states.rs"]
mod states;

mod bench_compare;
mod boundaries;
mod browser;
mod conformance;
mod copy;
mod cutting;
mod docker;
mod docs;
mod doctor;
mod edge;
mod fhir_versions;
mod field_cases;
mod fold_oracle;
mod garbage;
mod health;
mod lab_texts;
mod labs_oracle;
mod languages;
mod limits;
mod modes;
mod monitoring;
mod nutrition;
mod pacing;
mod page;
mod pgbouncer;
mod poison;
mod privacy;
mod real_data;
mod retention;
mod secrets_changed;
mod sent;
mod served;
mod simulation;
mod sqlite_files;
mod survival;
mod systemd;
mod tenant;
mod terminal;
mod tls;
mod triggers;
mod triggers_sqlite;
mod units;
mod unseen;
mod upgrade;
mod upgrade_sqlite;
mod vital_bounds;
mod vitals_page;
