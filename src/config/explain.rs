//! Configuration errors that name the place, the key and the way out.

use figment::Figment;
use figment::error::Kind;
use serde::{Deserialize, Deserializer};

use super::Config;
use crate::domain::Domain;

/// Extracts the configuration; `place` is where the last values came from.
pub(super) fn check(figment: &Figment, place: &str) -> anyhow::Result<Config> {
    figment.extract().map_err(|errors| {
        let text: Vec<_> = errors
            .into_iter()
            .map(|error| explain(&error, place))
            .collect();
        anyhow::anyhow!(text.join("\n"))
    })
}

fn explain(error: &figment::Error, place: &str) -> String {
    let mut path = error.path.clone();
    let what = match &error.kind {
        Kind::UnknownField(field, known) => {
            path.retain(|part| part != field);
            let nearest = known
                .iter()
                .map(|key| (strsim::damerau_levenshtein(key, field), *key))
                .filter(|(distance, key)| *distance <= (key.len().max(field.len()) / 3).max(1))
                .min()
                .map(|(_, key)| key);
            path.push(field.clone());
            match nearest {
                Some(key) => format!("unknown key; did you mean `{key}`?"),
                None => format!("unknown key; known here: {}", known.join(", ")),
            }
        }
        Kind::InvalidType(found, expected) => {
            // The found value may be a secret: only its type is told.
            let found = format!("{found:?}");
            let kind = found
                .split(['(', ' '])
                .next()
                .unwrap_or("value")
                .to_lowercase();
            format!("expected {expected}, found a {kind}")
        }
        Kind::UnknownVariant(found, known) => {
            format!("`{found}` is not one of {}", known.join(", "))
        }
        kind => kind.to_string(),
    };
    if place == "environment" {
        let variable = format!("VITALFOLD__{}", path.join("__").to_uppercase());
        format!(
            "environment or flag, key `{}` ({variable}): {what}",
            path.join(".")
        )
    } else {
        format!("{place}: key `{}`: {what}", path.join("."))
    }
}

/// A text that may look like a number or a boolean, as the environment
/// provider reads `12345`.
pub(super) fn string_like<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Integer(i64),
        Float(f64),
        Boolean(bool),
    }
    Ok(match Written::deserialize(d)? {
        Written::Text(text) => text,
        Written::Integer(number) => number.to_string(),
        Written::Float(number) => number.to_string(),
        Written::Boolean(value) => value.to_string(),
    })
}

/// A list, or one text with commas, as it is written in the environment.
pub(super) fn list<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Written::deserialize(d)? {
        Written::List(names) => names,
        Written::Text(text) => text
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
    })
}

/// Domains by name, each once.
pub(super) fn domains<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Domain>, D::Error> {
    let mut domains = Vec::new();
    for name in list(d)? {
        let named = Domain::ALL.iter().find(|domain| domain.name() == name);
        let domain = *named.ok_or_else(|| {
            let known: Vec<_> = Domain::ALL.iter().map(|domain| domain.name()).collect();
            serde::de::Error::custom(format!(
                "`{name}` is not a domain; known: {}",
                known.join(", ")
            ))
        })?;
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    Ok(domains)
}
