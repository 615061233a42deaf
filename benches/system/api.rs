//! The application beside the worker: reads of aggregates and inserts of raw
//! rows at a fixed rate, by pgbench.

use std::process::{Child, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::line::quantile;
use crate::server::Server;

/// Four reads for each insert.
const SCRIPT: &str = "\
\\set user random(1, :users)
\\if random(1, 5) < 5
select period_start, metric, unit, count, mean, min, max from vitals_aggregates
where user_id = :user and period = 'day' and local_date >= date '2026-01-05';
\\else
insert into raw_vitals (user_id, metric, value, unit, started_at, utc_offset_minutes, source)
values (:user, 'heart_rate', 60 + random() * 60, '/min', clock_timestamp(), 60, 'application');
\\endif
";

/// A request that takes longer than this is late.
const LATE_MS: u32 = 1000;

pub(crate) struct Load {
    pub(crate) clients: u32,
    /// Requests a second, of all clients.
    pub(crate) rate: u32,
    pub(crate) seconds: u64,
    pub(crate) users: u64,
}

pub(crate) struct Api {
    child: Child,
    dir: tempfile::TempDir,
}

/// What the clients saw.
pub(crate) struct Answers {
    /// When each request ended, and how long it took, both in seconds.
    requests: Vec<(f64, f64)>,
    /// Failed, or later than [`LATE_MS`].
    pub(crate) bad: u64,
}

impl Api {
    pub(crate) fn start(server: &Server, database: &str, load: &Load) -> Api {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        std::fs::write(&script, SCRIPT).unwrap();
        let child = server
            .client("pgbench", database)
            .args(["--no-vacuum", "--protocol=prepared", "--log", "--jobs=2"])
            .arg(format!("--log-prefix={}", dir.path().join("log").display()))
            .arg(format!("--client={}", load.clients))
            .arg(format!("--rate={}", load.rate))
            .arg(format!("--time={}", load.seconds))
            .arg(format!("--latency-limit={LATE_MS}"))
            .arg(format!("--define=users={}", load.users))
            .arg("--file")
            .arg(&script)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("errors")).unwrap())
            .spawn()
            .unwrap();
        Api { child, dir }
    }

    pub(crate) fn end(mut self) -> Answers {
        let status = self.child.wait().unwrap();
        let errors = std::fs::read_to_string(self.dir.path().join("errors")).unwrap();
        let mut answers = Answers {
            requests: Vec::new(),
            bad: errors.lines().filter(|line| line.contains("error")).count() as u64
                + u64::from(!status.success()),
        };
        for entry in std::fs::read_dir(self.dir.path()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("log") {
                answers.read(&std::fs::read_to_string(entry.path()).unwrap());
            }
        }
        answers
    }
}

impl Answers {
    /// client, number, µs, script, second, microsecond, µs behind the schedule
    fn read(&mut self, log: &str) {
        for line in log.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let number = |index: usize| fields[index].parse::<f64>();
            match (number(2), number(4), number(5)) {
                (Ok(took), Ok(second), Ok(micros)) => {
                    self.requests.push((second + micros / 1e6, took / 1e6));
                    self.bad += u64::from(took > f64::from(LATE_MS) * 1000.0);
                }
                // `skipped` or `failed`.
                _ => self.bad += 1,
            }
        }
    }

    /// Milliseconds that 99 % of the requests which ended between two times
    /// did not exceed.
    pub(crate) fn p99(&self, from: SystemTime, to: SystemTime) -> f64 {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let within = seconds(from)..seconds(to);
        let took: Vec<f64> = self
            .requests
            .iter()
            .filter(|(ended, _)| within.contains(ended))
            .map(|(_, took)| took * 1000.0)
            .collect();
        quantile(&took, 0.99)
    }
}
