//! The words of the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{self, Exit};
use crate::config::Config;

/// Folds raw vitals and lab results into hourly to yearly aggregates, without
/// making the application beside it wait.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file [default: config.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Database, instead of the configured one: `postgres://…` or `sqlite://FILE`
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fold sample data in an embedded database and show the result
    #[command(after_help = "Examples:\n  vitalfold demo")]
    Demo,
    /// Bring the database schema up to date
    #[command(after_help = "Examples:
  vitalfold migrate
  vitalfold --database-url postgres://app:secret@localhost/health migrate")]
    Migrate,
    /// Read files into raw rows
    Import(commands::import::Args),
    /// Insert made-up rows, for tests and benchmarks
    Generate(commands::generate::Args),
    /// Fold continuously until stopped (for systemd)
    #[command(after_help = "Examples:
  vitalfold worker
  vitalfold --config /etc/vitalfold/config.toml worker")]
    Worker,
    /// Fold what is pending, then exit (for cron)
    RunOnce(commands::run_once::Args),
    /// Fold groups again that were folded before
    Backfill(commands::backfill::Args),
    /// Show what waits, what failed and who works
    Status(commands::status::Args),
    /// Print a person's aggregates
    Aggregates(commands::aggregates::Args),
    /// Recompute aggregates from raw rows and compare
    Verify(commands::verify::Args),
    /// List, retry or discard groups that failed
    #[command(subcommand)]
    Failed(commands::failed::Action),
    /// Move everything from an embedded database to PostgreSQL
    Copy(commands::copy::Args),
    /// Check the database, the server and the configuration for trouble
    Doctor(commands::doctor::Args),
    /// Make every worker pause
    #[command(after_help = "Examples:\n  vitalfold pause")]
    Pause,
    /// Let paused workers go on
    #[command(after_help = "Examples:\n  vitalfold resume")]
    Resume,
    /// Show or check the configuration
    #[command(subcommand)]
    Config(commands::config::Action),
    /// Print a shell's completions of this command line
    #[command(after_help = "Examples:
  vitalfold completions bash > /etc/bash_completion.d/vitalfold
  vitalfold completions fish > ~/.config/fish/completions/vitalfold.fish")]
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(
        hide = true,
        after_help = "Examples:\n  vitalfold man /usr/local/share/man/man1"
    )]
    Man { folder: PathBuf },
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// The command could not run: the text says why and what to do.
    pub async fn run(self) -> anyhow::Result<Exit> {
        // A broken configuration is no reason not to complete or explain.
        match &self.command {
            Command::Completions { shell } => return commands::manual::completions(*shell),
            Command::Man { folder } => return commands::manual::pages(folder),
            _ => {}
        }
        let mut config = Config::load(self.config.as_deref(), self.database_url.as_deref())?;
        if matches!(self.command, Command::Demo) {
            // A first look is at the numbers; the log of a run is for operators.
            "warn".clone_into(&mut config.log.level);
        }
        crate::telemetry::init(&config.log)?;
        match self.command {
            Command::Demo => commands::demo::run(config).await,
            Command::Migrate => commands::migrate::run(&config).await,
            Command::Import(args) => commands::import::run(&config, args).await,
            Command::Generate(args) => commands::generate::run(&config, args).await,
            Command::Worker => commands::worker::run(&config).await,
            Command::RunOnce(args) => commands::run_once::run(&config, &args).await,
            Command::Backfill(args) => commands::backfill::run(&config, args).await,
            Command::Status(args) => commands::status::run(&config, &args).await,
            Command::Aggregates(args) => commands::aggregates::run(&config, args).await,
            Command::Verify(args) => commands::verify::run(&config, args).await,
            Command::Failed(action) => commands::failed::run(&config, action).await,
            Command::Copy(args) => commands::copy::run(&config, &args).await,
            Command::Doctor(args) => commands::doctor::run(&config, &args).await,
            Command::Pause => commands::pause::run(&config, true).await,
            Command::Resume => commands::pause::run(&config, false).await,
            Command::Config(action) => commands::config::run(&config, &action),
            // Safety: both have returned above.
            Command::Completions { .. } | Command::Man { .. } => unreachable!(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The examples of a command, and of those below it, as they are typed.
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines = help.lines().map(str::trim);
        let own: Vec<_> = lines.filter(|line| line.starts_with("vitalfold")).collect();
        let mut below = command.get_subcommands().peekable();
        // A family of commands has its examples in one place.
        assert!(
            !own.is_empty() || below.peek().is_some(),
            "{} --help shows no example",
            command.get_name()
        );
        found.extend(own.iter().map(ToString::to_string));
        if own.is_empty() {
            below.for_each(|command| examples(command, found));
        }
    }

    #[test]
    fn every_command_has_examples_and_each_is_right() {
        let mut found = Vec::new();
        examples(&Cli::command(), &mut found);
        assert!(found.len() > 20, "{found:?}");
        for example in found {
            let command = example.split(" > ").next().unwrap_or_default();
            if let Err(error) = Cli::try_parse_from(command.split_whitespace()) {
                panic!("{example}: {error}");
            }
        }
    }
}
