//! What a process runs out of: room for its log, file descriptors.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::arena::{Arena, Setting};
use crate::table::Outcome;
use crate::workers::Workers;

/// A free address for each of two workers.
fn addresses() -> [SocketAddr; 2] {
    [(); 2].map(|()| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    })
}

fn listen(address: SocketAddr) -> Vec<(String, String)> {
    vec![("VITALFOLD__HTTP__LISTEN".to_owned(), address.to_string())]
}

/// A metric that a worker's page shows.
fn metric(address: SocketAddr, name: &str) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let timeout = Some(Duration::from_secs(30));
    stream.set_read_timeout(timeout).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name));
    value
        .unwrap_or_else(|| panic!("{page}"))
        .trim()
        .parse()
        .unwrap()
}

/// No line of any log can be written, from the start; later there is room
/// again. A limit of the process, because a small file system would need
/// privileges.
pub(crate) fn log_on_a_full_disk(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let application = arena.application();
    let addresses = addresses();
    let limits = ["--fsize=0:unlimited"];
    let workers = Workers::limited(&arena.program, 2, &limits, &[], |number| {
        listen(addresses[number])
    });
    arena.work_begins(&workers);
    let sql = arena.sql();
    for _ in 0..setting.pick(1, 10) {
        arena.fault();
        let lost = || addresses.map(|address| metric(address, "vitalfold_log_lines_lost_total"));
        let before = lost();
        sql.count(
            "pg_stat_activity where application_name like 'vitalfold%' and pg_terminate_backend(pid)",
        );
        arena.recovers();
        arena.wait("every worker counts lines that are lost", || {
            lost().iter().zip(before).all(|(now, before)| *now > before)
        });
        let written = workers.logged(&[""]);
        for number in 0..2 {
            workers.limit_files(number, "unlimited");
        }
        arena.recovers();
        arena.wait("there is a log again", || workers.logged(&[""]) > written);
        for number in 0..2 {
            workers.limit_files(number, "0");
        }
    }
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// Half requests at once that an attacker sends to each worker.
const HALVES: usize = 200;
/// Files that a worker may open.
const FILES: &str = "--nofile=128";

/// An attacker holds as many half requests open as a worker takes, while the
/// sessions of its pool are ended: it needs new ones.
pub(crate) fn file_descriptors(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let application = arena.application();
    let addresses = addresses();
    let workers = Workers::limited(&arena.program, 2, &[FILES], &[], |number| {
        listen(addresses[number])
    });
    arena.work_begins(&workers);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for address in addresses {
            let is_over = &is_over;
            scope.spawn(move || attack(address, is_over));
        }
        // An attacker must not outlive a failure.
        let attacked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let sql = arena.sql();
            for _ in 0..setting.pick(3, 30) {
                arena.wait("the attacker holds connections to both", || {
                    (0..2).all(|number| workers.open_files(number) > 60)
                });
                sql.count(
                    "pg_stat_activity where application_name like 'vitalfold%' \
                     and pg_terminate_backend(pid)",
                );
                arena.fault();
                let cut_off = sql.value("select clock_timestamp()");
                arena.recovers();
                arena.wait("every worker has new sessions", || {
                    sql.count(&format!("worker_heartbeats where seen_at > '{cut_off}'")) == 2
                });
            }
        }));
        is_over.store(true, Ordering::SeqCst);
        attacked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// Sends half a request on many connections, and again where one is cut off.
fn attack(address: SocketAddr, is_over: &AtomicBool) {
    let mut held: Vec<TcpStream> = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        held.retain_mut(|stream| {
            let read = stream.read(&mut [0; 512]);
            read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        });
        while held.len() < HALVES {
            let half = TcpStream::connect_timeout(&address, Duration::from_millis(200)).and_then(
                |mut stream| {
                    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost:")?;
                    stream.set_nonblocking(true)?;
                    Ok(stream)
                },
            );
            match half {
                Ok(stream) => held.push(stream),
                Err(_) => break,
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
