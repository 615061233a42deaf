//! Real workers under a supervisor that starts again whatever dies, as
//! systemd's `Restart=always` does.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::arena::wait_for;
use crate::program::{Program, signal};

pub(crate) struct Workers {
    slots: Vec<Arc<Slot>>,
    supervisors: Vec<JoinHandle<()>>,
}

struct Slot {
    child: Mutex<Child>,
    starts: AtomicU32,
    stop: AtomicBool,
    log: PathBuf,
}

/// Small, hasty and talkative: what takes a production worker a minute takes
/// this one a second.
const SETTINGS: &[(&str, &str)] = &[
    ("WORKER__SETTLE", "0s"),
    ("WORKER__POLL", "100ms"),
    ("WORKER__CONCURRENCY", "4"),
    ("WORKER__RETRY_BACKOFF", "300ms"),
    ("WORKER__MAX_RETRY_BACKOFF", "2s"),
    ("POOL__SIZE", "6"),
    ("POOL__MAX_OVERFLOW", "2"),
    ("POOL__WAIT_TIMEOUT", "5s"),
    ("POOL__CONNECT_TIMEOUT", "2s"),
    ("POOL__STATEMENT_TIMEOUT", "10s"),
    ("POOL__LOCK_TIMEOUT", "1s"),
    ("POOL__IDLE_IN_TRANSACTION_TIMEOUT", "1s"),
    ("HTTP__LISTEN", "127.0.0.1:0"),
    ("LOG__FORMAT", "json"),
    ("LOG__LEVEL", "info,vitalfold=debug"),
];

/// A worker of `program`, with limits as options of `prlimit` and more settings
/// of the environment. It dies with the thread that starts it.
fn command(
    program: &Program,
    limits: &[&str],
    settings: &[(&str, &str)],
    variables: &[(String, String)],
) -> Command {
    let worker = program.command(&["worker"]);
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    // A write beyond a limit of the process fails like any other.
    command.args(["env", "--ignore-signal=XFSZ"]);
    command.arg("prlimit").args(limits);
    command.arg(worker.get_program()).args(worker.get_args());
    command.current_dir(program.dir.path()).env_clear();
    command.env("DATABASE_URL", &program.url);
    for (key, value) in SETTINGS.iter().chain(settings) {
        command.env(format!("VITALFOLD__{key}"), value);
    }
    command.envs(variables.iter().cloned());
    command.process_group(0);
    command
}

impl Workers {
    /// Starts `count` workers. `variables` gives each its own environment.
    pub(crate) fn start(
        program: &Program,
        count: usize,
        settings: &[(&str, &str)],
        variables: impl Fn(usize) -> Vec<(String, String)>,
    ) -> Workers {
        Workers::limited(program, count, &[], settings, variables)
    }

    /// The same under limits of the process, such as `--nofile=128`.
    pub(crate) fn limited(
        program: &Program,
        count: usize,
        limits: &[&str],
        settings: &[(&str, &str)],
        variables: impl Fn(usize) -> Vec<(String, String)>,
    ) -> Workers {
        let (slots, supervisors) = (0..count)
            .map(|number| {
                let log = program.dir.path().join(format!("worker-{number}.log"));
                supervise(command(program, limits, settings, &variables(number)), log)
            })
            .unzip();
        Workers { slots, supervisors }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn kill(&self, number: usize) {
        let slot = &self.slots[number];
        let starts = slot.starts.load(Ordering::SeqCst);
        // It may be between two lives.
        drop(slot.child.lock().unwrap().kill());
        wait_for(
            Duration::from_secs(10),
            "the supervisor starts it again",
            || slot.starts.load(Ordering::SeqCst) > starts,
        );
    }

    pub(crate) fn signal(&self, number: usize, name: &str) {
        signal(&self.slots[number].child.lock().unwrap(), name);
    }

    /// Stops a process, and waits until none of its threads goes on: on a busy
    /// machine that takes a while.
    pub(crate) fn freeze(&self, number: usize) {
        self.signal(number, "STOP");
        let pid = self.slots[number].child.lock().unwrap().id();
        wait_for(Duration::from_secs(10), "every thread is frozen", || {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            threads.flatten().all(|thread| {
                let stat = std::fs::read_to_string(thread.path().join("stat"));
                // The state follows the name, which stands in parentheses.
                let stat = stat.unwrap_or_default();
                stat.rsplit(") ").next().unwrap().starts_with('T')
            })
        });
    }

    /// How large the files of a running worker may become, in bytes.
    pub(crate) fn limit_files(&self, number: usize, size: &str) {
        let pid = self.slots[number].child.lock().unwrap().id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--fsize={size}:unlimited")])
            .status();
        assert!(limited.unwrap().success());
    }

    pub(crate) fn open_files(&self, number: usize) -> usize {
        let pid = self.slots[number].child.lock().unwrap().id();
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count()
    }

    /// How often any of them was started.
    pub(crate) fn starts(&self) -> u32 {
        let starts = |slot: &Arc<Slot>| slot.starts.load(Ordering::SeqCst);
        self.slots.iter().map(starts).sum()
    }

    /// Log lines of all of them that hold any of `parts`.
    pub(crate) fn logged(&self, parts: &[&str]) -> u64 {
        let holds = |line: &&str| parts.iter().any(|part| line.contains(part));
        self.slots
            .iter()
            .map(|slot| {
                let log = std::fs::read(&slot.log).unwrap_or_default();
                let log = String::from_utf8_lossy(&log);
                log.lines().filter(holds).count() as u64
            })
            .sum()
    }

    /// When each worker wrote the first line of its log, by its own clock.
    pub(crate) fn clocks(&self) -> Vec<DateTime<Utc>> {
        let first = |slot: &Arc<Slot>| -> DateTime<Utc> {
            let log = std::fs::read_to_string(&slot.log).unwrap();
            let line = log.lines().next().unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["timestamp"].as_str().unwrap().parse().unwrap()
        };
        self.slots.iter().map(first).collect()
    }

    /// The largest peak of resident memory of those that run now, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let peak = |slot: &Arc<Slot>| -> u64 {
            let pid = slot.child.lock().unwrap().id();
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            kib.unwrap().parse().unwrap()
        };
        self.slots.iter().map(peak).max().unwrap_or(0) / 1024
    }

    /// What was tried again: groups at once, groups later, passes.
    pub(crate) fn retries(&self) -> u64 {
        self.logged(&["tried again", "next one in", "dead after"])
    }

    /// Asks all of them to leave; they must do so with code 0.
    pub(crate) fn stop(mut self) {
        for slot in &self.slots {
            slot.stop.store(true, Ordering::SeqCst);
            signal(&slot.child.lock().unwrap(), "TERM");
        }
        for slot in &self.slots {
            let mut code = None;
            wait_for(Duration::from_secs(30), "the worker leaves", || {
                code = slot.child.lock().unwrap().try_wait().unwrap();
                code.is_some()
            });
            assert_eq!(code.unwrap().code(), Some(0), "{}", tail(&slot.log));
        }
        for supervisor in self.supervisors.drain(..) {
            supervisor.join().unwrap();
        }
    }
}

impl Drop for Workers {
    /// A cell that failed leaves nothing behind.
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.stop.store(true, Ordering::SeqCst);
            drop(slot.child.lock().unwrap().kill());
            if std::thread::panicking() {
                eprintln!("{}:\n{}", slot.log.display(), tail(&slot.log));
            }
        }
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let tells = |line: &&str| !line.contains("nothing to do") && !line.contains("\"batch ");
    let lines: Vec<_> = text.lines().filter(tells).collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn supervise(mut command: Command, log: PathBuf) -> (Arc<Slot>, JoinHandle<()>) {
    let (started, first) = std::sync::mpsc::channel();
    let supervisor = std::thread::spawn(move || {
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        command.stderr(file);
        let slot = Arc::new(Slot {
            child: Mutex::new(command.spawn().unwrap()),
            starts: AtomicU32::new(1),
            stop: AtomicBool::new(false),
            log,
        });
        started.send(slot.clone()).unwrap();
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let mut child = slot.child.lock().unwrap();
            let ended = child.try_wait().unwrap().is_some();
            if ended && slot.stop.load(Ordering::SeqCst) {
                break;
            }
            if ended {
                *child = command.spawn().unwrap();
                slot.starts.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (first.recv().unwrap(), supervisor)
}
