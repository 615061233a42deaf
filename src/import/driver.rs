//! Imports files: parse and validate, then insert.

use std::io;
use std::path::Path;
use std::sync::Arc;

use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::batch::{Batch, Batcher, Validate};
use super::files::{Input, expand};
use super::identity::Equals;
use super::reader::{Halt, Sink};
use super::writer::Writer;
use super::{Format, ImportError, ImportOptions, Summary, apple_health, csv, fhir};
use crate::store::RawRows;

/// Batches between the thread that reads and the task that writes.
const BATCHES_AHEAD: usize = 2;

/// Imports a file, or every fitting file of a directory in order of name; `-`
/// is standard input.
///
/// Each file is read twice: nothing of a file with an error is stored. With
/// [`ImportOptions::keep_going`] what is malformed is counted instead. A CSV
/// file is read once more before, for its decimal marks. Importing a file again
/// stores no row twice.
///
/// # Errors
/// The first error of the input or of the store. Files before it stay stored.
pub async fn import_file<S: RawRows>(
    store: &S,
    path: &Path,
    options: &ImportOptions,
) -> Result<Summary, ImportError> {
    if options.format == Format::AppleHealth && options.user.is_none() {
        return Err(ImportError::Usage(
            "an Apple Health export does not say whose it is: name the user with `--user`",
        ));
    }
    if options.format != Format::Csv && options.decimal.is_some() {
        return Err(ImportError::Usage(
            "`--decimal` is for CSV files: other formats write numbers in one way",
        ));
    }
    if options.format != Format::Fhir && options.source.is_some() {
        return Err(ImportError::Usage(
            "`--source` is for FHIR: a CSV file has a column for it, an Apple Health export says it",
        ));
    }
    let name = path.display().to_string();
    let (format, root) = (options.format, path.to_owned());
    let files = blocking(&name, move || expand(&root, format).map_err(Halt::Io)).await?;
    let mut writer = Writer::new(store, options.default_zone);
    let mut sum = Summary::default();
    for file in files {
        sum += import_one(&mut writer, &file, options).await?;
    }
    Ok(sum)
}

async fn import_one<S: RawRows>(
    writer: &mut Writer<'_, S>,
    path: &Path,
    options: &ImportOptions,
) -> Result<Summary, ImportError> {
    let name = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    };
    let file = path.to_owned();
    let open = move || Input::open(&file).map_err(Halt::Io);
    let input = Arc::new(blocking(&name, open).await?);
    // The first pass over FHIR also finds the people, wherever they stand.
    let twice = !options.keep_going || options.format == Format::Fhir;
    let people = fhir::SharedPeople::default();
    let passes = if twice { 2 } else { 1 };
    options.progress.inc_length(input.length * passes);
    let context = {
        let (input, options) = (Arc::clone(&input), options.clone());
        let marks = blocking(&name, move || marks(&input, &options)).await?;
        Context { marks, people }
    };
    if twice {
        let (input, options, context) = (Arc::clone(&input), options.clone(), context.clone());
        let keep_going = options.keep_going;
        let first = move || match parse(&input, &options, &context, &mut Validate { keep_going }) {
            Err(Halt::Fault(_)) if keep_going => Ok(()),
            other => other,
        };
        blocking(&name, first).await?;
    }
    insert(writer, &name, input, options, context).await
}

/// What passes over a file find out for those after them.
#[derive(Clone)]
struct Context {
    /// Of a CSV file.
    marks: csv::Marks,
    /// Of a FHIR file.
    people: fhir::SharedPeople,
}

/// What is known of the decimal marks of a CSV file.
fn marks(input: &Input, options: &ImportOptions) -> Result<csv::Marks, Halt> {
    match (options.format, options.decimal) {
        (_, Some(decimal)) => Ok(csv::Marks::told(decimal)),
        (Format::Csv, None) => {
            let unseen = ProgressBar::hidden();
            let reader = input.reader(&unseen).map_err(Halt::Io)?;
            csv::survey(reader, options.user)
        }
        (Format::Fhir | Format::AppleHealth, None) => Ok(csv::Marks::default()),
    }
}

/// Reads in a thread of its own while this task stores what was read.
async fn insert<S: RawRows>(
    writer: &mut Writer<'_, S>,
    name: &str,
    input: Arc<Input>,
    options: &ImportOptions,
    context: Context,
) -> Result<Summary, ImportError> {
    let (sender, mut batches) = mpsc::channel::<Batch>(BATCHES_AHEAD);
    let mut batcher = Batcher::new(name.to_owned(), options.keep_going, sender);
    let options = options.clone();
    let reader = spawn_blocking(move || {
        let result = parse(&input, &options, &context, &mut batcher);
        batcher.finish(result)
    });
    let mut sum = Summary::default();
    let mut equals = Equals::default();
    let mut stored = Ok(());
    while let Some(batch) = batches.recv().await {
        match writer.write(batch, &mut equals).await {
            Ok(summary) => sum += summary,
            Err(source) => {
                let file = name.to_owned();
                stored = Err(ImportError::Store { file, source });
                break;
            }
        }
    }
    // The reader stops at its next batch.
    drop(batches);
    let read = finished(name, reader.await);
    stored?;
    read.map(|()| sum)
}

fn parse(
    input: &Input,
    options: &ImportOptions,
    context: &Context,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let reader = input.reader(&options.progress).map_err(Halt::Io)?;
    match (options.format, options.user) {
        (Format::Fhir, user) => {
            let source = options.source.as_deref();
            fhir::read(reader, fhir::Told { user, source }, &context.people, sink)
        }
        (Format::Csv, user) => csv::read(reader, user, context.marks, sink),
        (Format::AppleHealth, Some(user)) => apple_health::read(reader, user, sink),
        (Format::AppleHealth, None) => Err(Halt::fault(None, "no user is given")),
    }
}

async fn blocking<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Halt> + Send + 'static,
) -> Result<T, ImportError> {
    finished(name, spawn_blocking(work).await)
}

fn finished<T>(
    name: &str,
    result: Result<Result<T, Halt>, tokio::task::JoinError>,
) -> Result<T, ImportError> {
    let result = result.map_err(|error| ImportError::io(name, io::Error::other(error)))?;
    result.map_err(|halt| {
        ImportError::from_halt(name, halt).unwrap_or_else(|| {
            let stopped = io::Error::other("reading was stopped");
            ImportError::io(name, stopped)
        })
    })
}
