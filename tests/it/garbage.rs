//! Configurations and command lines that nobody would write.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;
use vitalfold::cli::Cli;
use vitalfold::config::Config;

use crate::program::{Program, Ran};

const SHIPPED: &str = include_str!("../../config.toml");

fn load(content: &[u8]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("garbled.toml");
    std::fs::write(&path, content).unwrap();
    Config::load(Some(&path), None).map_err(|error| format!("{error:#}"))
}

/// A line of the shipped configuration with another value.
fn replaced(line: usize, value: &str) -> String {
    let keys = SHIPPED.lines().filter(|line| {
        let key = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ")
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    let keys: Vec<_> = keys.collect();
    let line = keys[line % keys.len()];
    let key = line.split(" = ").next().unwrap();
    SHIPPED.replacen(&format!("\n{line}\n"), &format!("\n{key} = {value}\n"), 1)
}

proptest! {
    #[test]
    fn any_bytes_are_a_configuration_or_one_clear_error(content in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Err(error) = load(&content) {
            prop_assert!(error.contains("garbled.toml") || error.contains("database.url"), "{error}");
        }
    }

    #[test]
    fn a_key_with_any_value_is_taken_or_named(
        line in any::<usize>(),
        value in prop_oneof![
            Just("\"\"".to_owned()), Just("0".to_owned()), Just("-1".to_owned()), Just("1e309".to_owned()),
            Just("nan".to_owned()), Just("[]".to_owned()), Just("{}".to_owned()), Just("true".to_owned()),
            Just("9223372036854775807".to_owned()), Just("\"999999999999999y\"".to_owned()),
            Just("\"18446744073709551615s\"".to_owned()), Just("2026-01-01".to_owned()),
            "\"[ -~&&[^\"\\\\]]{0,40}\"", "-?[0-9]{1,30}", "[a-z\\[\\]{}\",=]{0,20}",
        ],
    ) {
        let content = replaced(line, &value);
        if let Err(error) = load(content.as_bytes()) {
            prop_assert!(error.len() < 2000, "{error}");
            prop_assert!(!error.is_empty());
        }
    }

    #[test]
    fn any_command_line_is_parsed_or_refused(
        words in prop::collection::vec(
            prop_oneof![
                Just("import".to_owned()), Just("csv".to_owned()), Just("failed".to_owned()),
                Just("aggregates".to_owned()), Just("backfill".to_owned()), Just("run-once".to_owned()),
                Just("--user".to_owned()), Just("--from".to_owned()), Just("--format".to_owned()),
                Just("--budget".to_owned()), Just("--database-url".to_owned()), Just("--".to_owned()),
                "[-a-z0-9=./:]{0,20}", any::<String>(),
            ],
            0..6,
        ),
    ) {
        let words = std::iter::once("vitalfold".to_owned()).chain(words);
        let parsed = <Cli as clap::Parser>::try_parse_from(words);
        if let Err(error) = parsed {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn words_that_are_no_text_are_refused_without_a_panic() {
    let program = Program::on_sqlite();
    let word = OsString::from_vec(vec![0xff, 0xfe, b'x']);
    for before in [
        &[][..],
        &["import", "csv"],
        &["--database-url"],
        &["--config"],
    ] {
        let mut command = program.command(before);
        let ran = Ran::from(command.arg(&word).output().unwrap());
        assert_eq!(ran.code, Some(2), "{before:?}: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn an_environment_that_is_garbage_names_its_key() {
    let program = Program::on_sqlite();
    for (key, value) in [
        ("VITALFOLD__POOL__SIZE", "many"),
        ("VITALFOLD__POOL__SIZE", "-1"),
        ("VITALFOLD__WORKER__POLL", "99999999999999999999y"),
        ("VITALFOLD__WORKER__BATCH_SIZE", "1e400"),
        ("VITALFOLD__POOL__NO_SUCH_KEY", "1"),
        ("VITALFOLD__WORKER", "1"),
    ] {
        let ran = Ran::from(
            program
                .command(&["status"])
                .env(key, value)
                .output()
                .unwrap(),
        );
        assert_eq!(ran.code, Some(2), "{key}={value}: {ran:?}");
        let name = key.rsplit("__").next().unwrap().to_lowercase();
        assert!(ran.stderr.contains(&name), "{key}={value}: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    }
}
