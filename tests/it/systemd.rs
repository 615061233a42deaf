//! What systemd is told, and the files that it is given.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cluster::{Cluster, wait_until};
use crate::program::{Program, Ran, signal};

/// A worker that was started as systemd does.
struct Service {
    child: Child,
    socket: UnixDatagram,
}

impl Service {
    fn start(program: &Program) -> Service {
        let path = program.dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let child = program
            .command(&["worker"])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "400000")
            .env("VITALFOLD__POOL__LOCK_TIMEOUT", "60s")
            .env("VITALFOLD__WORKER__SETTLE", "0s")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Service { child, socket }
    }

    /// The next message, or none when nothing is said for a while.
    fn next(&self, patience: Duration) -> Option<String> {
        let mut buffer = [0; 4096];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(
            String::from_utf8_lossy(&buffer[..length])
                .trim_end()
                .to_owned(),
        )
    }

    /// Listens until a message that begins so.
    fn hear(&self, beginning: &str) -> String {
        loop {
            let message = self.next(Duration::from_secs(60));
            let message = message.unwrap_or_else(|| panic!("never heard {beginning}"));
            if message.starts_with(beginning) {
                return message;
            }
        }
    }
}

#[test]
fn the_service_is_ready_tells_how_it_goes_and_stops() {
    let server = Cluster::start(&[]);
    let program = Program::on(&server.database());
    program.ok(&["migrate"]);
    let mut service = Service::start(&program);
    service.hear("READY=1");
    let status = service.hear("STATUS=");
    assert!(status.contains("0 rows pending"), "{status}");
    for _ in 0..3 {
        service.hear("WATCHDOG=1");
    }
    signal(&service.child, "TERM");
    service.hear("STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_watchdog_is_fed_through_an_outage_and_not_by_a_loop_that_stands_still() {
    let server = Cluster::start(&[]);
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    let program = Program::on(&url);
    program.ok(&["migrate"]);
    let mut service = Service::start(&program);
    service.hear("WATCHDOG=1");

    // The loop waits for the heartbeat's table.
    let mut other = server.session(name);
    other.send("begin; lock table worker_heartbeats in access exclusive mode;");
    wait_until("the worker waits", || {
        server.psql(name, "select count(*) from pg_locks where not granted") != "0"
    });
    let mut heard = 0;
    while let Some(message) = service.next(Duration::from_secs(2)) {
        heard += usize::from(message == "WATCHDOG=1");
        assert!(heard < 50, "fed although the loop stands still");
    }
    other.send("commit;");
    other.end();
    service.hear("WATCHDOG=1");

    // The database goes away.
    let open = |open: bool| {
        server.psql(
            "postgres",
            &format!(
                "update pg_database set datallowconn = {open} where datname = '{name}'; \
                 select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
            ),
        );
    };
    open(false);
    // Probes come at growing intervals.
    for _ in 0..4 {
        service.hear("WATCHDOG=1");
    }
    open(true);
    server.psql(
        name,
        "insert into raw_vitals (user_id, metric, value, unit, started_at) \
         values (1, 'heart_rate', 60, '/min', '2026-01-01 00:00Z')",
    );
    wait_until("the worker goes on without a restart", || {
        server.psql(
            name,
            "select count(*) from vitals_aggregates where period = 'day'",
        ) == "1"
    });
    signal(&service.child, "TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_password_comes_from_a_file() {
    let server = Cluster::start(&[]);
    let database = server.database();
    server.psql(
        "postgres",
        "create role app login superuser password 'p@ss/w:rd'",
    );
    server.write_hba("local all app scram-sha-256\nlocal all all trust\n");
    let program = Program::on(&database.replace("postgres@", "app@"));
    let secret = program.file("secret", "p@ss/w:rd\n");
    let with = |file: &str| {
        let mut command = program.command(&["migrate"]);
        command.env("VITALFOLD__DATABASE__PASSWORD_FILE", file);
        Ran::from(command.output().unwrap())
    };
    let ran = with(&secret);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!format!("{ran:?}").contains("w:rd"), "{ran:?}");
    let ran = with("nowhere");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("password_file nowhere"), "{ran:?}");
    assert_eq!(
        program.run(&["status"]).code,
        Some(2),
        "without the password"
    );
}

#[test]
fn in_the_journal_a_line_has_its_priority() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let log = PathBuf::from(program.file("log", ""));
    let stream = |path: &Path| {
        let file = std::fs::metadata(path).unwrap();
        format!("{}:{}", file.dev(), file.ino())
    };
    let run = |journal: String| {
        let mut command = program.command(&["run-once"]);
        command
            .env("JOURNAL_STREAM", journal)
            .env("VITALFOLD__ENVIRONMENT", "production")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        assert!(command.status().unwrap().success());
        std::fs::read_to_string(&log).unwrap()
    };
    let text = run(stream(&log));
    assert!(text.starts_with("<4>"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("<6>")), "{text}");
    // A pipe of a service is not the journal.
    let text = run(stream(program.dir.path()));
    assert!(text.starts_with('{'), "{text}");
}

#[test]
fn the_units_are_right_and_strict() {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/systemd");
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: systemd-analyze is absent");
        return;
    }
    // The program need not be installed here.
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in [
        "vitalfold-worker.service",
        "vitalfold-run-once.service",
        "vitalfold-run-once.timer",
    ] {
        let text = std::fs::read_to_string(units.join(name)).unwrap();
        let own = env!("CARGO_BIN_EXE_vitalfold");
        let file = dir.path().join(name);
        std::fs::write(&file, text.replace("/usr/local/bin/vitalfold", own)).unwrap();
        files.push(file);
    }
    let analyze = |args: &[&str], files: &[PathBuf]| {
        let mut command = Command::new("systemd-analyze");
        let output = command.args(args).args(files).output().unwrap();
        let ran = Ran::from(output);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran
    };
    let ran = analyze(&["verify", "--man=no"], &files);
    assert_eq!(ran.stderr, "", "{ran:?}");
    for service in &files[..2] {
        let one = std::slice::from_ref(service);
        // In tenths: 2.0 or better.
        analyze(&["security", "--offline=true", "--threshold=20"], one);
    }
}

#[test]
fn the_install_script_says_what_it_would_do() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/systemd/install");
    let run = |args: &[&str]| Ran::from(Command::new(&script).args(args).output().unwrap());
    let ran = run(&["--dry-run", "run-once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["vitalfold-run-once.timer", "config.toml", "daemon-reload"] {
        assert!(ran.stdout.contains(part), "{ran:?}");
    }
    assert_eq!(run(&["--dry-run"]).code, Some(2));
    assert_eq!(run(&["everything"]).code, Some(2));
}
