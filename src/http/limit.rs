//! A bound on how often something may happen.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most so many times in each window of time.
#[derive(Debug)]
pub(super) struct RateLimit {
    most: u32,
    window: Duration,
    /// When the window began and what happened in it.
    current: Mutex<(Instant, u32)>,
}

impl RateLimit {
    pub(super) fn new(most: u32, window: Duration) -> RateLimit {
        RateLimit {
            most,
            window,
            current: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Counts one; says whether it is within the bound.
    pub(super) fn allows(&self) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0.elapsed() >= self.window {
            *current = (Instant::now(), 0);
        }
        current.1 = current.1.saturating_add(1);
        current.1 <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_bound_in_one_window() {
        let limit = RateLimit::new(2, Duration::from_secs(3600));
        let allowed: Vec<_> = (0..4).map(|_| limit.allows()).collect();
        assert_eq!(allowed, [true, true, false, false]);
        let limit = RateLimit::new(1, Duration::ZERO);
        assert!(limit.allows() && limit.allows());
    }
}
