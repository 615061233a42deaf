//! Logs on stderr, progress bars that do not tear them, and metrics.

pub mod metrics;

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use anyhow::Context;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Sends logs to stderr in the configured format.
///
/// # Errors
/// `log.level` is not a filter.
pub fn init(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.level).with_context(|| {
        format!(
            "log.level `{}` is neither a level (error, warn, info, debug, trace) nor a filter",
            config.level
        )
    })?;
    // At debug the driver tells the parameters of every statement: health
    // values. No level turns that on.
    let filter = filter.add_directive("tokio_postgres=info".parse()?);
    let terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(terminal)
        .with_writer(|| BesideProgress);
    if json {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init();
    } else {
        builder.init();
    }
    Ok(())
}

fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// A progress bar on stderr, hidden where stderr is no terminal. `unit` is
/// what is counted, such as `groups`.
pub fn progress(total: u64, unit: &str) -> ProgressBar {
    let template =
        format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit} · {{per_sec}} · {{eta}} left");
    with_template(total, &template)
}

/// A progress bar that counts bytes.
pub fn progress_bytes(total: u64) -> ProgressBar {
    with_template(
        total,
        "{msg} {wide_bar} {bytes}/{total_bytes} · {bytes_per_sec} · {eta} left",
    )
}

/// Counts what has no known end. `unit` is what is counted.
pub fn spinner(unit: &str) -> ProgressBar {
    with_template(
        0,
        &format!("{{spinner}} {{msg}} {{pos}} {unit} · {{per_sec}}"),
    )
}

fn with_template(total: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    let bar = bars().add(ProgressBar::new(total));
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// Writes log lines above the bars.
struct BesideProgress;

impl Write for BesideProgress {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        bars().suspend(|| std::io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
