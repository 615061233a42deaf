//! What systemd is told: that the worker is ready, how it goes, that it lives.
//!
//! The watchdog is fed while the scheduler's loop turns, be it through rounds
//! that fail: no restart helps against a database that is away, and none is
//! needed when it comes back. A loop that stands still is not fed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::debug;

use super::Engine;
use super::batch::BatchReport;
use crate::domain::Domain;
use crate::store::Store;

/// Counting the backlog costs an index scan.
const STATUS_EVERY: Duration = Duration::from_secs(30);
/// How often it is looked whether the loop has turned.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Rows finished since the start.
#[derive(Debug, Default)]
pub struct Finished(AtomicU64);

impl Finished {
    pub fn add(&self, batch: &BatchReport) {
        let rows = batch.rows_completed + batch.rows_rejected;
        self.0.fetch_add(rows, Ordering::Relaxed);
    }
}

/// Tells systemd until the run stops; does nothing where systemd did not
/// start this process.
pub async fn run<S: Store>(engine: &Engine<S>, domains: &[Domain], finished: &Finished) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    futures::join!(live(engine), tell(engine, domains, finished));
    say(&[NotifyState::Stopping]);
}

/// Ready with the first turn; then the watchdog, after each turn.
async fn live<S: Store>(engine: &Engine<S>) {
    let watchdog = sd_notify::watchdog_enabled();
    let (mut seen, mut fed) = (0, Instant::now());
    while !engine.stop.is_cancelled() {
        let turns = engine.turns.load(Ordering::Relaxed);
        if turns != seen {
            if seen == 0 {
                say(&[NotifyState::Ready]);
            }
            // Twice within the time that systemd allows would be enough.
            let due = watchdog.is_some_and(|every| fed.elapsed() >= every / 4);
            if due {
                say(&[NotifyState::Watchdog]);
                fed = Instant::now();
            }
            // What it was fed for is gone: only a further turn feeds it again.
            if due || seen == 0 {
                seen = turns;
            }
        }
        pause(engine, LOOK_EVERY).await;
    }
}

/// The backlog and the rate, for `systemctl status`.
async fn tell<S: Store>(engine: &Engine<S>, domains: &[Domain], finished: &Finished) {
    let mut last = (Instant::now(), 0);
    while !engine.stop.is_cancelled() {
        let text = match engine.store.status(domains).await {
            Ok(status) => {
                let pending: i64 = status.domains.iter().map(|row| row.pending_rows).sum();
                let dead: i64 = status.domains.iter().map(|row| row.dead_groups).sum();
                let now = (Instant::now(), finished.0.load(Ordering::Relaxed));
                let seconds = (now.0 - last.0).as_secs_f64().max(0.001);
                let rate = (now.1 - last.1) as f64 / seconds;
                last = now;
                let paused = if status.paused { "paused; " } else { "" };
                format!("{paused}{pending} rows pending, {rate:.0} rows/s, {dead} groups dead")
            }
            Err(error) => format!("the database does not answer: {}", error.operation),
        };
        say(&[NotifyState::Status(&text)]);
        pause(engine, STATUS_EVERY).await;
    }
}

/// Nothing depends on being heard.
fn say(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!("systemd could not be told: {error}");
    }
}

async fn pause<S>(engine: &Engine<S>, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = engine.stop.cancelled() => {}
    }
}
