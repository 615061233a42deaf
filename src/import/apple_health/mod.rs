//! Apple Health exports: `export.xml`, or the archive that holds it.

mod record;
mod xml;

use std::io::{Read, Seek, SeekFrom};

use zip::ZipArchive;

use super::reader::{Halt, Sink};
pub(super) use record::{SLEEP, STAND_HOUR, sleep, stand_hour};

/// Reads an export; all rows are of `user`, because an export does not say
/// whose it is.
pub(super) fn read(
    mut reader: impl Read + Seek,
    user: i64,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    if !is_archive(&mut reader).map_err(|error| Halt::io(None, error))? {
        return xml::read(reader, user, sink);
    }
    let mut archive = open(reader)?;
    let Some(index) = find(&mut archive) else {
        let cause = "the archive holds no Apple Health export: \
                     no XML file at its top whose root is `HealthData`";
        return Err(Halt::fault(None, cause));
    };
    let entry = archive.by_index(index);
    let entry = entry.map_err(|error| Halt::fault(None, format!("damaged archive: {error}")))?;
    xml::read(entry, user, sink)
}

/// Whether a file is an export, or an archive that may hold one.
pub(super) fn is_export(mut reader: impl Read + Seek) -> bool {
    match is_archive(&mut reader) {
        Ok(true) => true,
        Ok(false) => xml::is_export(reader),
        Err(_) => false,
    }
}

fn is_archive(reader: &mut (impl Read + Seek)) -> std::io::Result<bool> {
    let mut magic = Vec::with_capacity(4);
    reader.take(4).read_to_end(&mut magic)?;
    reader.seek(SeekFrom::Start(0))?;
    Ok(magic.starts_with(b"PK"))
}

fn open<R: Read + Seek>(reader: R) -> Result<ZipArchive<R>, Halt> {
    ZipArchive::new(reader).map_err(|error| match error {
        zip::result::ZipError::Io(error) => Halt::io(None, error),
        error => Halt::fault(None, format!("damaged archive: {error}")),
    })
}

/// Finds the export by its usual name, else by its root element: the name is
/// in the language of the phone.
fn find<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Option<usize> {
    let mut candidates = Vec::new();
    for index in 0..archive.len() {
        let name = archive.name_for_index(index);
        let Some(Ok(name)) = name else {
            candidates.push(index);
            continue;
        };
        if name == "apple_health_export/export.xml" || name == "export.xml" {
            return Some(index);
        }
        let file = name.rsplit('/').next().unwrap_or_default();
        let top = name.matches('/').count() <= 1 && !name.starts_with("__MACOSX");
        if top && file.to_lowercase().ends_with(".xml") {
            candidates.push(index);
        }
    }
    candidates
        .into_iter()
        .find(|index| archive.by_index(*index).is_ok_and(xml::is_export))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;
    use crate::import::testing::{Collected, fault};

    const EXPORT: &str = "<HealthData><Workout/></HealthData>";

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn finds_the_export_whatever_its_language() {
        for name in ["export.xml", "Exportación.xml", "エクスポート.xml"] {
            let name = format!("apple_health_export/{name}");
            let bytes = archive(&[
                ("apple_health_export/export_cda.xml", "<ClinicalDocument/>"),
                ("apple_health_export/workout-routes/route.gpx", "<gpx/>"),
                (&name, EXPORT),
            ]);
            let mut found = Collected::keep_going();
            read(Cursor::new(bytes), 1, &mut found).unwrap();
            assert_eq!(found.reasons(), ["Workout"], "{name}");
        }
    }

    #[test]
    fn says_when_an_archive_holds_no_export_or_is_damaged() {
        let cause = |bytes: &[u8]| fault(read(Cursor::new(bytes), 1, &mut Collected::keep_going()));
        let other = archive(&[("a/b/c.xml", EXPORT), ("a.txt", "")]);
        assert!(cause(&other).cause.starts_with("the archive holds no"));
        let good = archive(&[("export.xml", EXPORT)]);
        for length in 2..good.len() {
            let mut sink = Collected::keep_going();
            assert!(
                read(Cursor::new(&good[..length]), 1, &mut sink).is_err(),
                "{length}"
            );
        }
    }
}
