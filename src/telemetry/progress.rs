//! How far long work is: a bar on a terminal, else a line in the log now and
//! then.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tracing::info;

use super::metrics;
use crate::terminal;

/// A line is written at the latest after this long, if there was progress.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether a line is to be written.
const LOOK_EVERY: Duration = Duration::from_millis(500);

fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// What a bar counts.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    /// Such as `groups`.
    Things(&'static str),
}

/// Shows progress on stderr until the bar is finished or dropped. `unit` is
/// what is counted, such as `groups`; a `total` of 0 is not known.
pub fn progress(what: &'static str, total: u64, unit: &'static str) -> ProgressBar {
    let template = match total {
        0 => format!("{{spinner}} {{msg}} {{pos}} {unit} · {{rate}}"),
        _ => format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit} · {{rate}} · {{eta}} left"),
    };
    start(what, total, &template, Unit::Things(unit))
}

/// The same for bytes; the total is given as files are opened.
pub fn progress_bytes(what: &'static str) -> ProgressBar {
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} · {bytes_per_sec} · {eta} left";
    start(what, 0, template, Unit::Bytes)
}

fn start(what: &'static str, total: u64, template: &str, unit: Unit) -> ProgressBar {
    let bar = bars().add(ProgressBar::new(total).with_message(what));
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            // A bar cannot report that it could not be drawn.
            write!(text, "{:.0}/s", state.per_sec()).unwrap_or_default();
        };
        bar.set_style(style.with_key("rate", rate));
    }
    if !std::io::stderr().is_terminal() {
        let watched = bar.downgrade();
        // Not a task: the work may hold its thread for long.
        std::thread::spawn(move || {
            let started = Instant::now();
            let mut last = Said::default();
            while let Some(bar) = watched.upgrade().filter(|bar| !bar.is_finished()) {
                let now = Said {
                    position: bar.position(),
                    at: started.elapsed(),
                };
                let total = bar.length().unwrap_or(0);
                drop(bar);
                if now.is_news(&last, total) {
                    info!("{what}: {}", line(now, total, unit));
                    last = now;
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
    }
    bar
}

/// Where the work stood when a line was written.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    position: u64,
    at: Duration,
}

impl Said {
    /// Ten per cent further, or some seconds later and further at all.
    fn is_news(&self, last: &Said, total: u64) -> bool {
        let further = self.position - last.position.min(self.position);
        let tenth = total > 0 && further * 10 >= total;
        further > 0 && (tenth || self.at - last.at >= LINE_EVERY)
    }
}

/// `120 of 400 groups (30 %), 60/s, 5s left`
fn line(now: Said, total: u64, unit: Unit) -> String {
    let amount = |amount: u64| match unit {
        Unit::Bytes => HumanBytes(amount).to_string(),
        Unit::Things(name) => format!("{amount} {name}"),
    };
    let rate = now.position as f64 / now.at.as_secs_f64().max(0.001);
    let per_second = match unit {
        Unit::Bytes => HumanBytes(rate as u64).to_string(),
        Unit::Things(_) => format!("{rate:.0}"),
    };
    if total < now.position || total == 0 {
        return format!("{}, {per_second}/s", amount(now.position));
    }
    let left = Duration::from_secs(((total - now.position) as f64 / rate.max(0.001)) as u64);
    format!(
        "{} of {} ({} %), {per_second}/s, {} left",
        match unit {
            Unit::Bytes => amount(now.position),
            Unit::Things(_) => now.position.to_string(),
        },
        amount(total),
        now.position * 100 / total,
        humantime::format_duration(left)
    )
}

/// Writes log lines above the bars, without anything that steers a terminal.
pub(super) struct BesideBars;

impl Write for BesideBars {
    /// Never fails: work goes on when its log cannot be written. One call is
    /// one line.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        write_line(format!("{}\n", terminal::one_line(line)).as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The same for lines that hold colours; their fields are safe already.
pub(super) struct ColouredBesideBars;

impl Write for ColouredBesideBars {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        write_line(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn write_line(line: &[u8]) {
    if bars()
        .suspend(|| std::io::stderr().write_all(line))
        .is_err()
    {
        metrics::log_line_lost();
    }
}

/// Writes a message for the person at the terminal to stderr. A message that
/// cannot be written is counted as a lost line of the log.
pub fn note(text: &str) {
    let text = format!("{}\n", terminal::lines(text.trim_end()));
    if std::io::stderr().write_all(text.as_bytes()).is_err() {
        metrics::log_line_lost();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(position: u64, seconds: u64) -> Said {
        Said {
            position,
            at: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_line_tells_how_much_how_fast_and_how_long() {
        let groups = Unit::Things("groups");
        assert_eq!(
            line(said(120, 2), 400, groups),
            "120 of 400 groups (30 %), 60/s, 4s left"
        );
        assert_eq!(line(said(120, 2), 0, groups), "120 groups, 60/s");
        assert_eq!(
            line(said(1 << 20, 1), 1 << 30, Unit::Bytes),
            "1.00 MiB of 1.00 GiB (0 %), 1.00 MiB/s, 17m 3s left"
        );
    }

    #[test]
    fn a_line_is_written_when_there_is_something_to_say() {
        let last = said(100, 10);
        assert!(said(200, 11).is_news(&last, 1000));
        assert!(!said(199, 11).is_news(&last, 1000));
        assert!(said(101, 15).is_news(&last, 1000));
        assert!(!said(100, 60).is_news(&last, 1000), "nothing moved");
        assert!(!said(199, 11).is_news(&last, 0), "no known end");
    }
}
