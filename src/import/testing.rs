//! What the tests of the parsers share.

use super::item::Item;
use super::reader::{Fault, Halt, Sink};

/// Collects what a parser reads.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) read: u64,
    pub(crate) items: Vec<Item>,
    /// `line: cause`
    pub(crate) errors: Vec<String>,
    pub(crate) ignored: Vec<String>,
}

impl Collected {
    pub(crate) fn keep_going() -> Collected {
        Collected::default()
    }

    /// The reasons of skipped items, in order.
    pub(crate) fn reasons(&self) -> Vec<&str> {
        let reasons = self.items.iter().filter_map(|item| match item {
            Item::Skipped(reason) => Some(reason.as_ref()),
            _ => None,
        });
        reasons.collect()
    }
}

impl Sink for Collected {
    fn accept(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        self.read += 1;
        match record {
            Ok(items) => self.items.extend(items),
            Err(cause) => self.errors.push(format!("{line}: {cause}")),
        }
        Ok(())
    }

    fn ignored_column(&mut self, name: String) {
        self.ignored.push(name);
    }
}

/// The fault that reading ended with.
pub(crate) fn fault(result: Result<(), Halt>) -> Fault {
    match result {
        Err(Halt::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}
