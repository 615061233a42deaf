//! A store in memory that keeps what an import gives it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use crate::domain::labs::Labs;
use crate::domain::nutrition::Nutrition;
use crate::domain::vitals::Vitals;
use crate::domain::{Columns, Domain, Fold, NewRow, UserId, Value};
use crate::store::{ErrorClass, Inserted, RawRows, Resources, StoreError, VersionRow, Versioned};

/// One raw row: its user, offset, source and the columns of its domain.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) user: UserId,
    pub(super) offset: i32,
    pub(super) source: String,
    pub(super) source_id: Option<String>,
    pub(super) values: Vec<Value>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) vitals: Vec<Row>,
    pub(super) labs: Vec<Row>,
    pub(super) nutrition: Vec<Row>,
    pub(super) users: BTreeMap<String, UserId>,
    pub(super) zones: HashMap<UserId, String>,
    /// Rows of each call of `insert_raw`.
    pub(super) batches: Vec<usize>,
    pub(super) resolve_calls: usize,
    pub(super) zone_calls: usize,
    /// Fail every `insert_raw` from this call on.
    pub(super) fail_after: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Memory(pub(super) Arc<Mutex<State>>);

impl Memory {
    pub(super) fn rows(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.vitals.len() + state.labs.len() + state.nutrition.len()
    }
}

impl RawRows for Memory {
    async fn resolve_users(&self, references: &[String]) -> Result<Vec<UserId>, StoreError> {
        let mut state = self.0.lock().unwrap();
        state.resolve_calls += 1;
        let ids = references.iter().map(|reference| {
            let next = 1000 + state.users.len() as i64;
            *state.users.entry(reference.clone()).or_insert(next)
        });
        Ok(ids.collect())
    }

    async fn time_zones(&self, users: &[UserId]) -> Result<HashMap<UserId, String>, StoreError> {
        let mut state = self.0.lock().unwrap();
        state.zone_calls += 1;
        let known = users.iter().filter_map(|user| {
            let zone = state.zones.get(user)?;
            Some((*user, zone.clone()))
        });
        Ok(known.collect())
    }

    /// Every version counts: which one is in force is not the importers' part.
    async fn store_versions(&self, resources: Resources) -> Result<Versioned, StoreError> {
        fn rows<P>(rows: Vec<VersionRow<P>>) -> Vec<NewRow<P>> {
            rows.into_iter().map(|row| row.row).collect()
        }
        let mut done = Versioned::default();
        done.rows
            .add(self.insert_raw::<Vitals>(rows(resources.vitals)).await?);
        done.rows
            .add(self.insert_raw::<Labs>(rows(resources.labs)).await?);
        done.rows.add(
            self.insert_raw::<Nutrition>(rows(resources.nutrition))
                .await?,
        );
        Ok(done)
    }

    async fn insert_raw<F: Fold>(
        &self,
        rows: Vec<NewRow<F::Payload>>,
    ) -> Result<Inserted, StoreError> {
        let mut state = self.0.lock().unwrap();
        if state
            .fail_after
            .is_some_and(|calls| state.batches.len() >= calls)
        {
            return Err(StoreError::new(
                ErrorClass::Fatal,
                "insert raw rows",
                "connection lost".to_owned(),
            ));
        }
        state.batches.push(rows.len());
        let inserted = rows.len() as u64;
        let rows = rows.into_iter().map(|row| Row {
            user: row.user_id,
            offset: row.utc_offset_minutes,
            source: row.source,
            source_id: row.source_id,
            values: row.payload.into_values().collect(),
        });
        match F::DOMAIN {
            Domain::Labs => state.labs.extend(rows),
            Domain::Nutrition => state.nutrition.extend(rows),
            Domain::Vitals => state.vitals.extend(rows),
        }
        Ok(Inserted {
            inserted,
            ..Inserted::default()
        })
    }
}
