//! Which version of which resource a file holds.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::node::Node;
use super::observation::source;
use crate::import::item::{Item, Subject, Version, label};

/// The types whose versions are kept.
const KEPT: [&str; 2] = ["Observation", "NutritionIntake"];

/// The version of a resource; none without an id, by which no other version
/// of it would be found.
pub(super) fn version(
    node: Node<'_>,
    kind: &str,
    user: Option<i64>,
    subject: Option<&Subject>,
) -> Result<Option<Version>, String> {
    let Some(id) = node.text("id")? else {
        return Ok(None);
    };
    let meta = node.object("meta")?;
    let text = |field| meta.map_or(Ok(None), |meta| meta.text(field));
    Ok(Some(Version {
        resource: format!("{kind}/{id}"),
        source: Some(source(node)?),
        user,
        subject: subject.cloned(),
        last_updated: text("lastUpdated")?.as_deref().and_then(instant),
        number: text("versionId")?.and_then(|number| number.parse().ok()),
        retracted: false,
        formerly: Vec::new(),
    }))
}

/// What an entry of a history says of the version of its resource.
struct Entry<'a> {
    method: Option<String>,
    url: Option<Name<'a>>,
    last_updated: Option<DateTime<Utc>>,
    number: Option<i64>,
}

impl<'a> Entry<'a> {
    /// Fields of another type than expected say nothing.
    fn read(entry: &'a Map<String, Value>) -> Entry<'a> {
        let text = |of: Option<&str>, field: &str| -> Option<&'a str> {
            let of = match of {
                Some(name) => entry.get(name)?.as_object()?,
                None => entry,
            };
            of.get(field)?.as_str()
        };
        let urls = [text(Some("request"), "url"), text(None, "fullUrl")];
        let url = urls.into_iter().flatten().find_map(name);
        let etag = text(Some("response"), "etag");
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
        let number = etag.or(url.as_ref().and_then(|url| url.version));
        Entry {
            method: text(Some("request"), "method").map(str::to_uppercase),
            last_updated: text(Some("response"), "lastModified").and_then(instant),
            number: number.and_then(|number| number.parse().ok()),
            url,
        }
    }
}

/// Gives a resource without an id the one that its entry's address holds.
///
/// A `urn:uuid` is no id: many programs make another one at each export.
pub(super) fn identify(resource: &mut Map<String, Value>, entry: &Map<String, Value>) {
    if resource.contains_key("id") {
        return;
    }
    let kind = resource.get("resourceType").and_then(Value::as_str);
    let name = Entry::read(entry).url;
    if let Some(name) = name.filter(|name| Some(name.kind) == kind) {
        let id = Value::from(name.id);
        resource.insert("id".to_owned(), id);
    }
}

/// Gives the version of an entry's resource the age that its `meta` lacks.
pub(super) fn complete(items: &mut [Item], entry: &Map<String, Value>) {
    let Some(Item::Version(version)) = items.first_mut() else {
        return;
    };
    if version.last_updated.is_none() && version.number.is_none() {
        let entry = Entry::read(entry);
        (version.last_updated, version.number) = (entry.last_updated, entry.number);
    }
}

/// What an entry without a resource says: that one was deleted, if its request
/// did that.
pub(super) fn deleted(entry: &Map<String, Value>, user: Option<i64>) -> Option<Vec<Item>> {
    let entry = Entry::read(entry);
    if entry.method.as_deref() != Some("DELETE") {
        return None;
    }
    let Some(name) = entry.url else {
        return Some(vec![Item::Skipped(
            "DELETE of no resource by its id".into(),
        )]);
    };
    if !KEPT.contains(&name.kind) {
        let reason = format!("resource {}", label(name.kind));
        return Some(vec![Item::Skipped(reason.into())]);
    }
    let version = Version {
        resource: format!("{}/{}", name.kind, name.id),
        source: None,
        user,
        subject: None,
        last_updated: entry.last_updated,
        number: entry.number,
        retracted: true,
        formerly: Vec::new(),
    };
    Some(vec![
        Item::Version(version),
        Item::Skipped("deleted".into()),
    ])
}

struct Name<'a> {
    kind: &'a str,
    id: &'a str,
    version: Option<&'a str>,
}

/// `https://a.org/r4/Observation/k1/_history/2`
fn name(url: &str) -> Option<Name<'_>> {
    let (url, version) = match url.split_once("/_history/") {
        Some((url, version)) => (url, Some(version)),
        None => (url, None),
    };
    if url.contains('?') {
        return None;
    }
    let mut parts = url.rsplit('/');
    let (id, kind) = (parts.next()?, parts.next()?);
    (!id.is_empty() && kind.starts_with(|c: char| c.is_ascii_uppercase())).then_some(Name {
        kind,
        id,
        version,
    })
}

/// An instant to the microsecond, which databases keep.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    DateTime::from_timestamp_micros(time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version_of(entry: Value) -> Option<(String, Option<i64>)> {
        let items = deleted(entry.as_object().unwrap(), None)?;
        items.into_iter().find_map(|item| match item {
            Item::Version(version) => Some((version.resource, version.number)),
            _ => None,
        })
    }

    #[test]
    fn a_deletion_names_its_resource_and_version() {
        let entry = |url: &str| json!({"request": {"method": "DELETE", "url": url}});
        let found = |url: &str| version_of(entry(url));
        let k1 = |number| Some(("Observation/k1".to_owned(), number));
        assert_eq!(found("Observation/k1"), k1(None));
        assert_eq!(found("/Observation/k1"), k1(None));
        assert_eq!(
            found("https://a.org/r4/Observation/k1/_history/3"),
            k1(Some(3))
        );
        assert_eq!(found("Observation?identifier=a|b"), None);
        assert_eq!(found("Patient/p"), None);
        let mut etag = entry("Observation");
        etag["fullUrl"] = json!("https://a.org/r4/Observation/k1");
        etag["response"] = json!({"etag": "W/\"4\"", "lastModified": "2026-03-02T15:00:00Z"});
        assert_eq!(version_of(etag), k1(Some(4)));
        let other = json!({"request": {"method": "PUT", "url": "Observation/k1"}});
        assert_eq!(deleted(other.as_object().unwrap(), None), None);
    }

    #[test]
    fn an_entry_completes_a_version_without_meta() {
        let read = |resource: Value, entry: Value| {
            let resource = resource.as_object().unwrap();
            let node = Node::resource(resource);
            let version = version(node, "Observation", None, None).unwrap();
            let mut items = vec![Item::Version(version.unwrap())];
            complete(&mut items, entry.as_object().unwrap());
            match items.pop() {
                Some(Item::Version(version)) => version.number,
                other => panic!("{other:?}"),
            }
        };
        let entry = json!({"response": {"etag": "W/\"2\""}});
        assert_eq!(read(json!({"id": "k1"}), entry.clone()), Some(2));
        let with_meta = json!({"id": "k1", "meta": {"versionId": "7"}});
        assert_eq!(read(with_meta, entry), Some(7));
        let url = json!({"fullUrl": "https://a.org/r4/Observation/k1/_history/3"});
        assert_eq!(read(json!({"id": "k1"}), url), Some(3));
    }
}
