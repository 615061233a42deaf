//! Which versions of resources a batch replaces, and what becomes of the rows
//! that they had.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::labs::LabResult;
use crate::domain::nutrition::NutritionEntry;
use crate::domain::vitals::VitalSample;
use crate::domain::{Domain, Fold, NewRow, UserId};

/// Versions of resources and their rows, in the order of a file.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    pub versions: Vec<ResourceVersion>,
    pub vitals: Vec<VersionRow<VitalSample>>,
    pub labs: Vec<VersionRow<LabResult>>,
    pub nutrition: Vec<VersionRow<NutritionEntry>>,
}

/// A row and the index of its version; none for a row of no version.
#[derive(Debug, Clone)]
pub struct VersionRow<P> {
    pub version: Option<usize>,
    pub row: NewRow<P>,
}

/// One version of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceVersion {
    /// Type and id: `Observation/o1`.
    pub resource: String,
    /// None for the resource of this name from every source.
    pub source: Option<String>,
    /// The user that the import was told, within which ids are unique.
    pub scope: Option<UserId>,
    /// Whose the resource is, where it says so.
    pub user_id: Option<UserId>,
    pub last_updated: Option<DateTime<Utc>>,
    pub number: Option<i64>,
    /// Has no rows until a newer version comes.
    pub retracted: bool,
    /// Domain and key of rows that an earlier release stored for it.
    pub formerly: Vec<(Domain, String)>,
}

/// What a store did with [`Resources`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versioned {
    pub rows: super::Inserted,
    /// Rows deleted because a newer version has them no more.
    pub retracted: u64,
    /// Versions left out because a newer one is known.
    pub older: u64,
}

/// What tells one row: domain, user, `source_id`, the domain's key (see
/// [`Tables::key`](crate::domain::Tables::key)) and time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct RowName(
    pub(super) Domain,
    pub(super) UserId,
    pub(super) String,
    pub(super) String,
    /// None of a row of any time.
    #[serde(default)]
    pub(super) Option<DateTime<Utc>>,
);

/// A line of `resource_versions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) resource: String,
    pub(super) scope: UserId,
    pub(super) source: String,
    pub(super) last_updated: Option<DateTime<Utc>>,
    pub(super) number: Option<i64>,
    pub(super) retracted: bool,
    /// None where nothing was seen yet.
    pub(super) rows: Option<Vec<RowName>>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Whether the rows of each version are stored.
    accepted: Vec<bool>,
    /// Whether each version was left out because a newer one is known.
    older: Vec<bool>,
    /// Lines to write.
    pub(super) states: Vec<State>,
    /// Rows to delete, with their source.
    pub(super) gone: Vec<(String, RowName)>,
    /// User, source and id of retracted resources that were stored before
    /// versions were kept: all their rows go.
    pub(super) unrecorded: Vec<(UserId, String, String)>,
    pub(super) done: Versioned,
}

/// The state of a resource from one source on the way through a batch.
#[derive(Default)]
struct Slot {
    state: Option<State>,
    /// As the database has them; none where nothing was seen yet.
    stored_rows: Option<Vec<RowName>>,
    /// The version of the batch that it has now.
    by: Option<usize>,
}

impl Resources {
    /// Resource names, scopes and sources, sorted and each once: the order in
    /// which lines are locked.
    pub(super) fn keys(&self) -> Vec<(&str, UserId, &str)> {
        let keys = self.versions.iter().map(|version| {
            let source = version.source.as_deref().unwrap_or_default();
            (
                version.resource.as_str(),
                version.scope.unwrap_or_default(),
                source,
            )
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Decides, in order, which versions count. `stored` are the lines of all
    /// resources named, from any source.
    pub(super) fn plan(&self, stored: Vec<State>) -> Plan {
        let mut names = vec![Vec::new(); self.versions.len()];
        self.name::<crate::domain::vitals::Vitals>(&self.vitals, &mut names);
        self.name::<crate::domain::labs::Labs>(&self.labs, &mut names);
        self.name::<crate::domain::nutrition::Nutrition>(&self.nutrition, &mut names);
        let mut plan = Plan {
            accepted: vec![false; self.versions.len()],
            older: vec![false; self.versions.len()],
            ..Plan::default()
        };
        let mut known: HashMap<(String, UserId), BTreeMap<String, Slot>> = HashMap::new();
        for state in stored.into_iter().filter(|state| state.rows.is_some()) {
            let slots = known
                .entry((state.resource.clone(), state.scope))
                .or_default();
            slots.insert(
                state.source.clone(),
                Slot {
                    stored_rows: state.rows.clone(),
                    state: Some(state),
                    by: None,
                },
            );
        }
        for (index, version) in self.versions.iter().enumerate() {
            let key = (version.resource.clone(), version.scope.unwrap_or_default());
            let slots = known.entry(key).or_default();
            let counts = match &version.source {
                Some(source) => {
                    let deleted = slots.get("").and_then(|slot| slot.state.as_ref());
                    deleted.is_none_or(|deleted| version.replaces(deleted)) && {
                        let slot = slots.entry(source.clone()).or_default();
                        slot.take(version, index, &names[index], source)
                    }
                }
                None => {
                    slots.entry(String::new()).or_default();
                    let mut counts = false;
                    for (source, slot) in slots.iter_mut() {
                        counts |= slot.take(version, index, &[], source);
                    }
                    counts
                }
            };
            plan.older[index] = !counts;
            plan.done.older += u64::from(!counts);
        }
        for slot in known.into_values().flat_map(BTreeMap::into_values) {
            self.finish(slot, &mut plan);
        }
        // In a stable order, so that two imports do not wait for each other.
        plan.states.sort_by(|a, b| {
            (&a.resource, a.scope, &a.source).cmp(&(&b.resource, b.scope, &b.source))
        });
        plan
    }

    fn name<F: Fold>(&self, rows: &[VersionRow<F::Payload>], names: &mut [Vec<RowName>]) {
        for VersionRow { version, row } in rows {
            if let (Some(version), Some(id)) = (version, &row.source_id) {
                let key = F::source_key(&row.payload).to_owned();
                let time = Some(F::time(&row.payload));
                names[*version].push(RowName(F::DOMAIN, row.user_id, id.clone(), key, time));
            }
        }
    }

    fn finish(&self, slot: Slot, plan: &mut Plan) {
        let (Some(state), Some(by)) = (slot.state, slot.by) else {
            return;
        };
        let version = &self.versions[by];
        plan.accepted[by] = true;
        let before = slot.stored_rows.unwrap_or_else(|| {
            let (Some(user), Some((_, id))) = (version.user_id, version.resource.split_once('/'))
            else {
                return Vec::new();
            };
            if version.retracted {
                plan.unrecorded
                    .push((user, state.source.clone(), id.to_owned()));
            }
            let former = version.formerly.iter();
            former
                .map(|(domain, key)| RowName(*domain, user, id.to_owned(), key.clone(), None))
                .collect()
        });
        let now = state.rows.as_deref().unwrap_or_default();
        let gone = before.into_iter().filter(|row| !now.contains(row));
        plan.gone
            .extend(gone.map(|row| (state.source.clone(), row)));
        plan.states.push(state);
    }
}

impl Slot {
    /// Takes a version unless a newer one is there; returns whether it did.
    fn take(
        &mut self,
        version: &ResourceVersion,
        index: usize,
        rows: &[RowName],
        source: &str,
    ) -> bool {
        if self
            .state
            .as_ref()
            .is_some_and(|state| !version.replaces(state))
        {
            return false;
        }
        let known = self.state.take();
        let (last, number) = known.map_or((None, None), |known| (known.last_updated, known.number));
        self.state = Some(State {
            resource: version.resource.clone(),
            scope: version.scope.unwrap_or_default(),
            source: source.to_owned(),
            // A version that does not say its age is as old as the one before.
            last_updated: version.last_updated.or(last),
            number: version.number.or(number),
            retracted: version.retracted,
            rows: Some(rows.to_vec()),
        });
        self.by = Some(index);
        true
    }
}

impl ResourceVersion {
    /// Whether this version, read later, takes the place of a known one. A
    /// version of the same age does, and so does one whose age cannot be told
    /// from the known one's; but only a newer one, or a later one where
    /// neither says its age, brings back what was retracted.
    fn replaces(&self, known: &State) -> bool {
        let undoes = known.retracted && !self.retracted;
        match self.age(known) {
            Some(Ordering::Less) => false,
            Some(Ordering::Equal) => !undoes,
            Some(Ordering::Greater) => true,
            None => {
                let ageless = [self.last_updated, known.last_updated] == [None, None]
                    && [self.number, known.number] == [None, None];
                ageless || !undoes
            }
        }
    }

    fn age(&self, known: &State) -> Option<Ordering> {
        let own = (self.last_updated, self.number);
        compare_ages(own, (known.last_updated, known.number))
    }
}

/// What a version says of its age: the time of its last update, its number.
pub(crate) type Age = (Option<DateTime<Utc>>, Option<i64>);

/// The time of the last update decides, then the version's number. None where
/// neither tells.
pub(crate) fn compare_ages(own: Age, known: Age) -> Option<Ordering> {
    let times = own.0.zip(known.0).map(|(own, known)| own.cmp(&known));
    let numbers = own.1.zip(known.1).map(|(own, known)| own.cmp(&known));
    match (times, numbers) {
        (Some(Ordering::Equal), numbers) => numbers.or(times),
        (Some(times), _) => Some(times),
        (None, numbers) => numbers,
    }
}

impl Plan {
    /// The rows that are stored; counts those that a later version of the same
    /// batch has replaced as known.
    pub(super) fn rows<P>(&mut self, rows: Vec<VersionRow<P>>) -> Vec<NewRow<P>> {
        let mut stored = Vec::with_capacity(rows.len());
        for VersionRow { version, row } in rows {
            if version.is_none_or(|version| self.accepted[version]) {
                stored.push(row);
            } else if version.is_some_and(|version| !self.older[version]) {
                self.done.rows.duplicate += 1;
            }
        }
        stored
    }

    /// The rows to delete from one domain's table.
    pub(super) fn gone_from(&self, domain: Domain) -> Vec<&(String, RowName)> {
        self.gone
            .iter()
            .filter(|(_, row)| row.0 == domain)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(hour * 3600, 0)
    }

    fn version(hour: Option<i64>, number: Option<i64>, retracted: bool) -> ResourceVersion {
        ResourceVersion {
            resource: "Observation/k1".into(),
            source: Some("fhir".into()),
            scope: None,
            user_id: Some(1),
            last_updated: hour.and_then(at),
            number,
            retracted,
            formerly: Vec::new(),
        }
    }

    /// Hour of the last update, number and whether it is a retraction.
    type Told = (Option<i64>, Option<i64>, bool);

    /// Which of the versions, read one after another, is in force.
    fn in_force(versions: &[Told]) -> usize {
        let read = |batches: &[&[Told]]| {
            let (mut stored, mut last, mut first) = (Vec::new(), 0, 0);
            for batch in batches {
                let resources = Resources {
                    versions: batch.iter().map(|v| version(v.0, v.1, v.2)).collect(),
                    ..Resources::default()
                };
                let plan = resources.plan(stored.clone());
                if let Some(index) = plan.accepted.iter().position(|accepted| *accepted) {
                    last = first + index;
                    stored = plan.states;
                }
                first += batch.len();
            }
            last
        };
        let whole = read(&[versions]);
        let single: Vec<_> = versions.chunks(1).collect();
        assert_eq!(
            whole,
            read(&single),
            "{versions:?}: the batch must not decide"
        );
        whole
    }

    #[test]
    fn the_newest_version_is_in_force_in_any_order() {
        let (no, back) = (None, true);
        for (versions, expected) in [
            // Without any age the order decides.
            (&[(no, no, false), (no, no, false)][..], 1),
            (&[(no, no, false), (no, no, back)], 1),
            (&[(no, no, back), (no, no, false)], 1),
            // By time.
            (&[(Some(1), no, false), (Some(2), no, false)], 1),
            (&[(Some(2), no, false), (Some(1), no, false)], 0),
            (&[(Some(2), no, back), (Some(1), no, false)], 0),
            (&[(Some(2), no, back), (Some(3), no, false)], 1),
            (&[(Some(2), no, false), (Some(1), no, back)], 0),
            (
                &[
                    (Some(1), no, false),
                    (Some(2), no, back),
                    (Some(1), no, false),
                ],
                1,
            ),
            // By number: 10 is newer than 9.
            (&[(no, Some(10), false), (no, Some(9), false)], 0),
            (&[(no, Some(9), false), (no, Some(10), false)], 1),
            (&[(no, Some(2), back), (no, Some(1), false)], 0),
            // Time before number.
            (&[(Some(2), Some(1), false), (Some(1), Some(2), false)], 0),
            (&[(Some(1), Some(1), false), (Some(1), Some(2), false)], 1),
            (&[(Some(1), Some(2), false), (Some(1), Some(1), false)], 0),
            // Of one age the later, but it brings nothing back.
            (&[(Some(1), Some(1), false), (Some(1), Some(1), false)], 1),
            (&[(Some(1), Some(1), false), (Some(1), Some(1), back)], 1),
            (&[(Some(1), Some(1), back), (Some(1), Some(1), false)], 0),
            // One that does not say its age.
            (&[(Some(1), no, false), (no, no, false)], 1),
            (&[(Some(1), no, back), (no, no, false)], 0),
            (&[(no, no, back), (Some(1), no, false)], 0),
            (&[(no, no, false), (Some(1), no, false)], 1),
            (
                &[(Some(2), no, false), (no, no, false), (Some(1), no, false)],
                1,
            ),
            (&[(Some(1), no, false), (no, Some(1), false)], 1),
        ] {
            assert_eq!(in_force(versions), expected, "{versions:?}");
        }
    }
}
