//! `vitalfold import`

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;

use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::UserId;
use crate::domain::number::Decimal;
use crate::import::{Format, ImportOptions, Summary, import_file};
use crate::{telemetry, with_store};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold import fhir Observation.ndjson
  vitalfold import apple-health export.zip --user 17
  vitalfold import csv vitals.csv labs.csv nutrition.csv

A file with an error is not stored at all, unless --keep-going counts its bad
records and goes on. Files that were imported before add nothing.")]
pub struct Args {
    #[arg(value_enum)]
    format: FileFormat,
    /// Files or folders; - is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// All rows are of this user, whatever the files say
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    user: Option<UserId>,
    /// The server that FHIR files are from, whatever they say: ids of resources
    /// and people are unique within it
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    source: Option<String>,
    /// What marks the decimals of numbers in CSV files
    #[arg(long, value_enum, default_value = "auto", value_name = "MARK")]
    decimal: DecimalMark,
    /// Store what can be understood, count the rest
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    output: output::FormatFlag,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DecimalMark {
    /// Found out of all numbers of a file; an error where they leave it open
    Auto,
    /// `1,5`; a point separates thousands
    Comma,
    /// `1.5`; a comma separates thousands
    Point,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FileFormat {
    /// FHIR R5, R4 or STU3: NDJSON, a Bundle or one resource
    Fhir,
    /// CSV with a header line
    Csv,
    /// export.xml of Apple Health, or the zip that holds it
    AppleHealth,
}

pub async fn run(config: &Config, args: Args) -> anyhow::Result<Exit> {
    let any = open::ready(config, "import").await?;
    open::warn_of_other_zone(config, &any).await?;
    let bar = telemetry::progress_bytes("import");
    let options = ImportOptions {
        format: match args.format {
            FileFormat::Fhir => Format::Fhir,
            FileFormat::Csv => Format::Csv,
            FileFormat::AppleHealth => Format::AppleHealth,
        },
        user: args.user,
        source: args.source,
        default_zone: config.aggregation.default_time_zone,
        decimal: match args.decimal {
            DecimalMark::Auto => None,
            DecimalMark::Comma => Some(Decimal::Comma),
            DecimalMark::Point => Some(Decimal::Point),
        },
        keep_going: args.keep_going,
        progress: bar.clone(),
    };
    let mut total = Summary::default();
    let mut result = Ok(());
    for path in &args.paths {
        match with_store!(&any, store => import_file(store, path, &options).await) {
            Ok(summary) => total += summary,
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    bar.finish_and_clear();
    // What earlier files gave is stored, and is told before the error.
    if result.is_ok() || total != Summary::default() {
        output::print(&render(&total, args.output.json)?)?;
    }
    result.context("import")?;
    Ok(if total.malformed > 0 {
        Exit::Failures
    } else {
        Exit::Done
    })
}

fn render(summary: &Summary, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string(summary)?);
    }
    let mut text = format!(
        "{} records read: {} rows inserted, {} corrected, {} stored already",
        summary.read, summary.inserted, summary.corrected, summary.duplicate
    );
    if summary.retracted > 0 {
        text.push_str(&format!(", {} retracted", summary.retracted));
    }
    if !summary.skipped.is_empty() {
        text.push_str("\nskipped:");
        for (reason, count) in &summary.skipped {
            text.push_str(&format!("\n  {count:>8}  {reason}"));
        }
    }
    if summary.malformed > 0 {
        text.push_str(&format!(
            "\n{} malformed records, the first of them:",
            summary.malformed
        ));
        for error in &summary.errors {
            text.push_str(&format!("\n  {error}"));
        }
    }
    if !summary.ignored_columns.is_empty() {
        let names: Vec<_> = summary.ignored_columns.iter().map(String::as_str).collect();
        text.push_str(&format!(
            "\ncolumns without a meaning here: {}",
            names.join(", ")
        ));
    }
    Ok(text)
}
