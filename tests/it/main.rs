//! The integration tests: real databases, the real binary, real signals.

mod browser;
mod cluster;
mod database;
mod program;

// First: it has the macro that declares a test per backend.
#[macro_use]
mod conformance;
mod boundaries;
mod copy;
mod cutting;
mod docker;
mod docs;
mod doctor;
mod fold_oracle;
mod garbage;
mod health;
mod labs_oracle;
mod modes;
mod monitoring;
mod nutrition;
mod pacing;
mod page;
mod pgbouncer;
#[allow(dead_code, reason = "the chaos suite restarts it")]
mod pooler;
mod privacy;
mod real_data;
mod retention;
mod served;
mod simulation;
mod sqlite_files;
mod survival;
mod systemd;
mod terminal;
mod tls;
mod units;
mod vitals_page;
