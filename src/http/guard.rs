//! Who may ask, and what browsers are told to keep out.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq;

use super::App;
use super::problem::Problem;

const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Puts the security headers on every answer.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// On a loopback address only its own names are answered: a page of another
/// site, whose name was made to point here, gets nothing.
pub(super) async fn host<S>(
    State(app): State<Arc<App<S>>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let ip = app.config.listen.ip();
    if ip.is_loopback() && !names(&request, ip) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this address answers to localhost and its own number only; a proxy in front must \
             send `Host: localhost`",
        ));
    }
    Ok(next.run(request).await)
}

/// What shows that a proxy sent the request: a header of theirs, or HTTP/1.0,
/// which nginx speaks to what is behind it unless told otherwise. Who is behind
/// a proxy on this machine may be anywhere.
fn proxy_mark(request: &Request) -> Option<&str> {
    const HEADERS: [&str; 14] = [
        "forwarded",
        "forwarded-for",
        "via",
        "cdn-loop",
        "proxy-client-ip",
        "wl-proxy-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "cf-ray",
        "fastly-client-ip",
        "fly-client-ip",
        "proxy-connection",
        "client-ip",
        "cluster-client-ip",
    ];
    if request.version() < Version::HTTP_11 {
        return Some("HTTP/1.0");
    }
    request
        .headers()
        .keys()
        .map(header::HeaderName::as_str)
        .find(|name| {
            // Of many proxies: `x-forwarded-for`, `x-original-forwarded-for`,
            // `x-real-ip`, `x-envoy-external-address`.
            let of_proxy = ["forwarded", "-ip", "clientip", "-addr", "-original"];
            let is_other = |part: &&str| name.starts_with("x-") && name.contains(*part);
            HEADERS.contains(name) || of_proxy.iter().any(is_other)
        })
}

/// Whether every name that the request gives the server is its own: that of
/// each `Host` and that of an absolute target.
fn names(request: &Request, ip: IpAddr) -> bool {
    let target = request.uri().authority().map(|name| name.as_str());
    let hosts: Option<Vec<_>> = request
        .headers()
        .get_all(header::HOST)
        .iter()
        .map(|host| host.to_str().ok())
        .collect();
    hosts.is_some_and(|hosts| {
        !hosts.is_empty() && hosts.into_iter().chain(target).all(|host| is_own(host, ip))
    })
}

fn is_own(host: &str, ip: IpAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let number = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || number
            .parse::<IpAddr>()
            .is_ok_and(|named| named == ip || named.is_loopback())
}

/// What people are: aggregates and whose they are.
pub(super) async fn reader<S>(
    State(app): State<Arc<App<S>>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if app.config.token.is_empty() {
        if !app.config.listen.ip().is_loopback() {
            return Err(Problem::forbidden(
                "http.listen is reachable from other machines and http.token is not set: \
                 nothing about people is shown",
            ));
        }
        if let Some(mark) = proxy_mark(&request) {
            return Err(Problem::forbidden(&format!(
                "the request came through a proxy (`{mark}`) and http.token is not set: nothing \
                 about people is shown"
            )));
        }
    } else {
        app.check_token(request.headers())?;
    }
    Ok(next.run(request).await)
}

/// What changes something. The token travels in a header that a page of
/// another site cannot send.
pub(super) async fn operator<S>(
    State(app): State<Arc<App<S>>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if app.config.token.is_empty() {
        return Err(Problem::forbidden(
            "http.token is not set: nothing can be changed here; use the command line",
        ));
    }
    app.check_token(request.headers())?;
    if !app.actions.allows() {
        return Err(too_many());
    }
    Ok(next.run(request).await)
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many requests; try again in ten seconds",
    )
}

impl<S> App<S> {
    fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        match given {
            // First: whoever guesses does not lock out who knows.
            Some(token) if token.ct_eq(self.config.token.as_bytes()).into() => Ok(()),
            Some(_) if !self.wrong_tokens.allows() => Err(too_many()),
            Some(_) => Err(unauthorized("this is not the token that http.token names")),
            None => Err(unauthorized(
                "send the token that http.token names: `Authorization: Bearer …`",
            )),
        }
    }
}

fn unauthorized(error: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_a_proxy_is_told_by_its_headers_and_its_version() {
        let mark = |version, name: &str| {
            let request = axum::http::Request::builder()
                .version(version)
                .header(name, "1");
            let request = request.body(axum::body::Body::empty()).unwrap();
            proxy_mark(&request).is_some()
        };
        for name in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded",
            "x-original-forwarded-for",
            "x-original-url",
            "x-real-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-appengine-user-ip",
            "x-azure-clientip",
            "x-envoy-external-address",
            "x-remote-addr",
            "x-originating-ip",
            "true-client-ip",
            "cf-connecting-ip",
            "cdn-loop",
        ] {
            assert!(mark(Version::HTTP_11, name), "{name}");
        }
        for name in [
            "accept",
            "user-agent",
            "x-requested-with",
            "x-request-id",
            "origin",
        ] {
            assert!(!mark(Version::HTTP_11, name), "{name}");
            assert!(mark(Version::HTTP_10, name), "{name}");
        }
    }

    #[test]
    fn a_loopback_address_answers_to_its_own_names_alone() {
        let ip: IpAddr = "127.0.0.1".parse().unwrap();
        let named = |host: &str| {
            let request = axum::http::Request::builder().header("host", host);
            names(&request.body(axum::body::Body::empty()).unwrap(), ip)
        };
        for host in ["localhost", "LocalHost:9477", "127.0.0.1:9477", "[::1]:80"] {
            assert!(named(host), "{host}");
        }
        for host in [
            "evil.example:9477",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "",
        ] {
            assert!(!named(host), "{host}");
        }
    }
}
