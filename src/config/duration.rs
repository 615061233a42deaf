//! Durations as people write them: `"45s"`, `"500ms"`, `"5m"`, `"30days"`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// A hundred years: every sum with a clock's reading has room for it.
const LONGEST: Duration = Duration::from_secs(36_525 * 24 * 3600);

/// Reads a duration.
///
/// # Errors
/// Says why the text is none, or that it is longer than a hundred years.
pub fn parse(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) | Err(humantime::DurationError::NumberOverflow) => Err(format!(
            "`{text}` is longer than 100 years, the longest duration"
        )),
        Err(_) => Err(not_one(text)),
    }
}

fn not_one(text: &str) -> String {
    format!("`{text}` is not a duration; write a number and a unit, such as \"45s\" or \"500ms\"")
}

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
    match Written::deserialize(d)? {
        Written::Text(text) => parse(&text),
        Written::Number(number) => Err(not_one(&number.to_string())),
    }
    .map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn extremes_are_refused() {
        for text in [
            "18446744073709551615s",
            "101years",
            "99999999999999999999999s",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("longer than 100 years"), "{error}");
        }
        assert!(parse("1e30 years").unwrap_err().contains("not a duration"));
        assert_eq!(parse("100years").unwrap().as_secs() / 86_400, 36_525);
    }
}
