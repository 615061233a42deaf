//! Rows on their way from the thread that reads to the task that writes.

use tokio::sync::mpsc;

use super::item::{Intake, Item, Lab, Parsed, Subject, Version, Vital};
use super::reader::{Fault, Halt, Sink};
use super::summary::Summary;

/// Rows of one transaction: short enough to hold no lock for long.
pub(super) const BATCH_ROWS: usize = 1000;

/// Rows to insert, and what reading them counted.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) summary: Summary,
    /// Which the rows are of, by index.
    pub(super) versions: Vec<Version>,
    pub(super) vitals: Vec<(Option<usize>, Parsed<Vital>)>,
    pub(super) labs: Vec<(Option<usize>, Parsed<Lab>)>,
    pub(super) nutrition: Vec<(Option<usize>, Parsed<Intake>)>,
}

impl Batch {
    fn is_full(&self) -> bool {
        let rows = self.vitals.len() + self.labs.len() + self.nutrition.len();
        // Versions may have no rows.
        rows >= BATCH_ROWS || self.versions.len() >= 4 * BATCH_ROWS
    }

    /// Whose the rows are, and whether their times need the person's zone.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (&Subject, bool)> {
        let vitals = self.vitals.iter().map(|row| row.1.subject_and_need());
        let labs = self.labs.iter().map(|row| row.1.subject_and_need());
        let nutrition = self.nutrition.iter().map(|row| row.1.subject_and_need());
        let retracted = self.versions.iter().filter(|version| version.retracted);
        let retracted = retracted.filter_map(|version| Some((version.subject.as_ref()?, false)));
        vitals.chain(labs).chain(nutrition).chain(retracted)
    }
}

/// Reads only to see whether a file is sound.
pub(super) struct Validate {
    pub(super) keep_going: bool,
}

impl Sink for Validate {
    fn accept(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        match record {
            Err(cause) if !self.keep_going => Err(Halt::fault(line, cause)),
            _ => Ok(()),
        }
    }

    fn ignored_column(&mut self, _: String) {}
}

/// Collects rows and sends them in batches. Waits while the writer is busy,
/// so that memory is bounded.
pub(super) struct Batcher {
    pub(super) file: String,
    pub(super) keep_going: bool,
    batch: Batch,
    sender: mpsc::Sender<Batch>,
}

impl Batcher {
    pub(super) fn new(file: String, keep_going: bool, sender: mpsc::Sender<Batch>) -> Batcher {
        Batcher {
            file,
            keep_going,
            batch: Batch::default(),
            sender,
        }
    }

    /// Sends what is left. Where the import goes on over errors, one that
    /// ended the file is counted like any other.
    pub(super) fn finish(mut self, result: Result<(), Halt>) -> Result<(), Halt> {
        let result = match result {
            Err(Halt::Fault(fault)) if self.keep_going => {
                self.error(fault);
                Ok(())
            }
            other => other,
        };
        self.flush()?;
        result
    }

    fn error(&mut self, fault: Fault) {
        let error = super::ImportError::input(&self.file, fault);
        self.batch.summary.error(error.to_string());
    }

    fn flush(&mut self) -> Result<(), Halt> {
        let batch = std::mem::take(&mut self.batch);
        self.sender.blocking_send(batch).map_err(|_| Halt::Stopped)
    }
}

impl Sink for Batcher {
    fn accept(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        let items = match record {
            Ok(items) => items,
            Err(cause) if self.keep_going => {
                let line = Some(line);
                self.error(Fault { line, cause });
                Vec::new()
            }
            Err(cause) => return Err(Halt::fault(line, cause)),
        };
        self.batch.summary.read += 1;
        let mut version = None;
        for item in items {
            match item {
                Item::Vital(row) => self.batch.vitals.push((version, row)),
                Item::Lab(row) => self.batch.labs.push((version, row)),
                Item::Nutrition(row) => self.batch.nutrition.push((version, row)),
                Item::Version(of) => {
                    version = Some(self.batch.versions.len());
                    self.batch.versions.push(of);
                }
                Item::Skipped(reason) => self.batch.summary.skip(&reason, 1),
            }
        }
        if self.batch.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    fn ignored_column(&mut self, name: String) {
        self.batch.summary.ignore_column(name);
    }
}
