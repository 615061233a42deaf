//! Why an import failed: the input's fault or the store's.

use std::fmt;
use std::io;

use super::reader::{Fault, Halt};
use crate::store::StoreError;

/// A failed import. The text names file, line and field, and never repeats a
/// value, because values are people's health.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be. Nothing of it is stored, unless the
    /// import was told to keep going.
    #[error("{place}: {cause}")]
    Input { place: Place, cause: String },
    /// The file could not be read.
    #[error("{file}: cannot be read")]
    Io {
        file: String,
        #[source]
        source: io::Error,
    },
    /// The rows could not be stored. Those stored before stay; importing the
    /// file again stores no row twice.
    #[error("{file}: rows cannot be stored")]
    Store {
        file: String,
        #[source]
        source: StoreError,
    },
    /// The options do not fit the format.
    #[error("{0}")]
    Usage(&'static str),
}

/// A file, and the line where the line is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl ImportError {
    pub(crate) fn io(file: &str, source: io::Error) -> ImportError {
        ImportError::Io {
            file: file.to_owned(),
            source,
        }
    }

    pub(crate) fn input(file: &str, fault: Fault) -> ImportError {
        ImportError::Input {
            place: Place {
                file: file.to_owned(),
                line: fault.line,
            },
            cause: fault.cause,
        }
    }

    /// None where reading only ended because nobody takes the records.
    pub(crate) fn from_halt(file: &str, halt: Halt) -> Option<ImportError> {
        match halt {
            Halt::Fault(fault) => Some(ImportError::input(file, fault)),
            Halt::Io(source) => Some(ImportError::io(file, source)),
            Halt::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_file_line_and_cause() {
        let halt = Halt::fault(7, "`status` is a number");
        let error = ImportError::from_halt("a.ndjson", halt).unwrap();
        assert_eq!(error.to_string(), "a.ndjson:7: `status` is a number");
        let error = ImportError::from_halt("a.zip", Halt::fault(None, "empty")).unwrap();
        assert_eq!(error.to_string(), "a.zip: empty");
    }
}
