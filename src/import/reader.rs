//! A reader that knows its line and bounds what one record may take, and the
//! contract between the parsers and what becomes of their records.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

use super::item::Item;

/// Most bytes of one record: a parser holds one record in memory.
const MAX_RECORD: u64 = 64 * 1024 * 1024;

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why reading a file ended early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The file is not what it should be.
    Fault(Fault),
    /// The file could not be read.
    Io(io::Error),
    /// Nobody takes the records any more.
    Stopped,
}

/// What is wrong with a file, and where. Never repeats a value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: Option<u64>,
    pub(crate) cause: String,
}

impl Halt {
    pub(crate) fn fault(line: impl Into<Option<u64>>, cause: impl Into<String>) -> Halt {
        Halt::Fault(Fault {
            line: line.into(),
            cause: cause.into(),
        })
    }

    /// Damaged content is the file's fault; anything else is the disk's.
    pub(crate) fn io(line: impl Into<Option<u64>>, error: io::Error) -> Halt {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            InvalidData | InvalidInput | UnexpectedEof => {
                Halt::fault(line, format!("damaged content: {error}"))
            }
            _ => Halt::Io(error),
        }
    }
}

/// Takes what a parser reads.
pub(crate) trait Sink {
    /// Takes one record: the items it gave, or what is wrong with it. A fault
    /// in one record ends the file only if this says so.
    fn accept(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt>;

    /// Notes a column that no row takes anything from.
    fn ignored_column(&mut self, name: String);

    /// As [`Sink::accept`], after a check that the items can be stored.
    fn record(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        let record = record.and_then(|items| {
            items.iter().try_for_each(Item::check)?;
            Ok(items)
        });
        self.accept(line, record)
    }
}

/// Where a [`Tracked`] reader is. Shared, because a parser owns its reader.
#[derive(Debug)]
pub(crate) struct Position {
    line: Cell<u64>,
    left: Cell<u64>,
}

impl Position {
    /// The current line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line.get()
    }

    /// Gives the next record its whole allowance.
    pub(crate) fn next_record(&self) {
        self.left.set(MAX_RECORD);
    }
}

/// Counts lines and fails on a record larger than [`MAX_RECORD`].
#[derive(Debug)]
pub(crate) struct Tracked<R> {
    inner: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    position: Rc<Position>,
}

impl<R: Read> Tracked<R> {
    /// Starts at line 1, after a UTF-8 byte order mark if there is one.
    pub(crate) fn new(mut inner: R) -> io::Result<Tracked<R>> {
        let mut start = Vec::with_capacity(BYTE_ORDER_MARK.len());
        (&mut inner)
            .take(BYTE_ORDER_MARK.len() as u64)
            .read_to_end(&mut start)?;
        Ok(Tracked::starting_with(start, inner))
    }

    /// As [`Tracked::new`], where the beginning was read already.
    pub(crate) fn starting_with(mut start: Vec<u8>, rest: R) -> Tracked<R> {
        if start.starts_with(BYTE_ORDER_MARK) {
            start.drain(..BYTE_ORDER_MARK.len());
        }
        Tracked {
            inner: BufReader::with_capacity(64 * 1024, Cursor::new(start).chain(rest)),
            position: Rc::new(Position {
                line: Cell::new(1),
                left: Cell::new(MAX_RECORD),
            }),
        }
    }

    pub(crate) fn position(&self) -> Rc<Position> {
        Rc::clone(&self.position)
    }
}

impl<R: Read> BufRead for Tracked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.position.left.get()).unwrap_or(usize::MAX);
        let available = self.inner.fill_buf()?;
        if left == 0 && !available.is_empty() {
            let size = MAX_RECORD / (1024 * 1024);
            let text = format!("a record is larger than {size} MiB");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(&available[..available.len().min(left)])
    }

    fn consume(&mut self, amount: usize) {
        let taken = &self.inner.buffer()[..amount];
        let lines = taken.iter().filter(|byte| **byte == b'\n').count();
        self.position.line.update(|line| line + lines as u64);
        self.position
            .left
            .update(|left| left.saturating_sub(amount as u64));
        self.inner.consume(amount);
    }
}

impl<R: Read> Read for Tracked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_drops_the_byte_order_mark() {
        let mut reader = Tracked::new(&b"\xEF\xBB\xBFa\nb\nc"[..]).unwrap();
        let position = reader.position();
        let mut text = String::new();
        reader.read_line(&mut text).unwrap();
        assert_eq!((text.as_str(), position.line()), ("a\n", 2));
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), position.line()), ("a\nb\nc", 3));
        let mut short = Tracked::new(&b"\xEF\xBB"[..]).unwrap();
        assert_eq!(short.read_to_end(&mut Vec::new()).unwrap(), 2);
    }

    #[test]
    fn a_record_without_end_is_an_error_and_not_all_memory() {
        let mut reader = Tracked::new(io::repeat(b'x')).unwrap();
        let position = reader.position();
        let all = io::copy(&mut reader, &mut io::sink());
        assert_eq!(all.unwrap_err().kind(), io::ErrorKind::InvalidData);
        position.next_record();
        reader.read_exact(&mut [0; 8]).unwrap();
    }
}
