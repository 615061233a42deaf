//! What the server sees of the workers, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::server::Server;
use crate::sql::Sql;

/// The most that was seen at any instant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) connections: f64,
    /// Age of the oldest transaction, seconds.
    pub(crate) transaction: f64,
}

pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

const PAUSE: Duration = Duration::from_millis(25);

impl Sampler {
    pub(crate) fn start(server: &Server) -> Sampler {
        let sql = Sql::connect(&server.url("postgres")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let query = "select count(*) || ' ' || \
                       coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0) \
                     from pg_stat_activity where application_name like 'vitalfold%'";
                let mut most = Seen::default();
                while !stop.load(Ordering::Relaxed) {
                    let seen = sql.value(query);
                    let (connections, transaction) = seen.split_once(' ').unwrap();
                    most.connections = most.connections.max(connections.parse().unwrap());
                    most.transaction = most.transaction.max(transaction.parse().unwrap());
                    std::thread::sleep(PAUSE);
                }
                most
            }
        });
        Sampler { stop, thread }
    }

    pub(crate) fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
