//! Durations as people write them: `"45s"`, `"500ms"`, `"5m"`, `"30days"`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(value: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&humantime::format_duration(*value).to_string())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(f64),
    }
    let explain = |text: &str| {
        serde::de::Error::custom(format!(
            "`{text}` is not a duration; write a number and a unit, such as \"45s\" or \"500ms\""
        ))
    };
    match Written::deserialize(d)? {
        Written::Text(text) => humantime::parse_duration(&text).map_err(|_| explain(&text)),
        Written::Number(number) => Err(explain(&number.to_string())),
    }
}
