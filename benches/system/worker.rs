//! `vitalfold worker`, running.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::cluster::wait_until;
use crate::process;
use crate::program::Program;

pub(crate) struct Worker {
    child: Child,
    address: String,
    log: tempfile::NamedTempFile,
}

impl Worker {
    /// Starts one with further settings, such as `("POOL__SIZE", "2")`, and
    /// waits until it answers.
    pub(crate) fn start(program: &Program, settings: &[(&str, &str)]) -> Worker {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = port.unwrap().to_string();
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = program.command(&["worker"]);
        command
            .env("VITALFOLD__HTTP__LISTEN", &address)
            .stdout(Stdio::null())
            .stderr(log.reopen().unwrap());
        for (key, value) in settings {
            command.env(format!("VITALFOLD__{key}"), value);
        }
        let child = command.spawn().unwrap();
        let worker = Worker {
            child,
            address,
            log,
        };
        wait_until("the worker has begun", || {
            worker.logged(&["pool: size"]) > 0
        });
        worker
    }

    pub(crate) fn cpu(&self) -> f64 {
        process::cpu(self.child.id())
    }

    pub(crate) fn memory(&self) -> u64 {
        process::peak_memory(self.child.id())
    }

    /// Lines of its log that hold one of these.
    pub(crate) fn logged(&self, parts: &[&str]) -> usize {
        let log = std::fs::read_to_string(self.log.path()).unwrap();
        log.lines()
            .filter(|line| parts.iter().any(|part| line.contains(part)))
            .count()
    }

    /// The bucket of a histogram of its own that 99 % of the values are
    /// within: its upper end.
    pub(crate) fn p99(&self, histogram: &str) -> f64 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let prefix = format!("{histogram}_bucket{{le=\"");
        let buckets: Vec<(f64, f64)> = answer
            .lines()
            .filter_map(|line| {
                let (end, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
                let end = end.replace("+Inf", "inf").parse().ok()?;
                Some((end, count.parse().ok()?))
            })
            .collect();
        let (_, all) = *buckets.last().expect("the worker has this histogram");
        let within = buckets.iter().find(|(_, count)| *count >= all * 0.99);
        within.expect("the last bucket holds all").0
    }

    /// Ends as an operator ends it.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(
            status.success(),
            "the worker ended with {status}: {}",
            self.tail()
        );
    }

    fn tail(&self) -> String {
        let log = std::fs::read_to_string(self.log.path()).unwrap();
        log.lines().rev().take(3).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
