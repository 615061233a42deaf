//! Credentials stay out of everything that is printed.

/// A database URL with `***` in place of its password, and of a `password`
/// parameter.
pub fn url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, tail) = match rest.find(['/', '?']) {
        Some(at) if !rest[..at].contains('@') && rest.contains('@') => {
            // A raw '/' or '?' inside the password.
            let at = rest.rfind('@').unwrap_or(at);
            let end = rest[at..].find(['/', '?']).map_or(rest.len(), |i| at + i);
            rest.split_at(end)
        }
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    let tail = match tail.split_once('?') {
        Some((path, query)) => {
            let query: Vec<_> = query
                .split('&')
                .map(|pair| match pair.split_once('=') {
                    Some((key, _)) if key.to_ascii_lowercase().contains("password") => {
                        format!("{key}=***")
                    }
                    _ => pair.to_owned(),
                })
                .collect();
            format!("{path}?{}", query.join("&"))
        }
        None => tail.to_owned(),
    };
    format!("{scheme}://{authority}{tail}")
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
            ("postgres://h/d", "postgres://h/d"),
            ("sqlite://a.db", "sqlite://a.db"),
        ] {
            assert_eq!(super::url(given), shown);
        }
    }
}
