//! Which sessions of other applications are at work beside a run.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use crate::store::{OtherSession, ServerLoad};

/// A session that may not be looked into was at work if one of the last looks
/// met it in a transaction: a look is a glance, and transactions are short.
const AT_WORK: Duration = Duration::from_secs(15);
/// A transaction that may not be looked into counts until it is this old: one
/// that was forgotten would count for ever.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Applications that are named.
const NAMED: usize = 3;

/// What looks at the server found out about sessions that may not be looked
/// into.
#[derive(Debug, Default)]
pub struct Glances(HashMap<i32, Glance>);

#[derive(Debug)]
struct Glance {
    session: OtherSession,
    /// When its present transaction was met first.
    begun: Instant,
    /// When it was met at work last.
    at_work: Instant,
}

/// Sessions of other applications at work, by application and role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Company(BTreeMap<(String, String), u64>);

impl Glances {
    /// Takes a new look, made at `now`.
    pub fn look(&mut self, load: &ServerLoad, now: Instant) -> Company {
        let mut company = Company::default();
        for session in &load.others {
            if session.hidden_transaction.is_none() {
                company.add(session);
                continue;
            }
            let glance = self.0.entry(session.pid).or_insert_with(|| Glance {
                session: session.clone(),
                begun: now,
                at_work: now,
            });
            if glance.session != *session {
                glance.session = session.clone();
                glance.begun = now;
            }
            if now.duration_since(glance.begun) < FORGOTTEN {
                glance.at_work = now;
            }
        }
        // The times of forgotten transactions are kept while they last.
        let open: Vec<i32> = load.others.iter().map(|session| session.pid).collect();
        self.0.retain(|pid, glance| {
            let at_work = now.duration_since(glance.at_work) < AT_WORK;
            if at_work {
                company.add(&glance.session);
            }
            at_work || open.contains(pid)
        });
        company
    }
}

impl Company {
    pub fn sessions(&self) -> u64 {
        self.0.values().sum()
    }

    fn add(&mut self, session: &OtherSession) {
        let key = (session.application.clone(), session.role.clone());
        *self.0.entry(key).or_default() += 1;
    }
}

impl fmt::Display for Company {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = self.sessions();
        write!(f, "{sessions} sessions of other applications are at work (")?;
        let mut most: Vec<_> = self.0.iter().collect();
        most.sort_by_key(|(_, sessions)| std::cmp::Reverse(**sessions));
        for (index, ((application, role), sessions)) in most.iter().take(NAMED).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let name = match application.as_str() {
                "" => "no application name",
                name => name,
            };
            let (name, role) = (name.escape_debug(), role.escape_debug());
            write!(f, "{comma}{sessions} of {name} as {role}")?;
        }
        match most.len().saturating_sub(NAMED) {
            0 => f.write_str(")"),
            more => write!(f, ", and {more} more)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(pid: i32, transaction: Option<&str>) -> OtherSession {
        OtherSession {
            pid,
            application: "web\u{1b}[2J".into(),
            role: "app".into(),
            hidden_transaction: transaction.map(str::to_owned),
        }
    }

    fn load(others: &[OtherSession]) -> ServerLoad {
        ServerLoad {
            others: others.to_vec(),
            ..ServerLoad::default()
        }
    }

    #[test]
    fn a_hidden_session_counts_while_its_transactions_change() {
        let mut glances = Glances::default();
        let start = Instant::now();
        let mut at = |seconds, others: &[OtherSession]| {
            let now = start + Duration::from_secs(seconds);
            glances.look(&load(others), now).sessions()
        };
        assert_eq!(at(0, &[session(1, None), session(2, Some("4/1"))]), 2);
        assert_eq!(at(5, &[]), 1, "it was in a transaction a moment ago");
        assert_eq!(at(20, &[]), 0);
        for seconds in 0..12 {
            let others = [session(3, Some("5/1"))];
            assert_eq!(at(100 + seconds * 5, &others), 1, "{seconds}");
        }
        assert_eq!(at(175, &[session(3, Some("5/1"))]), 0, "forgotten");
        assert_eq!(at(500, &[session(3, Some("5/1"))]), 0, "still forgotten");
        assert_eq!(at(505, &[session(3, Some("5/2"))]), 1);
    }

    #[test]
    fn the_line_names_the_most_and_no_control_characters() {
        let mut company = Company::default();
        for (pid, application) in [(1, "b"), (2, "b"), (3, ""), (4, "c"), (5, "d")] {
            company.add(&OtherSession {
                application: application.into(),
                ..session(pid, None)
            });
        }
        assert_eq!(
            company.to_string(),
            "5 sessions of other applications are at work (2 of b as app, 1 of no application \
             name as app, 1 of c as app, and 1 more)"
        );
        let mut company = Company::default();
        company.add(&session(1, None));
        assert!(!company.to_string().contains('\u{1b}'));
    }
}
