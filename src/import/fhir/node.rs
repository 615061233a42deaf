//! Typed access to a JSON object whose fields may be anything.

use serde_json::{Map, Number, Value};

use crate::import::item::non_empty;

/// A JSON object and the field it stood in. A field of another type than
/// expected is an error that names it; `null` counts as absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    map: &'a Map<String, Value>,
    /// Empty for the resource itself.
    name: &'static str,
}

impl<'a> Node<'a> {
    pub(super) fn resource(map: &'a Map<String, Value>) -> Node<'a> {
        Node { map, name: "" }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.map.keys().map(String::as_str)
    }

    fn field(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    fn mismatch(&self, field: &str, found: &Value, expected: &str) -> String {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let dot = if self.name.is_empty() { "" } else { "." };
        let name = self.name;
        format!("`{name}{dot}{field}` is {found} where {expected} is expected")
    }

    /// A text; an empty one counts as absent.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<String>, String> {
        match self.field(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(non_empty(text)),
            Some(other) => Err(self.mismatch(field, other, "a string")),
        }
    }

    /// A number, with its digits as they were written.
    pub(super) fn number(&self, field: &'static str) -> Result<Option<&'a Number>, String> {
        match self.field(field) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(other) => Err(self.mismatch(field, other, "a number")),
        }
    }

    pub(super) fn boolean(&self, field: &'static str) -> Result<Option<bool>, String> {
        match self.field(field) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(self.mismatch(field, other, "a boolean")),
        }
    }

    pub(super) fn object(&self, field: &'static str) -> Result<Option<Node<'a>>, String> {
        match self.field(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Node { map, name: field })),
            Some(other) => Err(self.mismatch(field, other, "an object")),
        }
    }

    /// The objects of a list; empty where the field is absent.
    pub(super) fn list(&self, field: &'static str) -> Result<Vec<Node<'a>>, String> {
        match self.field(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| match value {
                    Value::Object(map) => Ok(Node { map, name: field }),
                    other => Err(self.mismatch(field, other, "a list of objects")),
                })
                .collect(),
            Some(other) => Err(self.mismatch(field, other, "a list")),
        }
    }

    /// As [`Node::list`], where STU3 has a single object.
    pub(super) fn one_or_list(&self, field: &'static str) -> Result<Vec<Node<'a>>, String> {
        match self.field(field) {
            Some(Value::Object(map)) => Ok(vec![Node { map, name: field }]),
            _ => self.list(field),
        }
    }

    /// The first text of a list of texts.
    pub(super) fn first_text(&self, field: &'static str) -> Result<Option<String>, String> {
        match self.field(field) {
            None => Ok(None),
            Some(Value::Array(values)) => match values.first() {
                None => Ok(None),
                Some(Value::String(text)) => Ok(non_empty(text)),
                Some(other) => Err(self.mismatch(field, other, "a list of strings")),
            },
            Some(other) => Err(self.mismatch(field, other, "a list")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_and_never_its_value() {
        let map = serde_json::from_str(
            r#"{"status":7,"code":["secret"],"note":null,"subject":{"reference":true},
                "valueQuantity":{"value":"secret","unit":""}}"#,
        );
        let map: Map<String, Value> = map.unwrap();
        let node = Node::resource(&map);
        assert_eq!(
            node.text("status").unwrap_err(),
            "`status` is a number where a string is expected"
        );
        assert_eq!(
            node.list("code").unwrap_err(),
            "`code` is a string where a list of objects is expected"
        );
        assert!(node.list("note").unwrap().is_empty());
        let subject = node.object("subject").unwrap().unwrap();
        assert_eq!(
            subject.text("reference").unwrap_err(),
            "`subject.reference` is a boolean where a string is expected"
        );
        let quantity = node.object("valueQuantity").unwrap().unwrap();
        assert!(quantity.number("value").is_err());
        assert_eq!(quantity.text("unit").unwrap(), None);
    }
}
