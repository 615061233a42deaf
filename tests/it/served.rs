//! A worker and what its address answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::program::{Program, signal};

pub(crate) const TOKEN: &str = "a-token-for-tests-only";

/// `vitalfold worker` with its endpoint.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// What an address answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request as it stands and reads the whole answer.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

impl Served {
    /// Starts a worker that folds at once, with further settings, such as
    /// `("HTTP__TOKEN", TOKEN)`.
    pub(crate) fn start(program: &Program, settings: &[(&str, &str)]) -> Served {
        let mut command = program.command(&["worker"]);
        command
            .env("VITALFOLD__WORKER__SETTLE", "0s")
            .envs(
                settings
                    .iter()
                    .map(|(key, value)| (format!("VITALFOLD__{key}"), value)),
            )
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let mut address = None;
        while address.is_none() {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("{}", log.lock().unwrap()));
            let line = line.unwrap();
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            address = event["http.address"]
                .as_str()
                .map(|text| text.parse().unwrap());
            log.lock().unwrap().push_str(&(line + "\n"));
        }
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Served {
            child,
            address: address.unwrap(),
            log,
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    pub(crate) fn get_with_token(&self, path: &str, token: &str) -> Answer {
        self.request(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        ))
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        self.request(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Sends a request as it stands.
    pub(crate) fn request(&self, request: &str) -> Answer {
        ask(self.address, request)
    }

    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
        value.trim().parse().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Asks it to stop; returns the exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal("TERM");
        self.end()
    }

    /// Waits for its end; returns the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Stopped already, or of a test that failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
