//! `[http]`: the endpoint of `worker`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::bail;
use serde::{Deserialize, Deserializer, Serialize};

use super::explain;

/// A shorter one could be guessed.
const SHORTEST_TOKEN: usize = 16;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    pub enabled: bool,
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Empty for none.
    #[serde(deserialize_with = "explain::string_like")]
    pub token: String,
}

/// Without the token.
impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig")
            .field("enabled", &self.enabled)
            .field("listen", &self.listen)
            .field("token", &self.redacted().token)
            .finish()
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9477),
            token: String::new(),
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = explain::string_like(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "`{text}` is not an address; write the number and the port, such as 127.0.0.1:9477"
        ))
    })
}

impl HttpConfig {
    /// The same with `***` in place of a token.
    pub fn redacted(&self) -> HttpConfig {
        HttpConfig {
            token: if self.token.is_empty() { "" } else { "***" }.into(),
            ..self.clone()
        }
    }

    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if !self.token.is_empty() && self.token.len() < SHORTEST_TOKEN {
            bail!(
                "http.token is shorter than {SHORTEST_TOKEN} characters and could be guessed; \
                 `openssl rand -hex 24` makes a good one"
            );
        }
        if !self.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("http.token may have visible ASCII characters only: it travels in a header");
        }
        Ok(())
    }
}
