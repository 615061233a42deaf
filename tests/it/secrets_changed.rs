//! Passwords and CA certificates that an operator replaces under a running
//! worker.

use std::path::Path;
use std::process::Stdio;

use crate::cluster::{Cluster, wait_until};
use crate::program::{Program, Running};
use crate::tls::certificates;

/// A worker whose log is the file `log`.
struct Worker<'a> {
    process: Running,
    program: &'a Program,
    cluster: &'a Cluster,
}

impl<'a> Worker<'a> {
    fn start(program: &'a Program, cluster: &'a Cluster, variables: &[(&str, &Path)]) -> Self {
        let log = std::fs::File::create(program.dir.path().join("log")).unwrap();
        let mut command = program.command(&["worker"]);
        command
            .env("VITALFOLD__WORKER__SETTLE", "0s")
            .env("VITALFOLD__WORKER__POLL", "100ms")
            .env("VITALFOLD__WORKER__RETRY_BACKOFF", "100ms")
            .env("VITALFOLD__WORKER__MAX_RETRY_BACKOFF", "500ms")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log);
        Worker {
            process: Running(command.spawn().unwrap()),
            program,
            cluster,
        }
    }

    /// Inserts a row and waits until it is folded.
    fn folds(&mut self) {
        let id = self.cluster.psql(
            "d",
            "insert into raw_vitals (user_id, metric, value, unit, started_at) \
             values (1, 'body_weight', 70, 'kg', now()) returning id",
        );
        let folded = format!(
            "select state = 'completed' from raw_vitals_states where user_id = 1 and id = {id}"
        );
        wait_until("the row is folded", || {
            assert_eq!(self.process.try_wait().unwrap(), None, "{}", self.log());
            self.cluster.psql("d", &folded) == "t"
        });
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.program.dir.path().join("log")).unwrap()
    }

    /// Ends its sessions and waits until the log tells why there are no others.
    fn is_kept_out(&mut self, reason: &str) {
        self.cluster.psql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where application_name like 'vitalfold%'",
        );
        wait_until("the worker is kept out", || {
            assert_eq!(self.process.try_wait().unwrap(), None, "{}", self.log());
            self.log().contains(reason)
        });
    }
}

#[test]
fn a_password_changed_on_the_server_and_then_in_its_file_is_used() {
    let cluster = Cluster::start(&[]);
    cluster.psql("postgres", "create database d");
    let administrator = Program::on(&cluster.url("d"));
    administrator.ok(&["migrate"]);
    cluster.psql("d", "create role app superuser login password 'first'");
    cluster.write_hba("local all postgres trust\nlocal all all scram-sha-256\n");
    let program = Program::on(&cluster.url("d").replace("postgres@", "app@"));
    let file = program.file("password", "first\n");
    let variable = "VITALFOLD__DATABASE__PASSWORD_FILE";
    let mut worker = Worker::start(&program, &cluster, &[(variable, Path::new(&file))]);
    worker.folds();

    cluster.psql("d", "alter role app password 'second'");
    worker.is_kept_out("SQLSTATE 28P01");
    program.file("password", "second\n");
    worker.folds();

    // The file first, and then the server.
    let refused = worker.log().matches("28P01").count();
    program.file("password", "third\n");
    cluster.psql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'",
    );
    wait_until("the new password is refused", || {
        worker.log().matches("28P01").count() > refused
    });
    cluster.psql("d", "alter role app password 'third'");
    worker.folds();
    for password in ["first", "second", "third"] {
        assert!(!worker.log().contains(password), "{}", worker.log());
    }

    // A first login that is refused ends the start at once.
    program.file("password", "wrong\n");
    let mut command = program.command(&["run-once"]);
    let ended = command.env(variable, &file).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
}

#[test]
fn a_ca_replaced_in_its_file_is_trusted() {
    let (dir, next) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(dir.path());
    certificates(next.path());
    let option = |name: &str, file: &str| format!("{name}={}", dir.path().join(file).display());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let cluster = Cluster::start_on(
        port,
        &[
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "ssl=on",
            "-c",
            &option("ssl_cert_file", "server.pem"),
            "-c",
            &option("ssl_key_file", "server.key"),
        ],
    );
    cluster.psql("postgres", "create database d");
    let ca = dir.path().join("ca.pem");
    let program = Program::on(&format!(
        "postgres://postgres@localhost:{port}/d?sslmode=verify-full&sslrootcert={}",
        ca.display()
    ));
    program.ok(&["migrate"]);
    let mut worker = Worker::start(&program, &cluster, &[]);
    worker.folds();

    for file in ["server.pem", "server.key"] {
        std::fs::copy(next.path().join(file), dir.path().join(file)).unwrap();
    }
    cluster.psql("postgres", "select pg_reload_conf()");
    worker.is_kept_out("invalid peer certificate");
    // Nor is a file in the middle of its replacement a reason to give up.
    std::fs::write(&ca, "").unwrap();
    wait_until("the empty file is told", || {
        worker.log().contains("no CA certificate in")
    });
    std::fs::copy(next.path().join("ca.pem"), &ca).unwrap();
    worker.folds();
}
