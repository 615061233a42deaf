//! What the program shows to people at a terminal.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::program::{Program, signal};

#[test]
fn status_is_shown_again_until_it_is_interrupted() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let mut child = program
        .command(&["status", "--watch", "100ms", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        let line = lines.next().unwrap().unwrap();
        let status: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(status["paused"], false);
    }
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// `script` gives the program a terminal.
#[test]
fn on_a_terminal_the_status_stays_in_place() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let mut child = Command::new("script")
        .args(["-qec"])
        .arg(format!(
            "{} status --watch 100ms",
            env!("CARGO_BIN_EXE_vitalfold")
        ))
        .arg("/dev/null")
        .env("DATABASE_URL", &program.url)
        .current_dir(program.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut redrawn = 0;
    while redrawn < 3 {
        let line = shown.next().unwrap().unwrap();
        redrawn += usize::from(line.contains("\u{1b}[H"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Foreign text in a coloured line: here the name of a file.
#[test]
fn on_a_terminal_the_log_has_its_own_colours_and_no_others() {
    let program = Program::on_sqlite();
    let url = program
        .url
        .replace("vitalfold.db", "\u{1b}[31mred\u{202e}.db");
    let log = |colours: &str| {
        let output = Command::new("script")
            .args(["-qec"])
            .arg(format!("{} run-once", env!("CARGO_BIN_EXE_vitalfold")))
            .arg("/dev/null")
            .env("DATABASE_URL", format!("{url}{colours}"))
            .env("NO_COLOR", colours)
            .current_dir(program.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.contains("created"));
        line.unwrap_or_else(|| panic!("{text}"))
            .trim_end()
            .to_owned()
    };
    let coloured = log("");
    assert!(coloured.contains("\u{1b}[32m INFO"), "{coloured:?}");
    assert!(coloured.contains("\\x1b[31mred\\u202e.db"), "{coloured:?}");
    let plain = log("1");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
}

#[test]
fn completions_and_manual_need_no_configuration() {
    let program = Program::on("mysql://nowhere");
    program.file("config.toml", "not a configuration");
    for shell in ["bash", "zsh", "fish"] {
        assert!(program.ok(&["completions", shell]).contains("run-once"));
    }
    let pages = program.dir.path().join("man");
    std::fs::create_dir(&pages).unwrap();
    program.ok(&["man", "man"]);
    let page = std::fs::read_to_string(pages.join("vitalfold-run-once.1")).unwrap();
    assert!(page.contains("budget"), "{page}");
    let ran = program.run(&["man", "nowhere"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("nowhere"), "{ran:?}");
}
