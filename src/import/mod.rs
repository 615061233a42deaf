//! Files that people have, turned into raw rows: FHIR, CSV and Apple Health.
//!
//! The parsers are blocking and hold one record at a time; they know neither
//! users' ids nor time zones. [`import_file`] drives them and stores the rows.

mod apple_health;
mod batch;
mod bound;
mod csv;
mod driver;
mod error;
mod fhir;
mod files;
mod identity;
mod item;
mod reader;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;
mod writer;

use std::fmt;

use chrono_tz::Tz;
use indicatif::ProgressBar;

pub use driver::import_file;
pub use error::{ImportError, Place};
pub(crate) use identity::Equals;
pub use summary::Summary;

use crate::domain::UserId;
use crate::domain::number::Decimal;

/// The kinds of files that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// NDJSON, a Bundle or one resource; R5, R4 or STU3.
    Fhir,
    /// With a header line; vitals, labs or nutrition.
    Csv,
    /// `export.xml`, or the archive that holds it.
    AppleHealth,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Fhir => "FHIR",
            Format::Csv => "CSV",
            Format::AppleHealth => "Apple Health",
        })
    }
}

/// How to import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    pub format: Format,
    /// All rows are of this user, whatever the file says. An Apple Health
    /// export needs it.
    pub user: Option<UserId>,
    /// All rows are from this source, whatever the file says: ids are unique
    /// within it. Only for FHIR.
    pub source: Option<String>,
    /// For times without an offset of users without a time zone.
    pub default_zone: Tz,
    /// What marks decimals in CSV files; none to find it out of each file.
    pub decimal: Option<Decimal>,
    /// Store what can be understood and count the rest.
    pub keep_going: bool,
    /// Counts bytes; its length grows by each file as it is opened.
    pub progress: ProgressBar,
}

impl ImportOptions {
    /// With no user, UTC, all or nothing, and no progress shown.
    pub fn new(format: Format) -> ImportOptions {
        ImportOptions {
            format,
            user: None,
            source: None,
            default_zone: Tz::UTC,
            decimal: None,
            keep_going: false,
            progress: ProgressBar::hidden(),
        }
    }
}
