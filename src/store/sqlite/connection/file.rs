//! The database file as the file system shows it: whether the path still names
//! the open file, and whether a part of the database was lost while it was
//! closed.
//!
//! Layouts: <https://www.sqlite.org/fileformat2.html>,
//! <https://www.sqlite.org/walformat.html>.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::store::{ErrorClass, Result, StoreError};

const OPERATION: &str = "open the database file";
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

pub(in crate::store::sqlite) fn fatal(message: String) -> StoreError {
    StoreError::new(ErrorClass::Fatal, OPERATION, message)
}

/// Device and inode of the file that was opened first.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct OpenFile(OnceLock<(u64, u64)>);

impl OpenFile {
    /// Remembers the file that `path` names, once.
    pub(in crate::store::sqlite) fn remember(&self, path: &Path) -> Result<()> {
        if self.0.get().is_none() {
            let file = fs::metadata(path)
                .map_err(|error| fatal(format!("{}: {error}", path.display())))?;
            self.0.get_or_init(|| (file.dev(), file.ino()));
        }
        Ok(())
    }

    /// Refuses a path that no longer names the remembered file.
    ///
    /// # Errors
    /// The file was removed or replaced: what is written to the open one would
    /// be gone with this process.
    pub(in crate::store::sqlite) fn check(&self, path: &Path) -> Result<()> {
        let Some(&opened) = self.0.get() else {
            return Ok(());
        };
        let what = match fs::metadata(path) {
            Ok(file) if (file.dev(), file.ino()) == opened => return Ok(()),
            Ok(_) => "was replaced by another file".to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "was removed".to_owned(),
            Err(error) => format!("cannot be looked at: {error}"),
        };
        Err(fatal(format!(
            "{} {what} while it was open; put the right file in place with every program that \
             uses it stopped, then start again",
            path.display()
        )))
    }
}

/// The file of that suffix beside the database, where `SQLite` has its own:
/// beside the file itself when the path is a symbolic link.
pub(in crate::store::sqlite) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name =
        fs::canonicalize(path).map_or_else(|_| OsString::from(path), PathBuf::into_os_string);
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a file beside the database, which whoever may write the database may
/// write too: it must not keep the worker out when root was the first.
pub(in crate::store::sqlite) fn create_beside(path: &Path, suffix: &str) -> io::Result<File> {
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(beside(path, suffix))?;
    let (ours, database) = (file.metadata()?, fs::metadata(path)?);
    let same = |one: &Metadata, other: &Metadata| {
        (one.uid(), one.gid(), one.mode()) == (other.uid(), other.gid(), other.mode())
    };
    if ours.len() == 0 && !same(&ours, &database) {
        let given = fchown(&file, Some(database.uid()), Some(database.gid()))
            .and_then(|()| file.set_permissions(database.permissions()));
        match given {
            // Another's file in a group that may write: nothing to give.
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(file)
}

fn length(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(file) => Ok(Some(file.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fatal(format!("{}: {error}", path.display()))),
    }
}

fn start<const N: usize>(path: &Path) -> Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    match read {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(fatal(format!("{}: {error}", path.display()))),
    }
}

/// Looks for what was lost while the file was closed, before `SQLite` opens it
/// and takes what is left for the whole. Reads a few hundred bytes.
///
/// # Errors
/// The file has two names, is empty beside a WAL, has no header of a database or is shorter
/// than its header says; the WAL is missing or shorter than its index says.
pub(in crate::store::sqlite) fn find_losses(path: &Path) -> Result<()> {
    let names = fs::metadata(path).map_or(1, |file| file.nlink());
    if names > 1 {
        return Err(fatal(format!(
            "{} is one of {names} hard links to the file: programs that open it by another name \
             do not see this one's WAL and destroy the file; leave one name, and use symbolic \
             links for the others",
            path.display()
        )));
    }
    let (wal, shm) = (beside(path, "-wal"), beside(path, "-shm"));
    let wal_length = length(&wal)?;
    let shown = path.display();
    match length(path)? {
        None | Some(0) if wal_length.is_some_and(|length| length > 0) => {
            return Err(fatal(format!(
                "{shown} is missing or empty, but {} is not; restore both from a backup, or \
                 move the WAL away to begin with a new database",
                wal.display()
            )));
        }
        None | Some(0) => return Ok(()),
        Some(length) => {
            let header = start::<100>(path)?.filter(|header| header.starts_with(MAGIC));
            let Some(header) = header else {
                return Err(fatal(format!(
                    "{shown} is not a database, or its header was destroyed; restore it from a \
                     backup"
                )));
            };
            let (size, whole) = stated_length(&header);
            // A checkpoint that was cut short leaves the rest in the WAL.
            if whole && length < size && wal_length.unwrap_or(0) <= WAL_HEADER {
                return Err(fatal(format!(
                    "{shown} was cut off: it has {length} bytes of {size}; restore it from a \
                     backup"
                )));
            }
        }
    }
    let Some(index) = length(&shm)?
        .map(|_| start::<136>(&shm))
        .transpose()?
        .flatten()
    else {
        return Ok(());
    };
    let needed = needed_wal(&index);
    if wal_length.unwrap_or(0) < needed {
        return Err(fatal(format!(
            "{} was deleted or cut off: committed changes of {shown} are lost. Restore both from \
             a backup, or delete {} to go on without these changes",
            wal.display(),
            shm.display()
        )));
    }
    Ok(())
}

/// Bytes of the file as its header states them, and whether the statement is
/// current.
fn stated_length(header: &[u8; 100]) -> (u64, bool) {
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65536,
        bytes => u64::from(bytes),
    };
    (u64::from(pages) * page, header[24..28] == header[92..96])
}

/// Bytes that the WAL needs for the frames that the index holds; zero when all
/// of them are in the database file already.
fn needed_wal(index: &[u8; 136]) -> u64 {
    let word =
        |at: usize| u32::from_ne_bytes([index[at], index[at + 1], index[at + 2], index[at + 3]]);
    let (frames, moved) = (word(16), word(96));
    // A page of 65536 bytes is stored as 1.
    let page = match u16::from_ne_bytes([index[14], index[15]]) {
        1 => 65536,
        bytes => u64::from(bytes),
    };
    let initialised = index[12] != 0;
    // Two copies that differ are an index that was being written.
    if !initialised || index[..48] != index[48..96] || moved >= frames {
        return 0;
    }
    WAL_HEADER + u64::from(frames) * (page + FRAME_HEADER)
}
