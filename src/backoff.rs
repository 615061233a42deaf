//! How long to wait before trying again.

use std::time::Duration;

use rand::RngExt;

/// Transient errors are tried again this often before the group is put off.
pub const TRANSIENT_RETRIES: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Pause before retry number `retry` (0 is the first) of a transient error:
/// 1 to 10 s, doubling, with jitter so that those who failed together do not
/// come back together.
pub fn transient_pause(retry: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(retry))
        .mul_f64(jitter())
        .clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

/// Pause before the next look for work: three quarters of `poll` to all of it,
/// so that nothing waits longer than it says and workers do not ask in step.
pub fn poll_pause(poll: Duration) -> Duration {
    poll.mul_f64(rand::rng().random_range(0.75..=1.0))
}

/// A factor from 0.75 to 1.25.
pub fn jitter() -> f64 {
    rand::rng().random_range(0.75..=1.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_bounds() {
        for retry in 0..40 {
            let pause = transient_pause(retry);
            assert!(
                pause >= FIRST_PAUSE && pause <= LONGEST_PAUSE,
                "{retry}: {pause:?}"
            );
        }
        assert!(transient_pause(3) > Duration::from_secs(5));
    }
}
