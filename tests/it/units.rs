//! Units of measure, held against the tests and the results of others.

use std::collections::BTreeMap;
use std::path::Path;

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use vitalfold::domain::units::{
    Conversion, convert, convert_ucum, is_ucum, normalize, normalize_for,
};

use crate::program::shared_data;

/// The cases of a section of the UCUM functional tests, by attribute.
fn cases(path: &Path, section: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = Reader::from_file(path).unwrap();
    let mut buffer = Vec::new();
    let mut cases = Vec::new();
    let mut is_inside = false;
    loop {
        match reader.read_event_into(&mut buffer).unwrap() {
            Event::Start(tag) if tag.name().as_ref() == section => is_inside = true,
            Event::End(tag) if tag.name().as_ref() == section => return cases,
            Event::Empty(tag) if is_inside => cases.push(
                tag.attributes()
                    .map(|attribute| {
                        let attribute = attribute.unwrap();
                        let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                        (
                            attribute.key.as_ref().to_owned(),
                            value.unwrap().into_owned(),
                        )
                    })
                    .collect(),
            ),
            Event::Eof => panic!("no end of {section}"),
            _ => {}
        }
        buffer.clear();
    }
}

#[test]
fn ucum_validation_cases_hold() {
    let Some(path) = shared_data("ucum/UcumFunctionalTests.xml") else {
        return;
    };
    let cases = cases(&path, "validation");
    assert_eq!(cases.len(), 529);
    let wrong: Vec<_> = cases
        .iter()
        .filter(|case| is_ucum(&case["unit"]) != (case["valid"] == "true"))
        .map(|case| (case["id"].as_str(), case["unit"].as_str()))
        .collect();
    assert_eq!(wrong, []);
}

/// How many significant digits a decimal number is printed with.
fn digits(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').len()
}

#[test]
fn ucum_conversions_hold() {
    let Some(path) = shared_data("ucum/UcumFunctionalTests.xml") else {
        return;
    };
    let cases = cases(&path, "conversion");
    assert_eq!(cases.len(), 30);
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let value = case["value"].parse().unwrap();
            let got = convert_ucum(value, &case["srcUnit"], &case["dstUnit"], None);
            // No double holds more than 15 digits of every decimal.
            let places = digits(&case["outcome"]).clamp(1, 15) - 1;
            let printed = |value: f64| format!("{value:.places$e}");
            let expected = printed(case["outcome"].parse().unwrap());
            let holds = got.as_ref().is_ok_and(|got| printed(*got) == expected);
            (!holds).then(|| format!("{case:?}: {got:?}"))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn another_implementation_converts_alike() {
    let Some(path) = shared_data("ucum/ucum_lhc_oracle.csv") else {
        return;
    };
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in csv::Reader::from_path(path).unwrap().deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        let (from, to) = (row["from"].as_str(), row["to"].as_str());
        let value = row["value"].parse().unwrap();
        let molar_mass = row["molecular_weight"].parse().ok();
        let ours = convert_ucum(value, from, to, molar_mass).ok();
        let theirs: Option<f64> = row["result"].parse().ok();
        let class = match (ours, theirs) {
            (Some(ours), Some(theirs)) if (ours - theirs).abs() <= theirs.abs() * 1e-9 => {
                "both".to_owned()
            }
            (Some(_), Some(_)) => {
                wrong.push(format!("{row:?}: {ours:?}"));
                continue;
            }
            (None, None) => "neither".to_owned(),
            (None, Some(_)) => format!("only they: {from} to {to}"),
            (Some(_), None) => format!("only we: {from} to {to}"),
        };
        *classes.entry(class).or_default() += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    let expected = [
        ("both", 662),
        // Different things, a molar mass or charge that is not given, and
        // spellings that are not UCUM.
        ("neither", 16),
        // An equivalent is a mole only for one charge, which is an analyte's:
        // `domain::labs` knows it, a unit does not.
        ("only they: meq/L to mmol/L", 4),
        ("only they: mmol/L to meq/L", 4),
        // One arbitrary unit with two prefixes is still one unit.
        ("only we: [IU]/L to m[IU]/mL", 1),
        ("only we: m[IU]/L to u[IU]/mL", 1),
    ];
    let expected = expected.map(|(class, count)| (class.to_owned(), count));
    assert_eq!(classes, BTreeMap::from(expected));
}

/// The rows of the table in a page of `docs/` whose head starts with `head`:
/// trimmed cells, without backticks.
pub(crate) fn table(page: &str, head: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip_while(|line| !line.starts_with(head))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .replace("\\|", "\0")
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').replace('\0', "|"))
                .collect()
        })
        .collect()
}

#[test]
fn the_page_shows_what_spellings_become() {
    let rows = table("units.md", "| reported | code |");
    assert!(rows.len() > 40);
    for row in rows {
        let code = normalize(&row[0]);
        assert_eq!(code.as_deref().unwrap_or("no unit"), row[1], "{row:?}");
    }
}

#[test]
fn the_page_shows_what_a_measurement_decides() {
    let rows = table("units.md", "| reported | measured in |");
    assert!(rows.len() > 10);
    for row in rows {
        let code = normalize_for(&row[0], |code| Conversion::new(code, &row[1], None).ok());
        assert_eq!(code.as_deref().unwrap_or("no unit"), row[2], "{row:?}");
    }
}

#[test]
fn the_page_shows_what_converts() {
    let rows = table("units.md", "| value |");
    assert!(rows.len() > 6);
    for row in rows {
        let value = row[0].parse().unwrap();
        let got = convert(value, &row[1], &row[2]);
        let shown = got.map_or("refused".to_owned(), |value| value.to_string());
        assert_eq!(shown, row[3], "{row:?}");
    }
}
