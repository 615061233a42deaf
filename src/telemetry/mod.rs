//! Logs on stderr, progress that does not tear them, and metrics.

mod colour;
mod journal;
pub mod metrics;
mod progress;

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};
pub use progress::{note, progress, progress_bytes};

/// Sends logs to stderr in the configured format.
///
/// # Errors
/// `log.level` is not a filter.
pub fn init(config: &LogConfig) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&config.level).with_context(|| {
        format!(
            "log.level `{}` is neither a level (error, warn, info, debug, trace) nor a filter",
            config.level
        )
    })?;
    // The driver tells what triggers say at info, and the parameters of every
    // statement at debug: health values. No level and no filter turns that on.
    for module in ["", "::connection", "::query", "::simple_query", "::prepare"] {
        filter = filter.add_directive(format!("tokio_postgres{module}=warn").parse()?);
    }
    let terminal = std::io::stderr().is_terminal();
    let format = match config.format {
        LogFormat::Auto if terminal => LogFormat::Text,
        LogFormat::Auto if journal::is_stderr() => LogFormat::Journal,
        LogFormat::Auto => LogFormat::Json,
        format => format,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(|| progress::BesideBars);
    match format {
        LogFormat::Text if terminal && !no_color() => builder
            .with_ansi(true)
            .fmt_fields(colour::PlainFields::default())
            .with_writer(|| progress::ColouredBesideBars)
            .init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init(),
        LogFormat::Journal => builder.event_format(journal::Journal::new()).init(),
        LogFormat::Text | LogFormat::Auto => builder.init(),
    }
    Ok(())
}

/// Whether the user wants no colours: <https://no-color.org>.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
