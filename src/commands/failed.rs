//! `vitalfold failed list|show|retry|discard`

use chrono::NaiveDate;

use super::scope::Scope;
use super::{Exit, open, output};
use crate::config::Config;
use crate::domain::{Domain, GroupKey, UserId};
use crate::store::{ErrorClass, FailedFilter, FailedGroup, Failures, GroupFilter};
use crate::terminal::one_line;
use crate::with_store;

/// Groups read per statement.
const STEP: usize = 1000;
/// Failed attempts that `show` prints, the latest ones.
const HISTORY: usize = 100;

#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  vitalfold failed list --dead
  vitalfold failed show vitals 17 2026-03-02
  vitalfold failed retry --domain labs --class data
  vitalfold failed discard --user 17 --from 2026-03-02 --to 2026-03-02")]
pub enum Action {
    /// List groups whose last attempt failed
    List {
        #[command(flatten)]
        which: Selection,
        #[command(flatten)]
        format: output::FormatArgs,
    },
    /// Show one group, its error in full and every failed attempt, also of a
    /// group that was folded since
    Show {
        #[arg(value_enum)]
        domain: Domain,
        #[arg(allow_negative_numbers = true)]
        user: UserId,
        date: NaiveDate,
        #[command(flatten)]
        format: output::FormatArgs,
    },
    /// Let groups be tried again at once, with all their attempts
    Retry {
        #[command(flatten)]
        which: Selection,
    },
    /// Give groups up: the rows that came since they were folded last are rejected
    Discard {
        #[command(flatten)]
        which: Selection,
        /// Discard every failed group
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct Selection {
    #[command(flatten)]
    scope: Scope,
    /// Only groups that failed in this way
    #[arg(long, value_enum)]
    class: Option<ErrorClass>,
    /// Only groups whose attempts are used up
    #[arg(long)]
    dead: bool,
}

impl Selection {
    fn filter(&self) -> anyhow::Result<FailedFilter> {
        Ok(FailedFilter {
            within: self.scope.filter()?,
            class: self.class,
            dead_only: self.dead,
        })
    }
}

pub async fn run(config: &Config, action: Action) -> anyhow::Result<Exit> {
    let any = open::ready(config, "failed").await?;
    with_store!(&any, store => match action {
        Action::List { which, format } => list(config, store, &which, format.is_json()).await,
        Action::Show { domain, user, date, format } => {
            show(store, domain, user, date, format.is_json()).await
        }
        Action::Retry { which } => {
            let groups = find(config, store, &which).await?;
            let mut retried = 0;
            for (domain, group) in groups {
                let key = GroupKey { domain, user_id: group.user_id, local_date: group.local_date };
                retried += u64::from(store.retry_failed(key).await?);
            }
            output::print(&format!("{retried} groups are due now"))?;
            Ok(Exit::Done)
        }
        Action::Discard { which, all } => {
            anyhow::ensure!(
                all || which.filter()? != FailedFilter::default(),
                "nothing says which groups to discard; narrow it down, or give --all"
            );
            let mut discarded = 0;
            for (domain, group) in find(config, store, &which).await? {
                let key = GroupKey { domain, user_id: group.user_id, local_date: group.local_date };
                discarded += u64::from(store.discard_failed(key).await?);
            }
            output::print(&format!("{discarded} groups discarded"))?;
            Ok(Exit::Done)
        }
    })
}

async fn find<S: Failures>(
    config: &Config,
    store: &S,
    which: &Selection,
) -> anyhow::Result<Vec<(Domain, FailedGroup)>> {
    let filter = which.filter()?;
    let mut found = Vec::new();
    for domain in which.scope.domains(config) {
        let mut after = None;
        loop {
            let groups = store.failed_groups(domain, &filter, after, STEP).await?;
            after = groups.last().map(|group| (group.user_id, group.local_date));
            let last = groups.len() < STEP;
            found.extend(groups.into_iter().map(|group| (domain, group)));
            if last {
                break;
            }
        }
    }
    Ok(found)
}

async fn list<S: Failures>(
    config: &Config,
    store: &S,
    which: &Selection,
    json: bool,
) -> anyhow::Result<Exit> {
    let found = find(config, store, which).await?;
    if json {
        let groups: Vec<_> = found
            .iter()
            .map(|(domain, group)| as_json(*domain, group))
            .collect();
        output::print(&serde_json::to_string_pretty(&groups)?)?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        output::print("no failed groups")?;
        return Ok(Exit::Done);
    }
    let mut table = output::table(&[
        "DOMAIN", "USER", "DATE", "STATE", "ATTEMPTS", "NEXT", "CLASS", "ERROR",
    ]);
    for (domain, group) in found {
        let next = match group.state.as_str() {
            "dead" => "-".to_owned(),
            _ => group
                .next_attempt_at
                .format("%Y-%m-%d %H:%M:%SZ")
                .to_string(),
        };
        table.add_row([
            domain.to_string(),
            group.user_id.to_string(),
            group.local_date.to_string(),
            group.state,
            group.attempts.to_string(),
            next,
            group.error_class,
            group.error.chars().take(80).collect(),
        ]);
    }
    output::print(&output::render(&table))?;
    Ok(Exit::Done)
}

async fn show<S: Failures>(
    store: &S,
    domain: Domain,
    user: UserId,
    date: NaiveDate,
    json: bool,
) -> anyhow::Result<Exit> {
    let within = GroupFilter {
        users: vec![user],
        from: Some(date),
        to: Some(date),
    };
    let filter = FailedFilter {
        within,
        ..FailedFilter::default()
    };
    let found = store.failed_groups(domain, &filter, None, 1).await?;
    let key = GroupKey {
        domain,
        user_id: user,
        local_date: date,
    };
    let history = store.past_failures(key, HISTORY).await?;
    if found.is_empty() && history.is_empty() {
        anyhow::bail!("{domain} of user {user} on {date} have not failed");
    }
    let text = if json {
        let mut object = match found.first() {
            Some(group) => as_json(domain, group),
            None => serde_json::json!({
                "domain": domain, "user_id": user, "local_date": date, "state": "folded",
            }),
        };
        object["history"] = serde_json::json!(history);
        serde_json::to_string_pretty(&object)?
    } else {
        let mut text = match found.first() {
            Some(group) => as_text(domain, group),
            None => format!("{domain} of user {user} on {date}: folded since"),
        };
        for past in &history {
            text.push_str(&format!(
                "\n{} attempt {} by {}: {}: {}",
                past.failed_at.format("%Y-%m-%d %H:%M:%SZ"),
                past.attempts,
                past.worker,
                past.error_class,
                one_line(&past.error)
            ));
        }
        text
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn as_text(domain: Domain, group: &FailedGroup) -> String {
    format!(
        "{domain} of user {} on {}: {}\nattempts: {}\nlast failed: {}\n\
         next attempt: {}\nclass: {}\nerror: {}\nhistory:",
        group.user_id,
        group.local_date,
        group.state,
        group.attempts,
        group.updated_at.to_rfc3339(),
        match group.state.as_str() {
            "dead" => "none".to_owned(),
            _ => group.next_attempt_at.to_rfc3339(),
        },
        group.error_class,
        one_line(&group.error)
    )
}

fn as_json(domain: Domain, group: &FailedGroup) -> serde_json::Value {
    let mut object = serde_json::json!(group);
    object["domain"] = domain.name().into();
    object
}
