//! Credentials stay out of everything that is printed.

use percent_encoding::percent_decode_str;

const HIDDEN: &str = "***";

/// A database URL with `***` in place of its password and of every parameter
/// that may hold one. A text that is no URL, such as `host=… password=…`, is
/// hidden as a whole: its quotes and escapes leave no sure end of a password.
pub fn url(url: &str) -> String {
    let is_broken = |c: char| c.is_whitespace() || c.is_control();
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    let Some((scheme, rest)) = url.split_once(':') else {
        return HIDDEN.to_owned();
    };
    if scheme.is_empty() || !scheme.chars().all(is_scheme) {
        return HIDDEN.to_owned();
    }
    if scheme == "sqlite" {
        return format!("{scheme}:{}", parameters(rest));
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return HIDDEN.to_owned();
    };
    if rest.contains(is_broken) {
        return format!("{scheme}://{HIDDEN}");
    }
    // A password may hold a raw '/', '?', '#' or '@': up to the last '@' nothing
    // but the user's name is shown.
    let rest = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{}:{HIDDEN}@{host}", parameters(name)),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    format!("{scheme}://{}", parameters(&rest))
}

/// Hides the values of parameters that may be secrets.
fn parameters(text: &str) -> String {
    let pairs: Vec<_> = text
        .split_inclusive(['?', '&', ';', '#'])
        .map(|pair| {
            let end = pair.ends_with(['?', '&', ';', '#']);
            let (body, end) = pair.split_at(pair.len() - usize::from(end));
            match body.split_once('=') {
                Some((key, _)) if is_secret(key) => format!("{key}={HIDDEN}{end}"),
                _ => pair.to_owned(),
            }
        })
        .collect();
    pairs.concat()
}

fn is_secret(key: &str) -> bool {
    let key = percent_decode_str(key).decode_utf8_lossy().to_lowercase();
    ["pass", "pwd", "secret", "token"]
        .iter()
        .any(|word| key.contains(word))
}

/// A message with the URLs in it redacted, and what follows `password=` hidden
/// to the end of its line.
pub fn message(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(line).collect();
    lines.join("\n")
}

fn line(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let hidden_from = ["password=", "password ="]
        .iter()
        .filter_map(|key| lower.find(key).map(|at| at + key.len()))
        .min();
    let is_url = |word: &str| word.contains("://") && word.contains(['@', '?']);
    let words = |text: &str| {
        let words: Vec<_> = text
            .split(' ')
            .map(|word| {
                let inner = word.trim_matches(['\'', '"', '`', ',', ';']);
                match is_url(inner) {
                    true => {
                        let scheme = inner.find("://").unwrap_or(0);
                        let start = inner[..scheme]
                            .rfind(|c: char| !c.is_ascii_alphanumeric())
                            .map_or(0, |at| at + 1);
                        word.replace(&inner[start..], &url(&inner[start..]))
                    }
                    false => word.to_owned(),
                }
            })
            .collect();
        words.join(" ")
    };
    match hidden_from {
        // Inside a URL the parameter ends where the URL says.
        Some(at) if !text[..at].rsplit(' ').next().unwrap_or("").contains("://") => {
            format!("{}{HIDDEN}", words(&text[..at]))
        }
        _ => words(text),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_are_replaced_wherever_they_stand() {
        for (given, shown) in [
            ("postgres://u:p@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgres://u:p@ss@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p/w?x@h/d", "postgres://u:***@h/d"),
            (
                "postgres://u@h/d?password=x&a=b",
                "postgres://u@h/d?password=***&a=b",
            ),
            (
                "postgres://h/d?user=a@b&password=x",
                "postgres://h/d?user=a@b&password=***",
            ),
            (
                "postgres://h/d?%70assword=x&sslpassword=y",
                "postgres://h/d?%70assword=***&sslpassword=***",
            ),
            ("postgres://:p@h/d", "postgres://:***@h/d"),
            ("mysql://u:p@h/d", "mysql://u:***@h/d"),
            ("postgres://u:p w@h/d", "postgres://***"),
            ("postgres:/u:p@h/d", "***"),
            ("host=h user=u password='p w'", "***"),
            ("host=h password=a://b", "***"),
            ("p@ssword", "***"),
            ("postgres://h/d", "postgres://h/d"),
            ("sqlite://a b.db", "sqlite://a b.db"),
        ] {
            assert_eq!(super::url(given), shown);
        }
    }

    #[test]
    fn messages_hold_no_password() {
        for (given, shown) in [
            (
                "unrecognized subcommand 'postgres://u:p@h/d'",
                "unrecognized subcommand 'postgres://u:***@h/d'",
            ),
            (
                "unexpected '--url=postgres://u:p@h/d?a=b' found",
                "unexpected '--url=postgres://u:***@h/d?a=b' found",
            ),
            ("bad host=h password='a b' x", "bad host=h password=***"),
            ("see https://example.org/a", "see https://example.org/a"),
        ] {
            assert_eq!(super::message(given), shown);
        }
    }
}
