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
