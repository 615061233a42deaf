//! What processes used, as the kernel counts it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::line::Cost;
use crate::server::Server;

/// Clock ticks a second: Linux shows them so on every architecture that
/// PostgreSQL's packages exist for.
const TICKS: f64 = 100.0;

/// Fields 14 on of `/proc/PID/stat`: user, system, and those of children that
/// were waited for; and the parent, field 4.
struct Stat {
    parent: u32,
    own: f64,
    children: f64,
}

fn stat(pid: &str) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| -> Option<f64> { fields.get(index)?.parse().ok() };
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) / TICKS,
        children: (ticks(13)? + ticks(14)?) / TICKS,
    })
}

/// CPU seconds of a process that runs.
pub(crate) fn cpu(pid: u32) -> f64 {
    stat(&pid.to_string()).map_or(0.0, |stat| stat.own)
}

/// CPU seconds of children that this process has waited for.
fn cpu_of_ended() -> f64 {
    stat("self").map_or(0.0, |stat| stat.children)
}

/// CPU seconds of a server: its postmaster, the processes that ended and those
/// that still run.
pub(crate) fn server_cpu(postmaster: u32) -> f64 {
    let running = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let stat = stat(entry.file_name().to_str()?)?;
            (stat.parent == postmaster).then_some(stat.own)
        });
    let running: f64 = running.sum();
    let stat = stat(&postmaster.to_string()).expect("the server runs");
    running + stat.own + stat.children
}

/// The largest resident memory so far, bytes; 0 once the process ended.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return 0;
    };
    let kilobytes = text.lines().find_map(|line| {
        let value = line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?;
        value.trim().parse::<u64>().ok()
    });
    kilobytes.unwrap_or(0) * 1024
}

/// Runs a command to its end, which must be a good one, and says what it cost.
pub(crate) fn measure(server: &Server, mut command: Command) -> Cost {
    let (server_before, ended_before) = (server.cpu(), cpu_of_ended());
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let memory = wait(&mut child);
    let wall = started.elapsed().as_secs_f64();
    server.settled();
    Cost {
        wall,
        server_cpu: server.cpu() - server_before,
        client_cpu: cpu_of_ended() - ended_before,
        memory,
    }
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn run(mut command: Command) {
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "a command ended with {status}");
}

/// Waits for a process; returns its largest resident memory, bytes.
fn wait(child: &mut Child) -> u64 {
    let mut memory = 0;
    loop {
        memory = memory.max(peak_memory(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "a measured command ended with {status}");
            return memory;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn postgres_program(name: &str) -> Command {
    let newest = std::fs::read_dir("/usr/lib/postgresql")
        .ok()
        .and_then(|versions| {
            let paths = versions
                .flatten()
                .map(|entry| entry.path().join("bin").join(name));
            paths.filter(|path| path.exists()).max()
        });
    let path = std::env::var_os("PG_BINDIR")
        .map(|dir| Path::new(&dir).join(name))
        .or(newest)
        .unwrap_or_else(|| name.into());
    Command::new(path)
}
