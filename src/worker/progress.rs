//! When the worker last got on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shared by everything that a run does.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    /// Milliseconds from `started` to the last sign of progress.
    last: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Progress {
            started: Instant::now(),
            last: AtomicU64::new(0),
        }
    }
}

impl Progress {
    /// The worker is not stuck: something that it did just ended.
    pub fn made(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Time since [`Progress::made`] was last called, or since the start.
    pub fn age(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_age_begins_anew_with_every_sign() {
        let progress = Progress {
            started: Instant::now() - Duration::from_secs(60),
            last: AtomicU64::new(0),
        };
        assert!(progress.age() >= Duration::from_secs(60));
        progress.made();
        assert!(progress.age() < Duration::from_secs(60));
    }
}
