//! Reads a resource as a stream, so that a Bundle of any size takes the
//! memory of one of its entries.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::node::Node;
use super::person::{Person, SharedPeople};
use super::subject::person_named;
use super::{Told, nutrition_intake, observation, version};
use crate::import::item::{Item, OLDER, label};
use crate::import::reader::{Halt, Position, Sink};
use crate::store::{Age, compare_ages};

/// Most resources of one history whose newest version is remembered, about
/// 20 MB; of those beyond it the later in order wins where no age tells.
const MAX_NEWEST: usize = 100_000;

/// Where the records of a walk stand in their file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lines<'a> {
    /// All on this line.
    Fixed(u64),
    /// Where the reader is.
    At(&'a Position),
}

/// A walk through a resource and the resources within it.
pub(super) struct Walk<'a> {
    pub(super) sink: &'a mut dyn Sink,
    told: Told<'a>,
    pub(super) lines: Lines<'a>,
    people: &'a SharedPeople,
    /// The Patient that the entry being read holds.
    patient: Option<Person>,
    /// Whether an entry is being read, whose end may say more of its resource.
    in_entry: bool,
    /// The entry's resource, and the line that it ended on.
    held: Option<(u64, Map<String, Value>)>,
    /// Whether the Bundle being read is a history: its newest entries are first.
    in_history: bool,
    /// The newest version so far of each resource of the history being read.
    newest: HashMap<String, Age>,
    /// Entries of Bundles begun so far.
    entries: u64,
    /// What the document holds at the point reached, for errors.
    expecting: &'static str,
    /// Why the walk was broken off: serde carries only texts.
    halt: Option<Halt>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        sink: &'a mut dyn Sink,
        told: Told<'a>,
        people: &'a SharedPeople,
        lines: Lines<'a>,
    ) -> Walk<'a> {
        Walk {
            sink,
            told,
            lines,
            people,
            patient: None,
            in_entry: false,
            held: None,
            in_history: false,
            newest: HashMap::new(),
            entries: 0,
            expecting: RESOURCE,
            halt: None,
        }
    }

    pub(super) fn line(&self) -> u64 {
        match self.lines {
            Lines::Fixed(line) => line,
            Lines::At(position) => position.line(),
        }
    }

    /// Reads one resource to its end.
    ///
    /// # Errors
    /// Says where it stopped: the sink's own reason, or bad JSON.
    pub(super) fn read<'de, R: serde_json::de::Read<'de>>(
        &mut self,
        json: &mut serde_json::Deserializer<R>,
    ) -> Result<(), Halt> {
        self.expecting = RESOURCE;
        let Err(error) = Resource(self).deserialize(json) else {
            return Ok(());
        };
        match self.halt.take() {
            Some(halt) => Err(halt),
            None => Err(self.malformed(error)),
        }
    }

    /// The texts of syntax errors are fixed. Those of type errors quote the
    /// value and are replaced.
    pub(super) fn malformed(&self, error: serde_json::Error) -> Halt {
        use serde_json::error::Category;
        let line = self.line();
        match error.classify() {
            Category::Io => Halt::io(line, error.into()),
            Category::Eof => Halt::fault(line, self.cause("the JSON ends too early")),
            Category::Syntax => {
                let text = error.to_string();
                let text = text.split(" at line ").next().unwrap_or_default();
                Halt::fault(line, self.cause(&format!("not valid JSON: {text}")))
            }
            Category::Data => Halt::fault(line, self.cause(self.expecting)),
        }
    }

    fn cause(&self, cause: &str) -> String {
        match self.entries {
            0 => cause.to_owned(),
            entry => format!("entry {entry}: {cause}"),
        }
    }

    /// Reads a resource that has versions.
    fn versioned(&self, map: &Map<String, Value>) -> Result<Vec<Item>, String> {
        match map.get("resourceType").and_then(Value::as_str) {
            Some("NutritionIntake") => nutrition_intake::items(map, self.told.user),
            _ => observation::items(map, self.told.user, &self.people.lock()),
        }
    }

    /// Whether a history held a version before that is as new as this one, or
    /// newer: where ages do not tell, the first in it is the newest.
    fn is_outdated(&mut self, items: &[Item]) -> bool {
        let Some(Item::Version(version)) = items.first() else {
            return false;
        };
        let age = (version.last_updated, version.number);
        let room = self.newest.len() < MAX_NEWEST;
        match self.newest.get_mut(&version.resource) {
            Some(newest) if compare_ages(age, *newest) == Some(Ordering::Greater) => {
                *newest = age;
                false
            }
            Some(_) => true,
            None => {
                if room {
                    self.newest.insert(version.resource.clone(), age);
                }
                false
            }
        }
    }

    fn emit(&mut self, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        self.emit_at(self.line(), record)
    }

    /// Hands on what one resource gave.
    fn emit_at(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        let record = record.map_err(|cause| self.cause(&cause));
        let record = record.map(|mut items| {
            if let Some(source) = self.told.source {
                items.iter_mut().for_each(|item| item.come_from(source));
            }
            items
        });
        self.sink.record(line, record)?;
        if let Lines::At(position) = self.lines {
            position.next_record();
        }
        Ok(())
    }

    /// Takes a whole resource but for its entries, of which `empty` held none.
    fn finish(&mut self, map: Map<String, Value>, empty: u64) -> Result<(), Halt> {
        match map.get("resourceType") {
            Some(Value::String(kind)) => match kind.as_str() {
                "Bundle" => {
                    for _ in 0..empty {
                        self.emit(Ok(vec![Item::Skipped("entry without resource".into())]))?;
                    }
                    Ok(())
                }
                // The end of its entry says more of it.
                "Observation" | "NutritionIntake" if self.in_entry => {
                    self.held = Some((self.line(), map));
                    Ok(())
                }
                "Observation" | "NutritionIntake" => self.emit(self.versioned(&map)),
                "Patient" => {
                    let patient = Node::resource(&map);
                    let person = Person::read(patient);
                    if let Ok(Some(id)) = patient.text("id") {
                        self.people.lock().add(&id, person);
                    }
                    self.patient = Some(person);
                    self.emit(Ok(vec![observation::other_resource("Patient")]))
                }
                other => {
                    let mut items = vec![observation::other_resource(other)];
                    items.extend(contained_observations(&map, other));
                    self.emit(Ok(items))
                }
            },
            Some(_) => self.emit(Err("`resourceType` is not a string".to_owned())),
            None => self.emit(Err("`resourceType` is missing".to_owned())),
        }
    }

    fn check<E: serde::de::Error>(&mut self, result: Result<(), Halt>) -> Result<(), E> {
        result.map_err(|halt| {
            self.halt = Some(halt);
            E::custom("halted")
        })
    }
}

/// Says of each Observation within another resource that it is left out.
fn contained_observations(map: &Map<String, Value>, holder: &str) -> impl Iterator<Item = Item> {
    let contained = map.get("contained").and_then(Value::as_array);
    let observations = contained.into_iter().flatten().filter(|resource| {
        let kind = resource.get("resourceType").and_then(Value::as_str);
        kind == Some("Observation")
    });
    observations
        .map(move |_| Item::Skipped(format!("Observation contained in {}", label(holder)).into()))
}

const RESOURCE: &str = "a resource is not a JSON object";
const ENTRY: &str = "`entry` is not a list of objects";

struct Resource<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Resource<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Resource<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let walk = self.0;
        let mut map = Map::new();
        let mut empty = 0;
        while let Some(key) = access.next_key::<String>()? {
            match key.as_str() {
                "entry" => {
                    walk.expecting = ENTRY;
                    let is_history = map.get("type").is_some_and(|kind| kind == "history");
                    let outer = (walk.in_history, std::mem::take(&mut walk.newest));
                    walk.in_history = is_history;
                    empty = access.next_value_seed(Entries(walk))?;
                    (walk.in_history, walk.newest) = outer;
                }
                // Large, and nothing of them is read.
                "text" | "extension" => {
                    access.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.insert(key, access.next_value()?);
                }
            }
        }
        let result = walk.finish(map, empty);
        walk.check(result)
    }
}

/// The entries of a Bundle; gives the number of those without a resource.
/// Other resources have a list of this name too, whose objects hold none.
struct Entries<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<u64, A::Error> {
        let mut empty = 0;
        while let Some(held) = access.next_element_seed(Entry(self.0))? {
            empty += u64::from(!held);
            self.0.expecting = ENTRY;
        }
        Ok(empty)
    }
}

/// One entry; gives whether it held a resource.
struct Entry<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Entry<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        self.0.entries += 1;
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    /// Returns true for a deletion as well: it is a record of its own.
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<bool, A::Error> {
        let walk = self.0;
        let mut held = false;
        let mut entry = Map::new();
        walk.patient = None;
        walk.in_entry = true;
        while let Some(key) = access.next_key::<String>()? {
            match key.as_str() {
                "resource" => {
                    walk.expecting = RESOURCE;
                    access.next_value_seed(Resource(walk))?;
                    held = true;
                }
                "fullUrl" | "request" | "response" => {
                    entry.insert(key, access.next_value()?);
                }
                _ => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let Some(person) = walk.patient.take()
            && let Some(Value::String(url)) = entry.get("fullUrl")
            && let Some(name) = person_named(url)
        {
            walk.people.lock().add(&name, person);
        }
        walk.in_entry = false;
        // Where `type` stands behind the entries, only a history has both.
        let in_history =
            walk.in_history || (entry.contains_key("request") && entry.contains_key("response"));
        let found = match walk.held.take() {
            Some((line, mut resource)) => {
                version::identify(&mut resource, &entry);
                let mut record = walk.versioned(&resource);
                if let Ok(items) = &mut record {
                    version::complete(items, &entry);
                }
                Some((line, record))
            }
            None if held => None,
            None => version::deleted(&entry, walk.told.user).map(|items| (walk.line(), Ok(items))),
        };
        if let Some((line, mut record)) = found {
            held = true;
            if in_history && record.as_ref().is_ok_and(|items| walk.is_outdated(items)) {
                record = Ok(vec![Item::Skipped(OLDER.into())]);
            }
            let result = walk.emit_at(line, record);
            walk.check(result)?;
        }
        Ok(held)
    }
}
