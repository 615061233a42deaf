//! `docs/vitals.md` lists the registry, no more and no less.

use vitalfold::domain::vitals::registry::{Metric, metrics};

fn line(metric: &Metric) -> String {
    let names = |names: &[&str]| {
        let shown: Vec<_> = names
            .iter()
            .map(|name| name.trim_start_matches("HKQuantityTypeIdentifier"))
            .map(|name| format!("`{name}`"))
            .collect();
        shown.join(", ")
    };
    let (low, high) = metric.plausible;
    format!(
        "| `{}` | {} | `{}` | {low} to {high} | {} | {} |",
        metric.name,
        format!("{:?}", metric.kind).to_lowercase(),
        metric.unit,
        names(metric.loinc),
        names(metric.healthkit),
    )
}

#[test]
fn the_page_lists_the_registry() {
    let page = include_str!("../../docs/vitals.md");
    let listed: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let mut expected: Vec<_> = metrics().map(line).collect();
    expected.sort();
    assert_eq!(
        listed,
        expected,
        "docs/vitals.md is not the registry:\n{}",
        expected.join("\n")
    );
}
