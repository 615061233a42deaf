//! PgBouncer in between.

use std::path::PathBuf;
use std::process::{Child, Command};

use crate::cluster::{self, owner, unprivileged, wait_until};
use crate::program::Program;

/// A running PgBouncer before the shared server.
struct PgBouncer {
    dir: tempfile::TempDir,
    child: Child,
}

impl PgBouncer {
    fn start(pool_mode: &str) -> PgBouncer {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let settings = format!(
            "[databases]\n* = host={server}\n[pgbouncer]\npool_mode = {pool_mode}\n\
             listen_addr =\nlisten_port = 6432\nunix_socket_dir = {path}\nauth_type = trust\n\
             auth_file = {path}/users\nmax_client_conn = 200\ndefault_pool_size = 100\n",
            server = cluster::shared().socket_dir().display(),
        );
        std::fs::write(dir.path().join("pgbouncer.ini"), settings).unwrap();
        std::fs::write(dir.path().join("users"), "\"postgres\" \"\"\n").unwrap();
        if let Some(user) = owner() {
            let chown = Command::new("chown")
                .args(["-R", &user])
                .arg(dir.path())
                .status();
            assert!(chown.unwrap().success());
        }
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
            .unwrap_or_else(|| "pgbouncer".into());
        let child = unprivileged(&owner(), &["--pdeathsig", "TERM"], program)
            .arg("-q")
            .arg(dir.path().join("pgbouncer.ini"))
            .spawn()
            .unwrap();
        wait_until("pgbouncer listens", || {
            dir.path().join(".s.PGSQL.6432").exists()
        });
        PgBouncer { dir, child }
    }

    fn url(&self, database: &str) -> String {
        let socket = self.dir.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{socket}:6432/{database}")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn new_database() -> String {
    cluster::shared()
        .database()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn session_mode_folds() {
    let pooler = PgBouncer::start("session");
    let database = new_database();
    let program = Program::on(&pooler.url(&database));
    program.ok(&["migrate"]);
    cluster::shared().psql(
        &database,
        "insert into raw_vitals (user_id, metric, value, unit, started_at) \
         select u, 'heart_rate', 60, '/min', timestamptz '2026-01-01Z' + make_interval(days => d) \
         from generate_series(1, 20) u, generate_series(1, 10) d",
    );
    assert!(program.ok(&["run-once"]).starts_with("200 groups folded"));
    program.ok(&["verify", "--all"]);
}

#[test]
fn transaction_mode_is_refused() {
    let pooler = PgBouncer::start("transaction");
    let program = Program::on(&pooler.url(&new_database()));
    for command in ["migrate", "run-once", "status"] {
        let ran = program.run(&[command]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("pool_mode = session"), "{ran:?}");
    }
}
