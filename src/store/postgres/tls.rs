//! TLS to the server, as `sslmode` and `sslrootcert` of the URL ask for it.
//!
//! `disable`: none. `prefer` (the default): if the server offers it, unchecked.
//! `require`: always; checked like `verify-full` when `sslrootcert` is given,
//! else unchecked. `verify-full`: the certificate must be valid for the host,
//! issued by `sslrootcert` (a PEM file) or by a CA of the system.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::{ErrorClass, Result, StoreError};

/// What the URL says of TLS, and the URL without what tokio-postgres does not
/// know.
#[derive(Debug, PartialEq, Eq)]
struct Settings {
    url: String,
    check: bool,
    root_file: Option<String>,
}

/// A connector for the URL, and the URL for tokio-postgres.
pub(super) fn connector(url: &str) -> Result<(MakeRustlsConnect, String)> {
    let settings = Settings::of(url)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| fatal(format!("TLS cannot be set up: {error}")))?;
    let config = if settings.check {
        let roots = roots(settings.root_file.as_deref())?;
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let unchecked = Arc::new(Unchecked(provider));
        builder
            .dangerous()
            .with_custom_certificate_verifier(unchecked)
            .with_no_client_auth()
    };
    Ok((MakeRustlsConnect::new(config), settings.url))
}

impl Settings {
    fn of(url: &str) -> Result<Settings> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root_file, mut rest) = ("prefer".to_owned(), None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match key {
                "sslmode" => mode = value,
                "sslrootcert" => root_file = Some(value),
                _ => rest.push(pair.to_owned()),
            }
        }
        let (known, check) = match mode.as_str() {
            "disable" => ("disable", false),
            "allow" | "prefer" => ("prefer", false),
            "require" => ("require", root_file.is_some()),
            "verify-full" => ("require", true),
            _ => {
                return Err(fatal(format!(
                    "sslmode={mode} is not supported; use disable, prefer, require or verify-full"
                )));
            }
        };
        rest.push(format!("sslmode={known}"));
        Ok(Settings {
            url: format!("{base}?{}", rest.join("&")),
            check,
            root_file,
        })
    }
}

fn roots(file: Option<&str>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        let unreadable = |error| fatal(format!("sslrootcert {file} cannot be read: {error}"));
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            roots
                .add(certificate.map_err(unreadable)?)
                .map_err(|error| fatal(format!("sslrootcert {file}: {error}")))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        let place = file.unwrap_or("the system's store");
        return Err(fatal(format!(
            "no CA certificate in {place}; name a PEM file in sslrootcert"
        )));
    }
    Ok(roots)
}

fn fatal(message: String) -> StoreError {
    StoreError::new(ErrorClass::Fatal, "read database.url", message)
}

/// Takes whatever certificate the server shows, as libpq does with
/// `sslmode=require`: against listening, not against a server in the middle.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_libpq_are_translated() {
        for (query, rest, check) in [
            ("", "?sslmode=prefer", false),
            ("?sslmode=disable", "?sslmode=disable", false),
            (
                "?sslmode=require&connect_timeout=3",
                "?connect_timeout=3&sslmode=require",
                false,
            ),
            (
                "?sslmode=require&sslrootcert=%2Fca.pem",
                "?sslmode=require",
                true,
            ),
            ("?sslmode=verify-full", "?sslmode=require", true),
        ] {
            let settings = Settings::of(&format!("postgres://u:p@h/d{query}")).unwrap();
            assert_eq!(settings.url, format!("postgres://u:p@h/d{rest}"));
            assert_eq!(settings.check, check, "{query}");
        }
        let error = Settings::of("postgres://h/d?sslmode=verify-ca").unwrap_err();
        assert!(error.message.contains("verify-full"), "{error}");
    }
}
