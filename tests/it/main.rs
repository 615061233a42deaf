//! The integration tests: real databases, the real binary, real signals.

mod browser;
mod cluster;
mod database;
mod program;

// First: it has the macro that declares a test per backend.
#[macro_use]
mod conformance;
mod bench_compare;
mod boundaries;
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
#[allow(dead_code, reason = "the chaos suite restarts it")]
mod pooler;
mod privacy;
mod real_data;
mod retention;
mod secrets_changed;
mod served;
mod simulation;
mod sqlite_files;
mod survival;
mod systemd;
mod tenant;
mod terminal;
mod tls;
mod units;
mod vital_bounds;
mod vitals_page;
