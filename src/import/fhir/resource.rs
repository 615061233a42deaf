//! Reads a resource as a stream, so that a Bundle of any size takes the
//! memory of one of its entries.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::node::Node;
use super::person::{Person, SharedPeople};
use super::subject::person_named;
use super::{nutrition_intake, observation, version};
use crate::import::item::Item;
use crate::import::reader::{Halt, Position, Sink};

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
    pub(super) user: Option<i64>,
    pub(super) lines: Lines<'a>,
    people: &'a SharedPeople,
    /// The Patient that the entry being read holds.
    patient: Option<Person>,
    /// Whether an entry is being read, whose end may say more of its resource.
    in_entry: bool,
    /// What the entry's resource gave, and the line that it ended on.
    held: Option<(u64, Result<Vec<Item>, String>)>,
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
        user: Option<i64>,
        people: &'a SharedPeople,
        lines: Lines<'a>,
    ) -> Walk<'a> {
        Walk {
            sink,
            user,
            lines,
            people,
            patient: None,
            in_entry: false,
            held: None,
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

    /// Hands on what a resource with versions gave, at the end of its entry
    /// where it has one.
    fn emit_version(&mut self, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        if !self.in_entry {
            return self.emit(record);
        }
        self.held = Some((self.line(), record));
        Ok(())
    }

    fn emit(&mut self, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        self.emit_at(self.line(), record)
    }

    /// Hands on what one resource gave.
    fn emit_at(&mut self, line: u64, record: Result<Vec<Item>, String>) -> Result<(), Halt> {
        let record = record.map_err(|cause| self.cause(&cause));
        self.sink.record(line, record)?;
        if let Lines::At(position) = self.lines {
            position.next_record();
        }
        Ok(())
    }

    /// Takes a whole resource but for its entries, of which `empty` held none.
    fn finish(&mut self, map: &Map<String, Value>, empty: u64) -> Result<(), Halt> {
        match map.get("resourceType") {
            Some(Value::String(kind)) => match kind.as_str() {
                "Bundle" => {
                    for _ in 0..empty {
                        self.emit(Ok(vec![Item::Skipped("entry without resource".into())]))?;
                    }
                    Ok(())
                }
                "Observation" => {
                    let record = observation::items(map, self.user, &self.people.lock());
                    self.emit_version(record)
                }
                "Patient" => {
                    let patient = Node::resource(map);
                    let person = Person::read(patient);
                    if let Ok(Some(id)) = patient.text("id") {
                        self.people.lock().add(&id, person);
                    }
                    self.patient = Some(person);
                    self.emit(Ok(vec![observation::other_resource("Patient")]))
                }
                "NutritionIntake" => self.emit_version(nutrition_intake::items(map, self.user)),
                other => self.emit(Ok(vec![observation::other_resource(other)])),
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
                    empty = access.next_value_seed(Entries(walk))?;
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
        let result = walk.finish(&map, empty);
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
        if let Some((line, mut record)) = walk.held.take() {
            if let Ok(items) = &mut record {
                version::complete(items, &entry);
            }
            let result = walk.emit_at(line, record);
            walk.check(result)?;
        }
        if !held && let Some(items) = version::deleted(&entry, walk.user) {
            held = true;
            let result = walk.emit(Ok(items));
            walk.check(result)?;
        }
        Ok(held)
    }
}
