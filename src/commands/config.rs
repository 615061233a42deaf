//! `vitalfold config show` and `vitalfold config check`

use super::{Exit, output};
use crate::config::{Config, redact};

#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  vitalfold config show
  vitalfold config show --format json
  vitalfold --config /etc/vitalfold/config.toml config check")]
pub enum Action {
    /// Print the configuration in force, without passwords
    Show {
        #[command(flatten)]
        format: output::FormatArgs,
    },
    /// Say whether the configuration is usable
    Check,
}

pub fn run(config: &Config, action: &Action) -> anyhow::Result<Exit> {
    let mut shown = config.clone();
    shown.database.url = redact::url(&shown.database.url);
    shown.http = shown.http.redacted();
    match action {
        Action::Show { format } if format.is_json() => {
            output::print(&serde_json::to_string_pretty(&shown)?)?;
        }
        Action::Show { .. } => output::print(&toml::to_string(&shown)?)?,
        // Loading was the check.
        Action::Check => {
            super::open::store(config, "check")?;
            output::print("the configuration is usable")?;
        }
    }
    Ok(Exit::Done)
}
