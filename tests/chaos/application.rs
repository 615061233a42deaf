//! The application beside the workers: it inserts, edits, deletes and sends
//! again, and goes on when the server is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::sql::Sql;

/// A breath between two statements, so that the workers have the machine too.
const PAUSE: Duration = Duration::from_millis(15);

pub(crate) struct Application {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Application {
    pub(crate) fn start(url: String, users: u32, days: u32, seed: u64) -> Application {
        let (stop, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let thread = std::thread::spawn({
            let (stop, done) = (stop.clone(), done.clone());
            move || {
                let mut rng = StdRng::seed_from_u64(seed);
                let mut session = None;
                while !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(PAUSE);
                    if session.is_none() {
                        session = Sql::connect(&url).ok();
                    }
                    let Some(sql) = &session else { continue };
                    match sql.run(&statement(&mut rng, users, days)) {
                        Ok(_) => drop(done.fetch_add(1, Ordering::SeqCst)),
                        // A deadlock or timeout leaves the session as it was.
                        Err(error) if error.as_db_error().is_some() && !error.is_closed() => {}
                        Err(_) => session = None,
                    }
                }
            }
        });
        Application { stop, done, thread }
    }

    /// Ends it; returns how many of its statements the server did.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        self.done.load(Ordering::SeqCst)
    }
}

fn statement(rng: &mut StdRng, users: u32, days: u32) -> String {
    let user = rng.random_range(1..=users);
    let day = rng.random_range(0..days);
    let at = format!(
        "timestamptz '2026-01-01 00:00Z' + make_interval(days => {day}, secs => {})",
        rng.random_range(0..86_400)
    );
    let fifth = rng.random_range(0..5);
    let some = |time: &str| {
        format!(
            "user_id = {user} and id % 5 = {fifth} \
             and ({time} at time zone 'UTC')::date = date '2026-01-01' + {day}"
        )
    };
    let (samples, results) = (some("started_at"), some("collected_at"));
    let value = rng.random_range(40..200);
    match rng.random_range(0..10) {
        0..4 => format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at, source, source_id) \
             select {user}, 'heart_rate', {value} + n, '/min', {at} + make_interval(secs => n), 'app', \
               'sample {value} ' || n \
             from generate_series(1, {}) n",
            rng.random_range(1..10)
        ),
        4 => format!(
            "insert into raw_nutrition (user_id, nutrient, amount, unit, meal, eaten_at) \
             values ({user}, 'protein', {value}, 'g', 'lunch', {at})"
        ),
        5 => format!("update raw_vitals set value = {value} where {samples}"),
        6 => format!(
            "update raw_vitals set started_at = started_at + interval '1 day', \
             ended_at = ended_at + interval '1 day' where {samples}"
        ),
        7 => format!("delete from raw_vitals where {samples}"),
        8 => format!("update raw_labs set value = '{value}' where {results}"),
        _ => format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at, ended_at, source, \
               source_id, utc_offset_minutes) \
             select user_id, metric, value, unit, started_at, ended_at, source, source_id, \
               utc_offset_minutes \
             from raw_vitals where {samples} and source_id is not null \
             on conflict (user_id, source, source_id, metric, started_at) \
               where source_id is not null do nothing"
        ),
    }
}
