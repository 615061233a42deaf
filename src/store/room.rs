//! How much memory a group may take while it is folded.

use diesel::result::Error;

/// Bytes that the rows of each of the groups that are folded side by side may
/// take: a day of fifty thousand samples.
pub(super) const ROOM: usize = 16 << 20;

/// Bytes that the rows of the one group at a time may take that needs more.
pub(super) const LARGEST: usize = 512 << 20;

/// Rows from which on a fold has a thread of its own, so that heartbeat and
/// probes do not wait for it: a few milliseconds' work.
pub(super) const LONG_FOLD: usize = 5_000;

/// What an allocation adds to a text.
pub(super) const ALLOCATION: usize = 16;

/// The room that a group has while its rows are read.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    size: usize,
}

impl Room {
    pub(super) fn of(size: usize) -> Room {
        Room { left: size, size }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                let too_large = TooLarge(self.size >> 20);
                return Err(Error::DeserializationError(Box::new(too_large)));
            }
        }
        Ok(())
    }
}

/// A group that needs more room than it had.
#[derive(Debug, thiserror::Error)]
#[error(
    "too_large: the rows of this day and the day rows of its longest period take more than {0} MiB; \
     delete raw rows of the day, then run `vitalfold failed retry`"
)]
pub(super) struct TooLarge(usize);

impl TooLarge {
    pub(super) fn is(error: &Error) -> bool {
        matches!(error, Error::DeserializationError(cause) if cause.is::<TooLarge>())
    }
}
