//! One file per command: its arguments and its `run`.

pub mod aggregates;
pub mod backfill;
pub mod config;
pub mod copy;
pub mod demo;
pub mod doctor;
pub mod failed;
pub mod generate;
pub mod import;
pub mod manual;
pub mod migrate;
pub mod open;
pub mod output;
pub mod pause;
pub mod run_once;
pub mod scope;
pub mod status;
pub mod verify;
pub mod worker;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Done, but groups failed, records were malformed or drift was found.
    Failures,
    /// Configuration, database or schema.
    CouldNotRun,
    /// Stopped or out of budget while work was left.
    WorkLeft,
    /// Another run holds the lock.
    Locked,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> i32 {
        match self {
            Exit::Done => 0,
            Exit::Failures => 1,
            Exit::CouldNotRun => 2,
            Exit::WorkLeft => 3,
            Exit::Locked => 4,
        }
    }
}
