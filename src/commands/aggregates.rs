//! `vitalfold aggregates`

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::table::{Column, ColumnValue, Columns, Value};
use crate::domain::{Aggregate, Domain, Fold, Period, UserId, json};
use crate::store::{AggregateQuery, Store};
use crate::telemetry::note;
use crate::{with_domain, with_store};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vitalfold aggregates vitals --user 1 --metric steps
  vitalfold aggregates vitals --user 1 --period month --format json
  vitalfold aggregates labs --user 1 --metric 4548-4 --from 2020-01-01 --format csv
  vitalfold aggregates nutrition --user 1 --metric energy --period week")]
pub struct Args {
    #[arg(value_enum)]
    domain: Domain,
    /// Whose aggregates
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    user: UserId,
    /// One metric, analyte or nutrient: canonical name, LOINC code or `HealthKit` identifier
    #[arg(long)]
    metric: Option<String>,
    #[arg(long, value_enum, default_value_t = Period::Day)]
    period: Period,
    /// First local date, inclusive
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last local date, inclusive
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = output::Format::Table)]
    format: output::Format,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

pub async fn run(config: &Config, args: Args) -> anyhow::Result<Exit> {
    let any = open::ready(config, "aggregates").await?;
    with_store!(&any, store => with_domain!(args.domain, F => show::<F, _>(store, &args).await))
}

async fn show<F: Fold, S: Store>(store: &S, args: &Args) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        F::PERIODS.contains(&args.period),
        "there are no aggregates of {} by {}; choose one of {}",
        F::DOMAIN,
        args.period,
        F::PERIODS
            .iter()
            .map(|period| period.name())
            .collect::<Vec<_>>()
            .join(", ")
    );
    let query = AggregateQuery {
        user_id: args.user,
        series: args.metric.as_deref().map(F::series_named),
        period: args.period,
        from: args.from,
        to: args.to,
    };
    let rows = store.aggregates::<F>(&query).await?;
    let format = if args.json {
        output::Format::Json
    } else {
        args.format
    };
    let text = match format {
        output::Format::Table if rows.is_empty() => {
            note("no aggregates match; `vitalfold status` tells whether rows are pending");
            return Ok(Exit::Done);
        }
        output::Format::Table => as_table::<F>(rows),
        output::Format::Json => as_json::<F>(args.user, rows)?,
        output::Format::Csv => as_csv::<F>(args.user, rows)?,
    };
    match format {
        output::Format::Csv => output::print_data(&text)?,
        output::Format::Table | output::Format::Json => output::print(&text)?,
    }
    Ok(Exit::Done)
}

/// The columns that a person wants to see, numbers rounded for reading.
pub(super) fn as_table<F: Fold>(rows: Vec<Aggregate<F::Measure>>) -> String {
    let shown: Vec<_> = F::Measure::COLUMNS
        .iter()
        .enumerate()
        .filter(|(_, column)| F::SHOWN_COLUMNS.contains(&column.name))
        .collect();
    let hourly = rows
        .first()
        .is_some_and(|row| row.key.period == Period::Hour);
    let mut header = vec![if hourly { "HOUR (UTC)" } else { "DATE" }.to_owned()];
    header.extend([F::DOMAIN.tables().series.to_uppercase(), "UNIT".into()]);
    header.extend(shown.iter().map(|(_, column)| {
        let name = column.name.trim_end_matches("_covered");
        name.trim_end_matches("_count").to_uppercase()
    }));
    let header: Vec<_> = header.iter().map(String::as_str).collect();
    let mut table = output::table(&header);
    for row in rows {
        let time = match hourly {
            true => row.key.period_start.format("%Y-%m-%d %H:%M").to_string(),
            false => row.key.local_date.to_string(),
        };
        let values: Vec<_> = row.measure.into_values().collect();
        let mut cells = vec![time, row.key.series, row.key.unit];
        cells.extend(shown.iter().map(|(index, column)| {
            let comparator = comparator_of(F::Measure::COLUMNS, column.name);
            let comparator = comparator.map_or(&Value::Null, |index| &values[index]);
            bounded(&values[*index], comparator)
        }));
        table.add_row(cells);
    }
    output::render(&table)
}

/// The index of the column that says whether `name` is a bound.
fn comparator_of(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| {
        let of = column.name.strip_suffix("_comparator");
        of.is_some_and(|of| of == name)
    })
}

/// `<40` for a bound, in words where a device had no number to show.
fn bounded(value: &Value, comparator: &Value) -> String {
    match (value, comparator) {
        (Value::Null, Value::Text(sign)) if sign.starts_with('<') => "below range".into(),
        (Value::Null, Value::Text(_)) => "above range".into(),
        (value, Value::Text(sign)) => format!("{sign}{}", readable(value)),
        (value, _) => readable(value),
    }
}

/// At most two decimals, more where a number is small.
fn readable(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Double(number) if *number == 0.0 => "0".into(),
        Value::Double(number) => {
            let decimals = if number.abs() >= 10.0 { 1 } else { 3 };
            let text = format!("{number:.decimals$}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            if text == "0" || text == "-0" {
                format!("{number:.3e}")
            } else {
                text.to_owned()
            }
        }
        Value::Json(_) => match BTreeMap::<String, f64>::from_value(value.clone()) {
            Some(amounts) => {
                let named = amounts.into_iter();
                named
                    .map(|(name, amount)| format!("{name} {}", readable(&amount.into_value())))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            None => exact(value),
        },
        value => exact(value),
    }
}

fn exact(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Double(number) => number.to_string(),
        Value::BigInt(number) => number.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Timestamp(time) => time.to_rfc3339(),
    }
}

fn as_json<F: Fold>(user: UserId, rows: Vec<Aggregate<F::Measure>>) -> anyhow::Result<String> {
    let mut objects = Vec::with_capacity(rows.len());
    for row in rows {
        let mut object = serde_json::Map::from_iter([("user_id".to_owned(), user.into())]);
        object.append(&mut json::aggregate::<F>(row)?);
        objects.push(serde_json::Value::Object(object));
    }
    Ok(serde_json::to_string_pretty(&objects)?)
}

fn as_csv<F: Fold>(user: UserId, rows: Vec<Aggregate<F::Measure>>) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec![
        "user_id",
        "period",
        "local_date",
        "period_start",
        F::DOMAIN.tables().series,
        "unit",
    ];
    header.extend(F::Measure::COLUMNS.iter().map(|column| column.name));
    writer.write_record(&header)?;
    for row in rows {
        let mut record = vec![
            user.to_string(),
            row.key.period.name().to_owned(),
            row.key.local_date.to_string(),
            row.key.period_start.to_rfc3339(),
            row.key.series,
            row.key.unit,
        ];
        record.extend(row.measure.into_values().map(|value| exact(&value)));
        writer.write_record(&record)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_shown_as_bounds() {
        let sign = |sign: &str| Value::Text(sign.to_owned());
        for (value, comparator, shown) in [
            (Value::Double(40.0), sign("<"), "<40"),
            (Value::Double(22.25), sign(">="), ">=22.2"),
            (Value::Null, sign("<"), "below range"),
            (Value::Null, sign(">"), "above range"),
            (Value::Double(40.0), Value::Null, "40"),
            (Value::Null, Value::Null, "-"),
        ] {
            assert_eq!(bounded(&value, &comparator), shown);
        }
    }

    #[test]
    fn numbers_are_rounded_for_reading_only() {
        for (number, shown) in [
            (0.0, "0"),
            (61.25, "61.2"),
            (9.8765, "9.877"),
            (1200.0, "1200"),
            (0.00001, "1.000e-5"),
        ] {
            assert_eq!(readable(&Value::Double(number)), shown);
        }
        assert_eq!(exact(&Value::Double(0.1)), "0.1");
        let meals = r#"{"dinner":200.00000000000003,"lunch":0.5}"#;
        let meals = Value::Json(meals.to_owned());
        assert_eq!(readable(&meals), "dinner 200, lunch 0.5");
        assert_eq!(readable(&Value::Json(r#"["a"]"#.to_owned())), r#"["a"]"#);
    }
}
