#![allow(dead_code)]
#[path = "../it/cluster.rs"]
mod cluster;
#[path = "../it/database.rs"]
mod database;
#[path = "../it/program.rs"]
mod program;
#[path = "../it/doctor.rs"]
mod doctor;
#[path = "../it/copy.rs"]
mod copy;
#[path = "../it/unseen.rs"]
mod unseen;
#[path = "../it/fhir_versions.rs"]
mod fhir_versions;
#[path = "../it/conformance.rs"]
#[macro_use]
#[cfg(any())]
mod conformance;
