//! A throw-away PgBouncer.

use std::path::PathBuf;
use std::process::{Child, Command};

use crate::cluster::{Cluster, owner, unprivileged, wait_until};

/// A running PgBouncer before a server.
pub(crate) struct PgBouncer {
    dir: tempfile::TempDir,
    child: Child,
}

impl PgBouncer {
    pub(crate) fn start(pool_mode: &str, cluster: &Cluster) -> PgBouncer {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let settings = format!(
            "[databases]\n* = host={server}\n[pgbouncer]\npool_mode = {pool_mode}\n\
             listen_addr =\nlisten_port = 6432\nunix_socket_dir = {path}\nauth_type = trust\n\
             auth_file = {path}/users\nmax_client_conn = 200\ndefault_pool_size = 100\n",
            server = cluster.socket_dir().display(),
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
        PgBouncer {
            child: run(&dir),
            dir,
        }
    }

    /// Kills it and starts it again in the same place.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = run(&self.dir);
    }

    pub(crate) fn url(&self, database: &str) -> String {
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

fn run(dir: &tempfile::TempDir) -> Child {
    let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| "pgbouncer".into());
    let socket = dir.path().join(".s.PGSQL.6432");
    drop(std::fs::remove_file(&socket));
    let child = unprivileged(&owner(), &["--pdeathsig", "TERM"], program)
        .arg("-q")
        .arg(dir.path().join("pgbouncer.ini"))
        .spawn()
        .unwrap();
    wait_until("pgbouncer listens", || socket.exists());
    child
}
