//! The circuit breaker: while the database cannot be reached, nobody asks it
//! but a probe at growing intervals.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::backoff::jitter;

/// Connection errors in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Also the longest time that the end of an outage goes unnoticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Shared by everything that a run does with the database.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open(Outage),
}

impl Default for State {
    fn default() -> Self {
        State::Closed { failures: 0 }
    }
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    failed_probes: u32,
    next_probe: Instant,
}

impl Breaker {
    pub fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open(_))
    }

    /// An operation was answered. Says nothing about an open breaker, which a
    /// probe alone closes.
    pub fn succeeded(&self) {
        if let State::Closed { failures } = &mut *self.state() {
            *failures = 0;
        }
    }

    /// An operation found no connection, or lost it. Returns whether that
    /// opened the breaker.
    pub fn failed(&self) -> bool {
        let mut state = self.state();
        let State::Closed { failures } = &mut *state else {
            return false;
        };
        *failures += 1;
        if *failures < FAILURES_TO_OPEN {
            return false;
        }
        let now = Instant::now();
        *state = State::Open(Outage {
            since: now,
            failed_probes: 0,
            next_probe: now + pause(0),
        });
        true
    }

    /// How long until the next probe; none while closed.
    pub fn until_probe(&self) -> Option<Duration> {
        match &*self.state() {
            State::Closed { .. } => None,
            State::Open(outage) => {
                Some(outage.next_probe.saturating_duration_since(Instant::now()))
            }
        }
    }

    /// A probe was not answered. Returns how many that makes, and how long
    /// until the next one.
    pub fn probe_failed(&self) -> (u32, Duration) {
        match &mut *self.state() {
            State::Closed { .. } => (0, Duration::ZERO),
            State::Open(outage) => {
                outage.failed_probes = outage.failed_probes.saturating_add(1);
                let pause = pause(outage.failed_probes);
                outage.next_probe = Instant::now() + pause;
                (outage.failed_probes, pause)
            }
        }
    }

    /// A probe was answered. Returns how long the breaker was open.
    pub fn close(&self) -> Duration {
        match std::mem::take(&mut *self.state()) {
            State::Closed { .. } => Duration::ZERO,
            State::Open(outage) => outage.since.elapsed(),
        }
    }

    /// No state is left half-changed by a panic.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(failed_probes: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(failed_probes))
        .min(LONGEST_PAUSE)
        .mul_f64(jitter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES_TO_OPEN - 1 {
            assert!(!breaker.failed());
        }
        breaker.succeeded();
        for _ in 0..FAILURES_TO_OPEN - 1 {
            assert!(!breaker.failed());
        }
        assert!(!breaker.is_open());
        assert!(breaker.failed());
        assert!(breaker.is_open());
        assert!(!breaker.failed(), "it is open already");
    }

    #[test]
    fn an_answer_from_before_does_not_close_it_but_a_probe_does() {
        let breaker = Breaker::default();
        while !breaker.failed() {}
        breaker.succeeded();
        assert!(breaker.until_probe().is_some());
        assert_eq!(breaker.probe_failed().0, 1);
        breaker.close();
        assert!(!breaker.is_open());
        assert_eq!(breaker.until_probe(), None);
    }

    #[test]
    fn pauses_between_probes_grow_and_stay_bounded() {
        assert!(pause(0) < Duration::from_secs(2));
        for failed in 0..100 {
            assert!(pause(failed) <= LONGEST_PAUSE.mul_f64(1.25));
        }
        assert!(pause(4) > pause(0));
    }
}
