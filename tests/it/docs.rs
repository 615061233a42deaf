//! Every `console` block of the README and of `docs/` is run, in order, in a
//! folder of its own; what it prints must be what the page says.

use std::path::Path;
use std::process::Command;

#[derive(Debug, Default)]
struct Step {
    command: String,
    expected: String,
}

/// `$ ` begins a command, `> ` continues it, the rest is its output.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside && line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                ..Step::default()
            });
        } else {
            let step = steps
                .last_mut()
                .expect("a console block begins with a command");
            match line.strip_prefix("> ").or(line.eq(">").then_some("")) {
                Some(more) => step.command.push_str(&format!("\n{more}")),
                None => step.expected.push_str(&format!("{line}\n")),
            }
        }
    }
    steps
}

#[test]
fn the_pages_show_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> = std::fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.push(root.join("README.md"));
    let program = Path::new(env!("CARGO_BIN_EXE_vitalfold")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for step in steps(&text) {
            let output = Command::new("bash")
                .args(["-c", &step.command])
                .current_dir(dir.path())
                .env_clear()
                .env("PATH", &path)
                .env("VITALFOLD__LOG__LEVEL", "off")
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                printed,
                step.expected,
                "{}: `{}` printed otherwise {errors}",
                page.display(),
                step.command
            );
            run += 1;
        }
    }
    assert!(run > 0, "no page has a console block");
}

#[test]
fn the_tests_that_the_threat_model_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut named = 0;
    for (file, test) in page.split('`').filter_map(|word| word.split_once("::")) {
        let file = root.join(format!("tests/it/{file}.rs"));
        let tests = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            tests.contains(&format!("fn {test}(")),
            "{}: {test}",
            file.display()
        );
        named += 1;
    }
    assert!(named > 20, "{named}");
}
