//! `[http]`: the endpoint of `worker`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
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
    /// A file that holds the token, read once at the start; empty for none.
    pub token_file: PathBuf,
}

/// Without the token.
impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig")
            .field("enabled", &self.enabled)
            .field("listen", &self.listen)
            .field("token", &self.redacted().token)
            .field("token_file", &self.token_file)
            .finish()
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9477),
            token: String::new(),
            token_file: PathBuf::new(),
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

    /// Takes the token from its file, where one is named.
    pub(super) fn read_token(&mut self) -> anyhow::Result<()> {
        let file = &self.token_file;
        if file.as_os_str().is_empty() {
            return Ok(());
        }
        ensure!(
            self.token.is_empty(),
            "http.token and http.token_file are both set: remove one of them"
        );
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("http.token_file {} cannot be read", file.display()))?;
        let token = text.trim_end_matches(['\r', '\n']);
        ensure!(
            !token.is_empty(),
            "http.token_file {} is empty",
            file.display()
        );
        token.clone_into(&mut self.token);
        Ok(())
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
