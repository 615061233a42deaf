//! Whether the file still holds the commits of earlier processes. A WAL that is
//! deleted together with its index leaves no trace in the file. Each commit
//! adds one to a number in the database, and a note beside the file repeats it:
//! a database with a lower number than its note lost commits, whoever moved its
//! WAL into the file meanwhile.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Text};
use tracing::warn;

use super::file::{beside, create_beside, fatal};
use crate::store::Result;

/// Bytes of a note: each is as long, so that one write replaces the last.
const NOTE_BYTES: usize = 256;

/// What the database says of itself.
#[derive(Debug, QueryableByName)]
pub(in crate::store::sqlite) struct Commits {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    commits: i64,
}

/// Adds one, in the transaction that is about to commit.
pub(in crate::store::sqlite) fn count(connection: &mut SqliteConnection) -> QueryResult<Commits> {
    diesel::sql_query("update file_commits set commits = commits + 1 returning id, commits")
        .get_result(connection)
}

/// The number of the database; none before the schema has it.
pub(in crate::store::sqlite) fn read(
    connection: &mut SqliteConnection,
) -> QueryResult<Option<Commits>> {
    match diesel::sql_query("select id, commits from file_commits").get_result(connection) {
        Err(Error::DatabaseError(_, info)) if info.message().contains("no such table") => Ok(None),
        read => read.optional(),
    }
}

/// What was written beside the file after the last commit.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store::sqlite) struct Note {
    id: String,
    commits: i64,
    /// The start of the machine. Commits may end with it: `synchronous = normal`
    /// leaves the last ones to the system's cache.
    boot: String,
    /// The database file without its WAL, as it was then.
    file: String,
}

impl Note {
    fn of(path: &Path, commits: Commits) -> io::Result<Note> {
        Ok(Note {
            id: commits.id,
            commits: commits.commits,
            boot: boot(),
            file: state(path)?,
        })
    }

    /// The note beside the file; none where there is none, or half of one.
    ///
    /// # Errors
    /// The note cannot be read.
    pub(in crate::store::sqlite) fn read(path: &Path) -> Result<Option<Note>> {
        let name = beside(path, "-commits");
        match fs::read_to_string(&name) {
            Ok(text) => Ok(Note::parse(&text)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(fatal(format!("{}: {error}", name.display()))),
        }
    }

    fn parse(text: &str) -> Option<Note> {
        let mut words = text.lines().next()?.split(' ');
        let note = Note {
            id: words.next()?.to_owned(),
            commits: words.next()?.parse().ok()?,
            boot: words.next()?.to_owned(),
            file: words.next()?.to_owned(),
        };
        (words.next() == Some("end")).then_some(note)
    }

    fn text(&self) -> String {
        let text = format!(
            "{} {} {} {} end\n",
            self.id, self.commits, self.boot, self.file
        );
        format!("{text:<NOTE_BYTES$}")
    }
}

/// An id of this start of the machine; empty where the system has none.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// Changes with each write to the file, and when another takes its name.
fn state(path: &Path) -> io::Result<String> {
    let file = fs::metadata(path)?;
    Ok(format!(
        "{}:{}.{:09}:{}",
        file.ino(),
        file.ctime(),
        file.ctime_nsec(),
        file.len()
    ))
}

/// Writes the note of a commit. Never before the commit: a process that dies in
/// between has a note that is too low, which is no alarm.
pub(in crate::store::sqlite) fn write_note(path: &Path, commits: Commits, told: &AtomicBool) {
    let written = Note::of(path, commits).and_then(|note| {
        let file = create_beside(path, "-commits")?;
        file.write_all_at(note.text().as_bytes(), 0)
    });
    if let Err(error) = written
        && !told.swap(true, Ordering::Relaxed)
    {
        warn!(
            "{} cannot be written: {error}; a lost WAL would not be noticed",
            beside(path, "-commits").display()
        );
    }
}

/// Compares the note, which was read before the database was opened, with the
/// database. A warning where commits are missing for a reason that may be a
/// good one: a backup was restored, or the machine lost its power.
///
/// # Errors
/// Nobody wrote to the file since the note and the machine was not started
/// again, and yet commits are missing: the WAL is lost.
pub(in crate::store::sqlite) fn compare(
    path: &Path,
    note: &Note,
    untouched: bool,
    found: &Commits,
) -> Result<()> {
    let (shown, name) = (path.display(), beside(path, "-commits"));
    let name = name.display();
    if note.id != found.id {
        warn!("{shown} is another database than the one that was used here last");
        return Ok(());
    }
    let missing = note.commits - found.commits;
    if missing <= 0 {
        return Ok(());
    }
    if untouched {
        return Err(fatal(format!(
            "the last commits of {shown} are lost ({missing}): its WAL was deleted before it was \
             moved into the file. Restore the file from a backup together with its WAL, or delete \
             {name} to go on without these changes"
        )));
    }
    warn!(
        "{shown} lacks the last commits that were made here ({missing}). That is right if a backup \
         was restored; else its WAL was lost, by a power cut or deleted"
    );
    Ok(())
}

/// Whether the file without its WAL is as the note says, in the same run of the
/// machine.
pub(in crate::store::sqlite) fn untouched(path: &Path, note: &Note) -> bool {
    !note.boot.is_empty() && note.boot == boot() && state(path).is_ok_and(|file| file == note.file)
}

/// Says that a note speaks of a database that is gone.
pub(in crate::store::sqlite) fn warn_of_new(path: &Path) {
    warn!(
        "{} is new; the database that was used here last is gone",
        path.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(commits: i64) -> Note {
        Note {
            id: "a1".into(),
            commits,
            boot: "b2".into(),
            file: "7:1.000000002:4096".into(),
        }
    }

    #[test]
    fn a_note_is_read_whole_or_not_at_all() {
        let text = note(12).text();
        assert_eq!(text.len(), NOTE_BYTES);
        assert_eq!(Note::parse(&text), Some(note(12)));
        let whole = text.trim_end().len();
        for end in 0..whole {
            assert_eq!(Note::parse(&text[..end]), None, "{end}");
        }
    }
}
