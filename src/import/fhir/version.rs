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

/// What an entry without a resource says: that one was deleted, if its request
/// did that.
pub(super) fn deleted(entry: &Map<String, Value>, user: Option<i64>) -> Option<Vec<Item>> {
    let entry = Node::resource(entry);
    let request = entry.object("request").ok()??;
    if request.text("method").ok()??.to_uppercase() != "DELETE" {
        return None;
    }
    let text = |node: Option<Node<'_>>, field| node?.text(field).ok()?;
    let response = entry.object("response").ok().flatten();
    let url = text(Some(request), "url");
    let full = text(Some(entry), "fullUrl");
    let named = [url.as_deref(), full.as_deref()];
    let Some(name) = named.into_iter().flatten().find_map(name) else {
        return Some(vec![Item::Skipped(
            "DELETE of no resource by its id".into(),
        )]);
    };
    let mut items = vec![Item::Skipped("deleted".into())];
    if !KEPT.contains(&name.kind) {
        items = vec![Item::Skipped(
            format!("resource {}", label(name.kind)).into(),
        )];
        return Some(items);
    }
    let etag = text(response, "etag");
    let etag = etag
        .as_deref()
        .map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    items.push(Item::Version(Version {
        resource: format!("{}/{}", name.kind, name.id),
        source: None,
        user,
        subject: None,
        last_updated: text(response, "lastModified").as_deref().and_then(instant),
        number: etag.or(name.version).and_then(|number| number.parse().ok()),
        retracted: true,
        formerly: Vec::new(),
    }));
    Some(items)
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
}
