//! `scripts/bench --compare` sees what got worse.

#[path = "../../benches/system/compare.rs"]
mod compare;
#[path = "../../benches/system/line.rs"]
#[expect(dead_code, reason = "shared with the benchmark")]
mod line;
#[path = "../../benches/system/report.rs"]
#[expect(dead_code, reason = "shared with the benchmark")]
mod report;

use line::{Against, Line, Report};

const RATE: &str = "rows a second";
const COST: &str = "CPU per row";
const LIMIT: &str = "oldest transaction";

/// A run that folded so many rows a second, at such a cost, beside 100 each.
fn run(rate: f64, cost: f64, oldest: f64) -> Report {
    let line = |what, against, ours| Line::of_pairs("sync", what, "", against, &[(ours, 100.0)]);
    Report {
        lines: vec![
            line(RATE, Against::AtLeast(1.0), rate),
            line(COST, Against::Low, cost),
            Line::limit("sync", LIMIT, "s", oldest, 1.0),
        ],
        runs: Vec::new(),
    }
}

/// The committed run, written and read again.
fn committed() -> Vec<compare::Earlier> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let json = report::json(&run(120.0, 150.0, 0.1), "quick", 1.0);
    std::fs::write(file.path(), json).unwrap();
    let path = file.path().to_str().unwrap();
    let other = compare::read(path, "full").map(|_| ()).unwrap_err();
    assert!(other.contains("this one is full"), "{other}");
    compare::read(path, "quick").unwrap()
}

#[test]
fn a_regression_is_listed_and_noise_is_not() {
    let earlier = committed();
    for (now, expected) in [
        (run(120.0, 150.0, 0.1), vec![]),
        (run(105.0, 170.0, 0.9), vec![]),
        (run(300.0, 10.0, 0.0), vec![]),
        (run(101.0, 150.0, 0.1), vec![RATE]),
        (run(120.0, 173.0, 0.1), vec![COST]),
        (run(120.0, 150.0, 1.1), vec![LIMIT]),
        (run(90.0, 200.0, 2.0), vec![RATE, COST, LIMIT]),
    ] {
        let text = compare::render(&compare::worse(&now, &earlier));
        for what in [RATE, COST, LIMIT] {
            assert_eq!(text.contains(what), expected.contains(&what), "{text}");
        }
    }
}

#[test]
fn a_line_that_is_gone_is_listed_and_a_figure_that_was_not_asked_for_is_not() {
    let earlier = committed();
    let mut now = run(120.0, 150.0, 0.1);
    now.lines.remove(1);
    let text = compare::render(&compare::worse(&now, &earlier));
    assert!(text.contains("CPU per row: 1.50 → nothing"), "{text}");
    assert!(compare::worse(&Report::default(), &earlier).is_empty());
}
