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
    Demo,
    /// Bring the database schema up to date
    Migrate,
    /// Read files into raw rows
    Import(commands::import::Args),
    /// Insert made-up rows, for tests and benchmarks
    Generate(commands::generate::Args),
    /// Fold continuously until stopped (for systemd)
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
    Pause,
    /// Let paused workers go on
    Resume,
    /// Show or check the configuration
    #[command(subcommand)]
    Config(commands::config::Action),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// The command could not run: the text says why and what to do.
    pub async fn run(self) -> anyhow::Result<Exit> {
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
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
