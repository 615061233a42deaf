//! What the laboratory itself said of a result.

use super::coding::{Coding, Concept};
use super::node::Node;
use crate::domain::labs::{self, Flag};

/// Systems of the HL7 codes, of FHIR R5 back to DSTU2 and of version 2 and 3
/// messages, in lower case.
const HL7: &[&str] = &[
    "observationinterpretation",
    "observation-interpretation",
    "v2-0078",
    "v2/0078",
    "2.16.840.1.113883.5.83",
    "2.16.840.1.113883.12.78",
    "hl70078",
];

/// The interpretation as one text that the fold reads: of every code and text
/// of every `interpretation` the most severe that it understands. Where none
/// is understood, the first, for the reader.
pub(super) fn interpretation(node: Node<'_>) -> Result<Option<String>, String> {
    let mut understood: Vec<(u8, Flag, String)> = Vec::new();
    let mut first = None;
    for concept in node.one_or_list("interpretation")? {
        let concept = Concept::read(concept)?;
        let before = understood.len();
        understood.extend(concept.codings.iter().filter_map(hl7).filter_map(graded));
        if understood.len() == before {
            let displays = concept.codings.iter().filter_map(|c| c.display.clone());
            understood.extend(
                concept
                    .text
                    .clone()
                    .into_iter()
                    .chain(displays)
                    .filter_map(graded),
            );
        }
        first = first.or_else(|| as_reported(&concept));
    }
    let Some(top) = understood.iter().map(|(grade, ..)| *grade).max() else {
        return Ok(first);
    };
    understood.retain(|(grade, ..)| *grade == top);
    let low = understood.iter().find(|(_, flag, _)| is_low(*flag));
    let high = understood.iter().find(|(_, flag, _)| is_high(*flag));
    Ok(match (low, high) {
        // Low and high at once is a contradiction, which no flag stands for.
        (Some((.., low)), Some((.., high))) => Some(format!("{low} and {high}")),
        (Some((.., directed)), None) | (None, Some((.., directed))) => Some(directed.clone()),
        (None, None) => understood.pop().map(|(.., text)| text),
    })
}

/// The HL7 code of a coding: one of HL7's systems, or without any.
fn hl7(coding: &Coding) -> Option<String> {
    let code = coding.code.as_deref()?;
    let Some(system) = &coding.system else {
        return Some(code.to_owned());
    };
    let system = system.to_ascii_lowercase();
    if HL7.iter().any(|known| system.contains(known)) {
        return Some(code.to_owned());
    }
    if system.contains("snomed.info/sct") {
        return snomed(code).map(str::to_owned);
    }
    None
}

/// The HL7 code that means the same as a SNOMED CT finding.
fn snomed(code: &str) -> Option<&'static str> {
    Some(match code {
        "17621005" | "281301001" => "N",
        "62482003" | "281300000" => "L",
        "75540009" | "281302008" => "H",
        "263654008" => "A",
        "10828004" => "POS",
        "260385009" => "NEG",
        "260373001" => "DET",
        "260415000" => "ND",
        "11214006" => "RR",
        "131194007" => "NR",
        _ => return None,
    })
}

/// How much a text says, if the fold understands it.
fn graded(text: String) -> Option<(u8, Flag, String)> {
    let flag = labs::reported_flag(&text)?;
    let is_critical = matches!(text.to_uppercase().as_str(), "AA" | "A*")
        || text.to_lowercase().contains("critical");
    let grade = match flag {
        Flag::CriticalLow | Flag::CriticalHigh => 4,
        _ if is_critical => 4,
        Flag::Low | Flag::High | Flag::Abnormal => 3,
        Flag::Normal => 2,
        Flag::Unknown => 1,
    };
    Some((grade, flag, text))
}

fn is_low(flag: Flag) -> bool {
    matches!(flag, Flag::Low | Flag::CriticalLow)
}

fn is_high(flag: Flag) -> bool {
    matches!(flag, Flag::High | Flag::CriticalHigh)
}

/// A concept that the fold does not understand. The code of another system
/// keeps it, so that the `H` of a laboratory is not taken for HL7's.
fn as_reported(concept: &Concept) -> Option<String> {
    let codes = || concept.codings.iter();
    codes()
        .find_map(hl7)
        .or_else(|| concept.text.clone())
        .or_else(|| codes().find_map(|coding| coding.display.clone()))
        .or_else(|| {
            codes().find_map(|coding| {
                let (code, system) = (coding.code.as_deref()?, coding.system.as_deref()?);
                Some(format!("{code} ({system})"))
            })
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const V3: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

    fn read(value: Value) -> (Option<String>, Option<Flag>) {
        let map = json!({"interpretation": value});
        let text = interpretation(Node::resource(map.as_object().unwrap())).unwrap();
        let flag = text.as_deref().and_then(labs::reported_flag);
        (text, flag)
    }

    /// A concept of v3 codes.
    fn v3(codes: &[&str]) -> Value {
        let codings: Vec<_> = codes
            .iter()
            .map(|code| json!({"system": V3, "code": code}))
            .collect();
        json!({"coding": codings})
    }

    #[test]
    fn the_most_severe_that_says_something_wins() {
        use Flag::{Abnormal, CriticalHigh, CriticalLow, High, Low, Normal};
        let local = |code: &str| json!({"system": "urn:lab:flags", "code": code});
        for (value, expected) in [
            (json!([v3(&["H"])]), Some(High)),
            (v3(&["H"]), Some(High)),
            (json!([v3(&["U"]), v3(&["HH"])]), Some(CriticalHigh)),
            (json!([v3(&["D"]), v3(&["L"])]), Some(Low)),
            (json!([v3(&["B", "N"])]), Some(Normal)),
            (json!([v3(&["W", "A"])]), Some(Abnormal)),
            (json!([v3(&["H", "HH"])]), Some(CriticalHigh)),
            (json!([v3(&["L"]), v3(&["LL"])]), Some(CriticalLow)),
            (json!([v3(&["A"]), v3(&["H"])]), Some(High)),
            (json!([v3(&["L", "A"])]), Some(Low)),
            (json!([v3(&["AA"]), v3(&["H"])]), Some(Abnormal)),
            (json!([v3(&["AA", "HH"])]), Some(CriticalHigh)),
            (json!([v3(&["N"]), v3(&["A"])]), Some(Abnormal)),
            (json!([v3(&["N", "H"])]), Some(High)),
            (json!([v3(&["POS"])]), Some(Abnormal)),
            (json!([v3(&["NEG"])]), Some(Normal)),
            (json!([v3(&["ND"])]), Some(Normal)),
            (json!([v3(&["S"])]), None),
            (json!([v3(&["I"])]), None),
            (json!([v3(&["IND"])]), None),
            // Low and high contradict each other.
            (json!([v3(&["L", "H"])]), None),
            (json!([v3(&["LL"]), v3(&["HH"])]), None),
            (json!([v3(&["LL"]), v3(&["H"])]), Some(CriticalLow)),
            // Wherever the HL7 code stands.
            (
                json!([{"coding": [local("7"), {"system": V3, "code": "LL"}]}]),
                Some(CriticalLow),
            ),
            (
                json!([{"coding": [{"system": "http://hl7.org/fhir/v2/0078", "code": "H"}]}]),
                Some(High),
            ),
            (
                json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0078", "code": "L"}]}]),
                Some(Low),
            ),
            (
                json!([{"coding": [{"system": "http://hl7.org/fhir/v3/ObservationInterpretation", "code": "HH"}]}]),
                Some(CriticalHigh),
            ),
            (
                json!([{"coding": [{"system": "urn:oid:2.16.840.1.113883.5.83", "code": "A"}]}]),
                Some(Abnormal),
            ),
            (json!([{"coding": [{"code": "LL"}]}]), Some(CriticalLow)),
            (
                json!([{"coding": [{"system": "http://snomed.info/sct", "code": "281302008"}]}]),
                Some(High),
            ),
            // A text or display beside unknown codes.
            (
                json!([{"coding": [local("7")], "text": "Critical low"}]),
                Some(CriticalLow),
            ),
            (
                json!([{"coding": [{"system": "urn:lab:flags", "code": "2", "display": "High"}]}]),
                Some(High),
            ),
            (json!([{"text": "High"}]), Some(High)),
            (
                json!([{"coding": [{"system": V3, "code": "U"}], "text": "High"}]),
                Some(High),
            ),
            // Another system's letters are not HL7's.
            (json!([{"coding": [local("H")]}]), None),
            (
                json!([{"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}]),
                None,
            ),
            (json!([{"coding": [local("H")], "text": "hemolysed"}]), None),
            (json!([]), None),
        ] {
            let shown = value.to_string();
            assert_eq!(read(value).1, expected, "{shown}");
        }
    }

    #[test]
    fn what_says_nothing_is_kept_for_the_reader() {
        assert_eq!(read(v3(&["U"])).0.as_deref(), Some("U"));
        let local = json!({"coding": [{"system": "urn:lab", "code": "H"}]});
        assert_eq!(read(local).0.as_deref(), Some("H (urn:lab)"));
        assert_eq!(read(json!([{"text": "delta"}])).0.as_deref(), Some("delta"));
    }
}
