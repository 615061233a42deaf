//! What the image and the composition are made of is there. Docker itself is
//! not needed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const DOCKERFILE: &str = include_str!("../../scripts/docker/Dockerfile");
const COMPOSE: &str = include_str!("../../scripts/docker/compose.yml");
const IGNORED: &str = include_str!("../../scripts/docker/Dockerfile.dockerignore");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn what_the_image_copies_is_there_and_reaches_the_build() {
    let mut copied = 0;
    for line in DOCKERFILE.lines().filter(|line| line.starts_with("COPY ")) {
        let words: Vec<_> = line.split_whitespace().collect();
        if words[1].starts_with("--from") {
            continue;
        }
        for source in &words[1..words.len() - 1] {
            assert!(root().join(source).exists(), "{source}");
            assert!(IGNORED.contains(&format!("!{source}\n")), "{source}");
            copied += 1;
        }
    }
    assert_eq!(copied, 5);
}

#[test]
fn what_the_composition_mounts_is_there() {
    let folder = root().join("scripts/docker");
    if !root().join("scripts/monitoring").exists() {
        eprintln!("skipped: scripts/monitoring is absent");
        return;
    }
    let mut mounted = 0;
    for line in COMPOSE.lines().map(str::trim) {
        let Some(path) = line.strip_prefix("- ../") else {
            continue;
        };
        let path = path.split(':').next().unwrap();
        assert!(folder.join("..").join(path).exists(), "{path}");
        mounted += 1;
    }
    assert_eq!(mounted, 3);
}

#[test]
fn no_superuser_owns_the_tables_or_folds() {
    let roles: Vec<_> = COMPOSE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DATABASE_URL: postgres://"))
        .map(|url| url.split('@').next().unwrap())
        .collect();
    assert_eq!(roles, ["vitalfold_owner", "vitalfold_worker"]);
    assert!(
        !COMPOSE.contains("POSTGRES_USER:"),
        "the image makes it a superuser"
    );
    assert!(COMPOSE.contains("create database health owner vitalfold_owner"));
}

#[test]
fn the_health_check_tells_a_live_worker_from_a_dead_one() {
    let script = root().join("scripts/docker/healthcheck");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let answer = std::thread::spawn(move || {
        for status in ["200 OK", "503 Service Unavailable"] {
            let (mut stream, _) = listener.accept().unwrap();
            // All of it: closing with something unread would cut the answer off.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut part = [0; 256];
                let length = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..length]);
            }
            assert!(request.starts_with(b"GET /health/live "));
            write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
        }
    });
    let healthy = || {
        Command::new(&script)
            .arg(&port)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(healthy());
    assert!(!healthy());
    answer.join().unwrap();
    assert!(!healthy(), "nobody listens any more");
}
