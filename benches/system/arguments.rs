//! The command line.

use std::path::PathBuf;

use crate::figures::Figure;

pub(crate) struct Arguments {
    pub(crate) quick: bool,
    pub(crate) json: Option<String>,
    /// An earlier run's JSON.
    pub(crate) compare: Option<String>,
    /// The vitalfold to measure.
    pub(crate) binary: PathBuf,
    /// Parts of figures' names; none is all.
    pub(crate) figures: Vec<String>,
}

impl Arguments {
    pub(crate) fn read(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            quick: false,
            json: None,
            compare: None,
            binary: PathBuf::from(env!("CARGO_BIN_EXE_vitalfold")),
            figures: Vec::new(),
        };
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or(format!("{argument} needs a value"));
            match &*argument {
                "--quick" => arguments.quick = true,
                "--json" => arguments.json = Some(value()?),
                "--compare" => arguments.compare = Some(value()?),
                "--binary" => {
                    arguments.binary = std::path::absolute(value()?)
                        .map_err(|error| format!("--binary: {error}"))?;
                }
                // What cargo gives every benchmark.
                "--bench" => {}
                option if option.starts_with('-') => {
                    return Err(format!(
                        "{option} is not known; use --quick, --json FILE, --compare FILE, \
                         --binary FILE, or parts of figures' names"
                    ));
                }
                name => arguments.figures.push(name.to_owned()),
            }
        }
        Ok(arguments)
    }

    pub(crate) fn wants(&self, figure: &Figure) -> bool {
        let all = self.figures.is_empty() && !figure.only_by_name;
        all || self.figures.iter().any(|part| figure.name.contains(part))
    }

    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}
