//! How many rows the next pull takes.

use std::fmt;
use std::time::Duration;

/// A batch whose groups take longer than this each on average is no reason to
/// take more at a time.
const SLOW_GROUP: Duration = Duration::from_millis(250);

/// Grows while batches come back full, fast and without trouble, returns to
/// its smallest size on trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSize {
    smallest: usize,
    largest: usize,
    current: usize,
}

/// How a batch went, as far as the size of the next one depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Went {
    /// More rows wait.
    pub full: bool,
    pub groups_failed: u64,
    /// Groups that waited for a lock in vain, or for the server's answer.
    pub retries: u64,
    /// The pool was above 80 %.
    pub pressure: bool,
    /// Of the batch, divided by its groups.
    pub per_group: Duration,
}

/// Why the size changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Full,
    Failures,
    Retries,
    Pressure,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::Full => "more rows wait",
            Change::Failures => "groups failed",
            Change::Retries => "groups had to be tried again",
            Change::Pressure => "the pool is under pressure",
        })
    }
}

impl BatchSize {
    pub fn new(smallest: usize, largest: usize) -> Self {
        BatchSize {
            smallest,
            largest,
            current: smallest,
        }
    }

    pub fn rows(&self) -> usize {
        self.current
    }

    pub fn smallest(&self) -> usize {
        self.smallest
    }

    /// After a batch; returns why the size is another one now, if it is.
    pub fn after_batch(&mut self, went: &Went) -> Option<Change> {
        let trouble = [
            (went.groups_failed > 0, Change::Failures),
            (went.retries > 0, Change::Retries),
            (went.pressure, Change::Pressure),
        ];
        let trouble = trouble.into_iter().find(|(is, _)| *is);
        let (size, change) = match trouble {
            Some((_, change)) => (self.smallest, change),
            None if went.full && went.per_group < SLOW_GROUP => {
                ((self.current * 2).min(self.largest), Change::Full)
            }
            None => return None,
        };
        if size == self.current {
            return None;
        }
        self.current = size;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Went = Went {
        full: true,
        groups_failed: 0,
        retries: 0,
        pressure: false,
        per_group: Duration::from_millis(5),
    };

    #[test]
    fn grows_while_full_and_fast_and_falls_back_on_trouble() {
        let mut size = BatchSize::new(50, 200);
        assert_eq!(size.after_batch(&FULL), Some(Change::Full));
        assert_eq!(size.rows(), 100);
        assert_eq!(size.after_batch(&FULL), Some(Change::Full));
        assert_eq!(size.rows(), 200);
        assert_eq!(size.after_batch(&FULL), None);
        let ended = Went {
            full: false,
            ..FULL
        };
        assert_eq!(size.after_batch(&ended), None);
        assert_eq!(size.rows(), 200);
        for (went, change) in [
            (
                Went {
                    groups_failed: 1,
                    ..FULL
                },
                Change::Failures,
            ),
            (Went { retries: 1, ..FULL }, Change::Retries),
            (
                Went {
                    pressure: true,
                    ..FULL
                },
                Change::Pressure,
            ),
        ] {
            assert_eq!(size.after_batch(&went), Some(change));
            assert_eq!(size.rows(), 50);
            assert_eq!(size.after_batch(&went), None);
            size.after_batch(&FULL);
        }
        let slow = Went {
            per_group: Duration::from_secs(1),
            ..FULL
        };
        assert_eq!(size.after_batch(&slow), None);
    }
}
