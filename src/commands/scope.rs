//! Which groups a command is about.

use chrono::NaiveDate;

use crate::config::Config;
use crate::domain::{Domain, UserId};
use crate::store::GroupFilter;

#[derive(Debug, clap::Args)]
pub struct Scope {
    /// Domain; may be repeated [default: `worker.domains`]
    #[arg(long, value_enum)]
    domain: Vec<Domain>,
    /// User; may be repeated [default: all]
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    user: Vec<UserId>,
    /// First local date, inclusive
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last local date, inclusive
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
}

impl Scope {
    pub(super) fn domains(&self, config: &Config) -> Vec<Domain> {
        match self.domain.is_empty() {
            true => config.worker.domains.clone(),
            false => self.domain.clone(),
        }
    }

    pub(super) fn filter(&self) -> anyhow::Result<GroupFilter> {
        if let (Some(from), Some(to)) = (self.from, self.to) {
            anyhow::ensure!(from <= to, "--from {from} is after --to {to}");
        }
        Ok(GroupFilter {
            users: self.user.clone(),
            from: self.from,
            to: self.to,
        })
    }
}
