//! The vitalfold that is measured, run as its user runs it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::arguments::Arguments;

pub(crate) struct Program {
    binary: PathBuf,
    url: String,
}

impl Program {
    pub(crate) fn on(url: &str, arguments: &Arguments) -> Program {
        Program {
            binary: arguments.binary.clone(),
            url: url.to_owned(),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .current_dir(std::env::temp_dir())
            .env_clear()
            .env("DATABASE_URL", &self.url)
            .env("VITALFOLD__HTTP__LISTEN", "127.0.0.1:0")
            // As in production, where nobody watches progress bars.
            .env("VITALFOLD__LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs a command that must end well.
    pub(crate) fn ok(&self, args: &[&str]) {
        let output = self.command(args).stderr(Stdio::piped()).output().unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
