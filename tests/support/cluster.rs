//! A throw-away PostgreSQL: started by the tests, gone with them, even when
//! they are killed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const PREFIX: &str = "vitalfold-pg-";

/// A running server on a Unix socket of its own.
pub(crate) struct Cluster {
    dir: PathBuf,
    port: u16,
    options: Vec<String>,
    /// Where the server's locales are, unless in their usual place.
    locales: Option<PathBuf>,
    databases: AtomicU32,
}

/// The server that tests share; each takes a database of its own.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| {
        Cluster::start(&[
            "-c",
            "max_connections=200",
            "-c",
            "shared_preload_libraries=pg_stat_statements",
        ])
    })
}

impl Cluster {
    /// Starts a server with further `postgres` options.
    pub(crate) fn start(options: &[&str]) -> Cluster {
        Cluster::start_on(5432, options)
    }

    /// The port names the socket, and counts where the options say to listen.
    pub(crate) fn start_on(port: u16, options: &[&str]) -> Cluster {
        Cluster::start_with(port, options, None)
    }

    /// Starts a server that speaks German, in a locale made for it.
    pub(crate) fn start_german(options: &[&str]) -> Cluster {
        let locales = std::env::temp_dir().join(format!("{PREFIX}{}-locales", std::process::id()));
        std::fs::create_dir_all(&locales).unwrap();
        let made = Command::new("localedef")
            .args(["-i", "de_DE", "-f", "UTF-8"])
            .arg(locales.join("de_DE.UTF-8"))
            .output()
            .unwrap();
        assert!(
            locales.join("de_DE.UTF-8/LC_MESSAGES").exists(),
            "localedef (Debian's locales): {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let options = [options, &["-c", "lc_messages=de_DE.UTF-8"]].concat();
        let cluster = Cluster::start_with(5432, &options, Some(locales));
        let error = cluster.refused("postgres", "postgres", "select 1 / 0");
        assert!(error.contains("durch Null"), "not German: {error}");
        cluster
    }

    fn start_with(port: u16, options: &[&str], locales: Option<PathBuf>) -> Cluster {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        sweep();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("{PREFIX}{}-{number}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let owner = owner();
        if let Some(user) = &owner {
            assert!(
                Command::new("chown")
                    .arg(user)
                    .arg(&dir)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let data = dir.join("data");
        let initdb = command(&owner, &[], "initdb")
            .arg("-D")
            .arg(&data)
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(initdb.success(), "initdb failed");
        let cluster = Cluster {
            dir,
            port,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            locales,
            databases: AtomicU32::new(0),
        };
        cluster.boot();
        cluster
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap()
    }

    /// Starts the server, the first time or after [`Cluster::stop`].
    pub(crate) fn boot(&self) {
        let data = self.dir.join("data");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"));
        let mut server = command(&owner(), &["--pdeathsig", "QUIT"], "postgres");
        server
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&self.dir)
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(&self.options)
            .envs(self.locales.iter().map(|folder| ("LOCPATH", folder)))
            .stderr(log.unwrap());
        // The death signal hangs on the thread that starts the server: this
        // one waits for it to the end.
        std::thread::spawn(move || server.status().unwrap());
        wait_until("the server is ready", || {
            std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|file| {
                file.lines()
                    .nth(7)
                    .is_some_and(|line| line.trim() == "ready")
            })
        });
    }

    /// Stops the server at once, as a crash would: it recovers when it boots.
    pub(crate) fn stop(&self) {
        let stopped = command(&owner(), &[], "pg_ctl")
            .args(["stop", "-m", "immediate", "-s", "-D"])
            .arg(self.dir.join("data"))
            .status();
        assert!(stopped.unwrap().success(), "pg_ctl stop failed");
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        &self.dir
    }

    /// Creates an empty database and returns its URL.
    pub(crate) fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("create database {name}"));
        self.url(&name)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let socket = self.dir.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    /// Runs statements and returns the rows as psql prints them unaligned.
    pub(crate) fn psql(&self, database: &str, statements: &str) -> String {
        let output = Command::new(binary("psql"))
            .args([
                "-h",
                self.dir.to_str().unwrap(),
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .args(["-p", &self.port.to_string()])
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statements,
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }
}

impl Cluster {
    /// Runs a statement as another role, which must be refused it; returns the
    /// error.
    pub(crate) fn refused(&self, database: &str, role: &str, statement: &str) -> String {
        let output = Command::new(binary("psql"))
            .args(["-h", self.dir.to_str().unwrap(), "-U", role, "-d", database])
            .args(["-p", &self.port.to_string(), "-X", "-q", "-c", statement])
            .output()
            .unwrap();
        assert!(!output.status.success(), "{role} may do this: {statement}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Runs statements as another role; returns what psql printed, or its
    /// errors.
    pub(crate) fn attempt(
        &self,
        database: &str,
        role: &str,
        statements: &str,
    ) -> Result<String, String> {
        let output = Command::new(binary("psql"))
            .args(["-h", self.dir.to_str().unwrap(), "-U", role, "-d", database])
            .args(["-p", &self.port.to_string(), "-X", "-q", "-A", "-t"])
            .args(["-v", "ON_ERROR_STOP=1", "-c", statements])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        match output.status.success() {
            true => Ok(text(output.stdout)),
            false => Err(text(output.stderr)),
        }
    }

    /// Replaces the rules of who may connect.
    pub(crate) fn write_hba(&self, rules: &str) {
        std::fs::write(self.dir.join("data/pg_hba.conf"), rules).unwrap();
        self.psql("postgres", "select pg_reload_conf()");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A test may have stopped it already, or fail because it is gone.
        let stopped = command(&owner(), &[], "pg_ctl")
            .args(["stop", "-m", "immediate", "-s", "-D"])
            .arg(self.dir.join("data"))
            .stderr(Stdio::null())
            .status();
        drop(stopped);
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// A session of another program, held open between statements.
pub(crate) struct Session {
    child: std::process::Child,
}

impl Cluster {
    pub(crate) fn session(&self, database: &str) -> Session {
        let child = Command::new(binary("psql"))
            .args([
                "-h",
                self.dir.to_str().unwrap(),
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .args(["-X", "-q", "-o", "/dev/null", "-p", &self.port.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Session { child }
    }
}

impl Session {
    pub(crate) fn send(&mut self, statements: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{statements}").unwrap();
    }

    /// Waits for the end of a session that the server ended.
    pub(crate) fn end_cut(mut self) {
        drop(self.child.stdin.take());
        assert!(!self.child.wait().unwrap().success());
    }

    /// Waits until the server has done everything that was sent.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// Polls a state, for at most three minutes: the machine may be busy.
pub(crate) fn wait_until(what: &str, mut state: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(180);
    while !state() {
        assert!(Instant::now() < give_up, "not within three minutes: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The unprivileged user that runs the server where the tests run as root,
/// whom PostgreSQL refuses.
pub(crate) fn owner() -> Option<String> {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    root.then(|| {
        let exists = Command::new("id")
            .arg("postgres")
            .output()
            .unwrap()
            .status
            .success();
        if exists { "postgres" } else { "nobody" }.to_owned()
    })
}

fn command(owner: &Option<String>, options: &[&str], program: &str) -> Command {
    unprivileged(owner, options, binary(program))
}

/// A program that refuses to run as root, with further options of `setpriv`.
pub(crate) fn unprivileged(owner: &Option<String>, options: &[&str], program: PathBuf) -> Command {
    let mut command = Command::new("setpriv");
    command.args(options);
    if let Some(user) = owner {
        let group = Command::new("id")
            .args(["-g", user])
            .output()
            .unwrap()
            .stdout;
        let group = String::from_utf8(group).unwrap();
        command.args([
            &format!("--reuid={user}"),
            &format!("--regid={}", group.trim()),
        ]);
        command.arg("--clear-groups");
    }
    command.arg(program).stdin(Stdio::null());
    command
}

/// A PostgreSQL program: from `PG_BINDIR`, else Debian's newest, else `PATH`.
pub(crate) fn binary(name: &str) -> PathBuf {
    if let Some(dir) = std::env::var_os("PG_BINDIR") {
        return Path::new(&dir).join(name);
    }
    let version = |path: &Path| -> u32 {
        path.file_name()
            .and_then(|name| name.to_str())
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    };
    let newest = std::fs::read_dir("/usr/lib/postgresql")
        .ok()
        .and_then(|versions| {
            versions
                .flatten()
                .map(|entry| entry.path())
                .max_by_key(|p| version(p))
        });
    match newest.map(|path| path.join("bin").join(name)) {
        Some(path) if path.exists() => path,
        _ => PathBuf::from(name),
    }
}

/// Removes what killed test runs left behind.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| {
                let (pid, _) = rest.split_once('-')?;
                pid.parse::<u32>().ok()
            });
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another test run may sweep at the same time.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}
