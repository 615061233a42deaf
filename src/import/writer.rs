//! Gives rows their user and their time zone, and stores them.

use std::collections::{BTreeSet, HashMap};

use chrono_tz::Tz;

use super::batch::{BATCH_ROWS, Batch};
use super::identity::Equals;
use super::item::{Intake, Lab, OLDER, Parsed, Subject, Version, Vital};
use super::summary::Summary;
use super::time::{self, Resolved};
use crate::backoff::{TRANSIENT_RETRIES, transient_pause};
use crate::domain::labs::{LabResult, Labs};
use crate::domain::nutrition::{Nutrition, NutritionEntry};
use crate::domain::vitals::{VitalSample, Vitals};
use crate::domain::{Fold, NewRow, UserId};
use crate::store::{ErrorClass, RawRows, ResourceVersion, Resources, StoreError, VersionRow};

/// Users and zones remembered; beyond it they are asked for again.
const MAX_KNOWN: usize = 20_000;

/// Stores the batches of an import.
pub(super) struct Writer<'s, S> {
    store: &'s S,
    default_zone: Tz,
    users: HashMap<String, UserId>,
    zones: HashMap<UserId, Tz>,
}

impl<'s, S: RawRows> Writer<'s, S> {
    pub(super) fn new(store: &'s S, default_zone: Tz) -> Writer<'s, S> {
        Writer {
            store,
            default_zone,
            users: HashMap::new(),
            zones: HashMap::new(),
        }
    }

    /// Stores a batch; its summary then says what became of it. `equals` are
    /// the rows of the same file before it.
    pub(super) async fn write(
        &mut self,
        batch: Batch,
        equals: &mut Equals,
    ) -> Result<Summary, StoreError> {
        self.learn_users(&batch).await?;
        self.learn_zones(&batch).await?;
        let Batch {
            mut summary,
            versions,
            vitals,
            labs,
            nutrition,
        } = batch;
        if versions.is_empty() {
            let rows = vitals.into_iter().map(|(_, row)| self.vital(row));
            self.insert::<Vitals>(rows.collect(), equals, &mut summary)
                .await?;
            let rows = labs.into_iter().map(|(_, row)| self.lab(row));
            self.insert::<Labs>(rows.collect(), equals, &mut summary)
                .await?;
            let rows = nutrition.into_iter().map(|(_, row)| self.intake(row));
            self.insert::<Nutrition>(rows.collect(), equals, &mut summary)
                .await?;
            return Ok(summary);
        }
        let resources = Resources {
            versions: versions.into_iter().map(|v| self.version(v)).collect(),
            vitals: rows::<_, Vitals>(vitals, equals, |row| self.vital(row)),
            labs: rows::<_, Labs>(labs, equals, |row| self.lab(row)),
            nutrition: rows::<_, Nutrition>(nutrition, equals, |row| self.intake(row)),
        };
        let done = self
            .patiently(|| self.store.store_versions(resources.clone()))
            .await?;
        summary.add_rows(done.rows);
        summary.retracted += done.retracted;
        if done.older > 0 {
            summary.skip(OLDER, done.older);
        }
        Ok(summary)
    }

    /// Asks once for the ids of all references not known yet.
    async fn learn_users(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.users.len() > MAX_KNOWN {
            self.users.clear();
        }
        let unknown: BTreeSet<&String> = batch
            .subjects()
            .filter_map(|(subject, _)| match subject {
                Subject::Reference(reference) => Some(reference),
                Subject::User(_) => None,
            })
            .filter(|reference| !self.users.contains_key(*reference))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let references: Vec<String> = unknown.into_iter().cloned().collect();
        let ids = self.store.resolve_users(&references).await?;
        if ids.len() != references.len() {
            return Err(StoreError::new(
                ErrorClass::Fatal,
                "resolve users",
                format!("{} ids for {} references", ids.len(), references.len()),
            ));
        }
        self.users.extend(references.into_iter().zip(ids));
        Ok(())
    }

    /// Asks once for the zones of all users whose rows have times without an
    /// offset.
    async fn learn_zones(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.zones.len() > MAX_KNOWN {
            self.zones.clear();
        }
        let unknown: BTreeSet<UserId> = batch
            .subjects()
            .filter(|(_, needs_zone)| *needs_zone)
            .map(|(subject, _)| self.user(subject))
            .filter(|user| !self.zones.contains_key(user))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let users: Vec<UserId> = unknown.into_iter().collect();
        let names = self.store.time_zones(&users).await?;
        for user in users {
            let zone = names.get(&user).map(|name| name.parse::<Tz>());
            let zone = match zone {
                Some(Ok(zone)) => zone,
                Some(Err(_)) => {
                    tracing::warn!(
                        user.id = user,
                        "unknown time zone of user {user}, using the default"
                    );
                    self.default_zone
                }
                None => self.default_zone,
            };
            self.zones.insert(user, zone);
        }
        Ok(())
    }

    fn user(&self, subject: &Subject) -> UserId {
        match subject {
            Subject::User(user) => *user,
            // Learned before any row of the batch is looked at.
            Subject::Reference(reference) => self.users[reference],
        }
    }

    fn version(&self, version: Version) -> ResourceVersion {
        ResourceVersion {
            resource: version.resource,
            source: version.source,
            scope: version.user,
            user_id: match &version.subject {
                Some(Subject::Reference(reference)) => self.users.get(reference).copied(),
                Some(Subject::User(user)) => Some(*user),
                None => None,
            },
            last_updated: version.last_updated,
            number: version.number,
            retracted: version.retracted,
            formerly: version.formerly,
        }
    }

    fn vital(&self, row: Parsed<Vital>) -> NewRow<VitalSample> {
        self.row(row, |vital, times| VitalSample {
            metric: vital.metric,
            value: vital.value,
            comparator: vital
                .comparator
                .map(|comparator| comparator.sign().to_owned()),
            unit: vital.unit,
            started_at: times.started_at,
            ended_at: times.ended_at,
        })
    }

    fn lab(&self, row: Parsed<Lab>) -> NewRow<LabResult> {
        self.row(row, |lab, times| LabResult {
            code: lab.code,
            name: lab.name,
            category: lab.category,
            value: lab.value,
            unit: lab.unit,
            reference_range: lab.reference_range,
            interpretation: lab.interpretation,
            collected_at: times.started_at,
        })
    }

    fn intake(&self, row: Parsed<Intake>) -> NewRow<NutritionEntry> {
        self.row(row, |intake, times| NutritionEntry {
            nutrient: intake.nutrient,
            amount: intake.amount,
            unit: intake.unit,
            meal: intake.meal,
            eaten_at: times.started_at,
        })
    }

    fn row<P, Q>(&self, row: Parsed<P>, payload: impl FnOnce(P, &Resolved) -> Q) -> NewRow<Q> {
        let user_id = self.user(&row.subject);
        let zone = self
            .zones
            .get(&user_id)
            .copied()
            .unwrap_or(self.default_zone);
        let times = time::resolve(row.start, row.end, row.offset_minutes, zone);
        NewRow {
            user_id,
            utc_offset_minutes: times.utc_offset_minutes,
            source: row.source,
            source_id: row.source_id,
            device: row.device,
            note: row.note,
            payload: payload(row.payload, &times),
        }
    }

    /// Inserts rows in short transactions: one record may give many rows.
    async fn insert<F: Fold>(
        &self,
        mut rows: Vec<NewRow<F::Payload>>,
        equals: &mut Equals,
        summary: &mut Summary,
    ) -> Result<(), StoreError> {
        equals.name::<F>(&mut rows);
        let mut rows = rows.into_iter();
        loop {
            let chunk: Vec<_> = rows.by_ref().take(BATCH_ROWS).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            let inserted = self.patiently(|| self.store.insert_raw::<F>(chunk.clone()));
            summary.add_rows(inserted.await?);
        }
    }

    /// Tries again what failed for now, such as a deadlock with another import.
    /// A batch that was stored although its answer was lost is found stored.
    async fn patiently<T, A: Future<Output = Result<T, StoreError>>>(
        &self,
        attempt: impl Fn() -> A,
    ) -> Result<T, StoreError> {
        for retry in 0..TRANSIENT_RETRIES {
            match attempt().await {
                Err(error) if error.is_transient() => {
                    let pause = transient_pause(retry);
                    tracing::warn!("rows not stored, tried again in {pause:.1?}: {error}");
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
        }
        attempt().await
    }
}

fn rows<P, F: Fold>(
    rows: Vec<(Option<usize>, Parsed<P>)>,
    equals: &mut Equals,
    row: impl Fn(Parsed<P>) -> NewRow<F::Payload>,
) -> Vec<VersionRow<F::Payload>> {
    let rows = rows.into_iter().map(|(version, parsed)| {
        let mut row = row(parsed);
        equals.name_row::<F>(&mut row);
        VersionRow { version, row }
    });
    rows.collect()
}
