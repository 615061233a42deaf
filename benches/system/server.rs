//! The server that everything runs on.

use std::path::PathBuf;
use std::process::Command;

use crate::cluster::{Cluster, wait_until};
use crate::process;

pub(crate) struct Server {
    cluster: Cluster,
    postmaster: u32,
}

/// PostgreSQL's defaults but for memory and checkpoints, which every server of
/// some size has set; commits reach the disk.
const OPTIONS: &[&str] = &[
    "-c",
    "fsync=on",
    "-c",
    "shared_buffers=512MB",
    "-c",
    "max_wal_size=4GB",
];

impl Server {
    pub(crate) fn start() -> Server {
        Server::with(&[])
    }

    /// With further options.
    pub(crate) fn with(options: &[&str]) -> Server {
        let cluster = Cluster::start(&[OPTIONS, options].concat());
        let file = cluster.socket_dir().join("data/postmaster.pid");
        let postmaster = std::fs::read_to_string(file).unwrap();
        let postmaster = postmaster.lines().next().unwrap().trim().parse().unwrap();
        Server {
            cluster,
            postmaster,
        }
    }

    /// CPU seconds of all its processes so far.
    pub(crate) fn cpu(&self) -> f64 {
        process::server_cpu(self.postmaster)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.cluster.socket_dir().to_owned()
    }

    pub(crate) fn sql(&self, database: &str, statements: &str) -> String {
        self.cluster.psql(database, statements)
    }

    /// A fresh copy of a database, with what it wrote behind it.
    pub(crate) fn copy(&self, template: &str, name: &str) {
        self.drop_database(name);
        self.sql(
            "postgres",
            &format!("create database {name} template {template}"),
        );
        self.sql("postgres", "checkpoint");
    }

    pub(crate) fn drop_database(&self, name: &str) {
        self.sql(
            "postgres",
            &format!("drop database if exists {name} with (force)"),
        );
    }

    /// Waits until sessions have ended: their CPU time counts from then on.
    pub(crate) fn settled(&self) {
        let others = "select count(*) from pg_stat_activity \
                      where backend_type = 'client backend' and pid <> pg_backend_pid()";
        wait_until("sessions have ended", || {
            self.sql("postgres", others) == "0"
        });
    }

    /// A program of PostgreSQL's on one of its databases.
    pub(crate) fn client(&self, program: &str, database: &str) -> Command {
        let mut command = process::postgres_program(program);
        command
            .arg("-h")
            .arg(self.socket())
            .args(["-U", "postgres"])
            // pgbench has another meaning for -d.
            .env("PGDATABASE", database);
        command
    }
}
