//! The database's password from a file of its own, such as a credential of
//! systemd or a secret of a container.

use std::path::Path;

use anyhow::{Context, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::DatabaseConfig;

/// Puts the password into the URL, where a file is named.
pub(super) fn insert(database: &mut DatabaseConfig) -> anyhow::Result<()> {
    let file = &database.password_file;
    if file.as_os_str().is_empty() {
        return Ok(());
    }
    let password = read(file)?;
    database.url = with_password(&database.url, &password)?;
    Ok(())
}

/// The password in a file, without the line break at its end.
///
/// # Errors
/// A file that cannot be read or is empty.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("database.password_file {} cannot be read", file.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    ensure!(
        !password.is_empty(),
        "database.password_file {} is empty",
        file.display()
    );
    Ok(password.to_owned())
}

fn with_password(url: &str, password: &str) -> anyhow::Result<String> {
    let place = "database.password_file is set";
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    ensure!(
        scheme.starts_with("postgres"),
        "{place}, but database.url is not a postgres:// URL: it has no password"
    );
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    ensure!(
        !user.is_empty(),
        "{place}, but database.url names no user: write postgres://user@host/database"
    );
    ensure!(
        !user.contains(':'),
        "{place}, but database.url has a password too: remove one of them"
    );
    let password = utf8_percent_encode(password, NON_ALPHANUMERIC);
    Ok(format!(
        "{scheme}://{user}:{password}{}",
        &rest[user.len()..]
    ))
}

#[cfg(test)]
mod tests {
    use super::with_password;

    #[test]
    fn the_password_is_put_where_it_belongs() {
        assert_eq!(
            with_password("postgres://app@db:5432/health?sslmode=require", "p@ss/w:rd").unwrap(),
            "postgres://app:p%40ss%2Fw%3Ard@db:5432/health?sslmode=require"
        );
        for (url, says) in [
            ("postgres://db/health", "names no user"),
            ("postgres://app:secret@db/health", "has a password too"),
            ("sqlite://vitalfold.db", "not a postgres:// URL"),
        ] {
            let error = with_password(url, "p").unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
