#![allow(dead_code, unused_imports)]
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
mod pooler;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/states.rs"]
mod states;
#[path = "../it/conformance/mod.rs"]
mod conformance;
#[path = "../it/doctor.rs"]
mod doctor;
#[path = "../it/copy.rs"]
mod copy;
#[path = "../it/unseen.rs"]
mod unseen;
#[path = "../it/fhir_versions.rs"]
mod fhir_versions;
#[path = "../it/retention.rs"]
mod retention;
#[path = "../it/modes.rs"]
mod modes;
