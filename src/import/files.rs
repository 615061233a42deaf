//! The files behind a path that a person names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, ProgressBar};

use super::{Format, apple_health};

/// A file that can be read twice.
#[derive(Debug)]
pub(super) struct Input {
    file: File,
    pub(super) length: u64,
}

impl Input {
    /// Opens a file. Standard input (`-`), a pipe or a device is copied to a
    /// temporary file first, because it can be read only once.
    pub(super) fn open(path: &Path) -> io::Result<Input> {
        let file = if path == Path::new("-") {
            spool(&mut io::stdin().lock())?
        } else if fs::metadata(path)?.is_file() {
            File::open(path)?
        } else {
            spool(&mut File::open(path)?)?
        };
        let length = file.metadata()?.len();
        Ok(Input { file, length })
    }

    /// The whole content from its start. Moves `bar` on from where it stands.
    pub(super) fn reader(&self, bar: &ProgressBar) -> io::Result<impl Read + Seek> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Metered {
            file,
            bar: bar.clone(),
            begin: bar.position(),
        })
    }
}

/// Bytes of a stream that are copied into the folder for temporary files.
const LARGEST_SPOOL: u64 = 16 << 30;

/// Copies into a file that is readable by its owner only and that no name
/// leads to any more, so that nothing is left of it whatever happens.
fn spool(from: &mut impl Read) -> io::Result<File> {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("vitalfold-{}", uuid::Uuid::now_v7()));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let named = |error: io::Error| {
        let folder = folder.display();
        let text = format!(
            "a stream is copied into {folder} first (TMPDIR names another folder), which failed: \
             {error}"
        );
        io::Error::new(error.kind(), text)
    };
    let mut file = options.open(&path).map_err(named)?;
    fs::remove_file(&path).map_err(named)?;
    copy_bounded(from, &mut file, LARGEST_SPOOL).map_err(named)?;
    Ok(file)
}

fn copy_bounded(from: &mut impl Read, to: &mut File, most: u64) -> io::Result<()> {
    let copied = io::copy(&mut from.take(most + 1), to)?;
    if copied > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "it is longer than {}, the most that is copied: import a file",
                HumanBytes(most)
            ),
        ));
    }
    Ok(())
}

/// The files to import: the path itself, or the fitting ones in a directory,
/// sorted by name.
pub(super) fn expand(path: &Path, format: Format) -> io::Result<Vec<PathBuf>> {
    if path == Path::new("-") || !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if has_fitting_name(&path, format) && fs::metadata(&path)?.is_file() {
            // The clinical document beside an export is XML too.
            if format != Format::AppleHealth || apple_health::is_export(File::open(&path)?) {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        let text = format!("no {format} file in the directory");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    files.sort();
    Ok(files)
}

fn has_fitting_name(path: &Path, format: Format) -> bool {
    let extensions: &[&str] = match format {
        Format::Fhir => &["json", "ndjson", "jsonl"],
        Format::Csv => &["csv", "tsv"],
        Format::AppleHealth => &["xml", "zip"],
    };
    // What is compressed is not passed over in silence: its reader refuses it.
    let unpacked = path.with_extension("");
    let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
    let path = if is_compressed { &unpacked } else { path };
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| {
        extensions
            .iter()
            .any(|known| known.eq_ignore_ascii_case(found))
    })
}

/// Shows on a progress bar how far a file is read.
struct Metered {
    file: File,
    bar: ProgressBar,
    begin: u64,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if let Ok(position) = self.file.stream_position() {
            self.bar.set_position(self.begin + position);
        }
        Ok(count)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_a_directory_to_its_fitting_files() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("b.json", "{}"),
            ("a.NDJSON", ""),
            ("c.csv", ""),
            ("d.ndjson.gz", ""),
            ("d.txt.gz", ""),
            ("export.xml", "<HealthData/>"),
            ("export_cda.xml", "<ClinicalDocument/>"),
            ("readme.txt", ""),
        ] {
            fs::write(dir.path().join(name), content).unwrap();
        }
        fs::create_dir(dir.path().join("d.json")).unwrap();
        let names = |format| {
            let files = expand(dir.path(), format).unwrap();
            let names = files
                .iter()
                .map(|path| path.file_name().unwrap().to_string_lossy());
            names.map(|name| name.into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(Format::Fhir), ["a.NDJSON", "b.json", "d.ndjson.gz"]);
        assert_eq!(names(Format::Csv), ["c.csv"]);
        assert_eq!(names(Format::AppleHealth), ["export.xml"]);
        assert!(expand(&dir.path().join("d.json"), Format::Csv).is_err());
        assert!(expand(&dir.path().join("none"), Format::Csv).is_err());
    }

    #[test]
    fn what_can_be_read_once_can_be_read_twice() {
        let mut copy = spool(&mut &b"once"[..]).unwrap();
        for _ in 0..2 {
            let mut text = String::new();
            copy.seek(SeekFrom::Start(0)).unwrap();
            copy.read_to_string(&mut text).unwrap();
            assert_eq!(text, "once");
        }
    }

    #[test]
    fn a_stream_is_copied_up_to_a_bound() {
        let copy = |most| {
            let mut file = tempfile::tempfile().unwrap();
            copy_bounded(&mut &[b'x'; 2048][..], &mut file, most)
                .map(|()| file.metadata().unwrap().len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(copy(2048), Ok(2048));
        let refused = copy(2047).unwrap_err();
        assert!(refused.contains("longer than 2.00 KiB"), "{refused}");
        assert!(copy(1024).unwrap_err().contains("longer than 1.00 KiB"));
    }
}
